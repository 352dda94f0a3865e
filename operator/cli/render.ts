/** `meshwright render`: the objects of installations on standard output. */
import { readDesired } from './desired.ts';
import { exitCodes } from './exit-codes.ts';
import { formatObjects, print } from './output.ts';

export interface RenderOptions {
	readonly filename: readonly string[];
	readonly output: 'yaml' | 'json';
	/** False by `--no-crds`. */
	readonly crds: boolean;
}

export async function render(options: RenderOptions): Promise<number> {
	const objects = (await readDesired(options.filename))
		.flatMap((desired) => desired.objects)
		.filter(({ kind }) => options.crds || kind !== 'CustomResourceDefinition');
	await print(formatObjects(objects, options.output));
	return exitCodes.ok;
}
