/**
 * What `meshwright inject` puts into a pod is what the mesh's injector would put in: the printed template, run by an
 * interpreter of its own and merged as the injector's sources say, gives the same for pods of all shapes.
 */
import test from 'ava';
import { releases } from '../../operator/releases/index.ts';
import { meshOf } from '../../operator/render/testing.ts';
import { compared, manually } from './compared.ts';
import { injectorFiles } from './injector-files.ts';
import { meshSpecs } from './meshes.ts';
import { pods } from './pods.ts';
import { startModel } from './webhook-model.ts';

for (const { version, minor } of releases) {
	for (const [title, spec] of Object.entries(meshSpecs(version, minor))) {
		test(`${version}, ${title}: the template gives what injecting by hand gives, for every pod`, (t) => {
			const mesh = meshOf(spec);
			const answer = startModel(injectorFiles(mesh));
			for (const [shape, pod] of Object.entries(pods)) {
				t.deepEqual(manually(mesh, pod), compared(answer({ namespace: 'shop', pod })), shape);
			}
		});
	}
}

test('there are enough pods of each outcome for the comparison to mean something', (t) => {
	for (const { version, minor } of releases) {
		const answer = startModel(injectorFiles(meshOf(meshSpecs(version, minor).plain ?? {})));
		const kinds = Object.values(pods).map((pod) => answer({ namespace: 'shop', pod }).kind);
		const count = (kind: string): number => kinds.filter((each) => each === kind).length;
		t.true(kinds.length >= 40);
		t.true(count('injected') >= 25 && count('skipped') >= 5 && count('refused') >= 5, `${version}: ${kinds.join()}`);
	}
});
