/**
 * What real injectors make of pods is what `meshwright inject` makes of them. Runs where the environment names programs:
 * `MESHWRIGHT_INJECTOR` a folder with `<version>/sidecar-injector`, `MESHWRIGHT_INJECTOR_1_4` one program.
 */
import test from 'ava';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { meshOf } from '../../operator/render/testing.ts';
import { compared, manually } from './compared.ts';
import { injectorFiles } from './injector-files.ts';
import { startInjector } from './injector-process.ts';
import { programOf } from './injector-program.ts';
import { meshSpecs } from './meshes.ts';
import { pods } from './pods.ts';

for (const { version, minor, injector } of classicReleases) {
	const program = programOf(injector.runs);
	for (const [title, spec] of Object.entries(meshSpecs(version, minor))) {
		const name = `${version}, ${title}: the real injector of ${injector.runs} gives what injecting by hand gives, for every pod`;
		if (program === undefined) {
			test.skip(name, () => {});
			continue;
		}
		test.serial(name, async (t) => {
			const mesh = meshOf(spec);
			await using real = await startInjector(program, injectorFiles(mesh));
			for (const [shape, pod] of Object.entries(pods)) {
				t.deepEqual(manually(mesh, pod), compared(await real.ask({ namespace: 'shop', pod })), shape);
			}
		});
	}
}
