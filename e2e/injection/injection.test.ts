/**
 * What `meshwright inject` puts into a pod is what the mesh's injector would put in: the printed template, run by Go's
 * own `text/template` and merged as the injector's sources say, gives the same for pods of all shapes.
 */
import test from 'ava';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { meshOf } from '../../operator/render/testing.ts';
import { compared, manually } from './compared.ts';
import { injectorFiles } from './injector-files.ts';
import { meshSpecs } from './meshes.ts';
import { pods } from './pods.ts';
import { answersOf } from './webhook-model.ts';

const requests = Object.values(pods).map((pod) => ({ namespace: 'shop', pod }));

for (const { version, minor } of classicReleases) {
	for (const [title, spec] of Object.entries(meshSpecs(version, minor))) {
		test(`${version}, ${title}: the template gives what injecting by hand gives, for every pod`, async (t) => {
			const mesh = meshOf(spec);
			const outcomes = (await answersOf(injectorFiles(mesh), requests)).map(compared);
			for (const [index, [shape, pod]] of Object.entries(pods).entries()) {
				t.deepEqual(manually(mesh, pod), outcomes[index], shape);
			}
		});
	}
}

test('there are enough pods of each outcome for the comparison to mean something', async (t) => {
	for (const { version, minor } of classicReleases) {
		const answers = await answersOf(injectorFiles(meshOf(meshSpecs(version, minor).plain ?? {})), requests);
		const kinds = answers.map(({ kind }) => kind);
		const count = (kind: string): number => kinds.filter((each) => each === kind).length;
		t.true(kinds.length >= 40);
		t.true(count('injected') >= 25 && count('skipped') >= 5 && count('refused') >= 5, `${version}: ${kinds.join()}`);
	}
});
