/** Reads the mesh whose settings pods are injected with: from a file, or a live mesh. */
import { kind } from '../../../api/v1/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { prepareOrThrow, serverVersionOf } from '../desired.ts';
import { type Input, readInput } from '../input.ts';
import { readInstallations } from '../status.ts';

export interface MeshOptions extends ConnectionOptions {
	/** File with a MeshInstallation. Undefined for a live mesh. */
	readonly installation?: string;
	/** Name of the MeshInstallation, when there are several. */
	readonly mesh?: string;
}

/**
 * The one mesh that the user means. Throws CommandError when there is none or several, or when the operator would refuse
 * it.
 */
export async function readMesh(options: MeshOptions): Promise<ResolvedMesh> {
	const inputs: readonly LiveInput[] =
		options.installation === undefined
			? await live(options)
			: named(await readInput([options.installation]), options.mesh);
	const [input, ...others] = inputs;
	if (input === undefined) {
		throw new CommandError(
			`there is no ${kind}${options.mesh === undefined ? '' : ` ${options.mesh}`} in ${options.installation ?? 'the cluster'}`,
			'name a file with --installation, or apply one: kubectl apply -f mesh.yaml',
		);
	}
	if (others.length > 0) {
		const names = inputs.map(({ object }) => nameOf(object)).join(', ');
		throw new CommandError(`there are several ${kind}s: ${names}`, 'choose one with --mesh');
	}
	return prepareOrThrow(input, input.serverVersion).mesh;
}

/** An input with the version of the cluster that it was read from. */
type LiveInput = Input & { readonly serverVersion?: string };

async function live(options: MeshOptions): Promise<readonly LiveInput[]> {
	await using api = await connect(options);
	const installations = await readInstallations(api, options.mesh);
	const serverVersion = await serverVersionOf(api);
	return installations.map((object) => ({ source: 'the cluster', object, serverVersion }));
}

function named(inputs: readonly Input[], name: string | undefined): readonly Input[] {
	return name === undefined ? inputs : inputs.filter(({ object }) => nameOf(object) === name);
}

function nameOf(object: unknown): string {
	const { metadata } = object as { readonly metadata?: { readonly name?: unknown } | null };
	return String(metadata?.name ?? '');
}
