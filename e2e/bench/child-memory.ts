/** Prints how many KiB of heap one watched child takes. `measure-process.ts` runs it with --expose-gc. */
import { type Child, toChild } from '../../operator/apply/child.ts';
import { asChild } from '../../operator/apply/identity.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { Store } from '../../operator/runtime/watch/store.ts';
import { renderInstallation } from './measure-apply.ts';
import { installation } from './stage.ts';

const count = 20_000;
const owner = {
	apiVersion: 'meshwright.io/v1',
	kind: 'MeshInstallation',
	name: 'sample',
	uid: '00000000-0000-0000-0000-000000000000',
};
const samples = renderInstallation(installation('sample', '1.4.10'))
	.objects.filter(({ kind }) => kind !== 'Namespace')
	.map((object) => asChild(object, owner));

/**
 * A child as it comes from a watch. It is parsed from text, so that objects share nothing that they would not share in
 * life.
 */
function received(index: number): KubeObject {
	const sample = samples[index % samples.length];
	const entry = {
		manager: 'meshwright',
		operation: 'Apply',
		fieldsType: 'FieldsV1',
		fieldsV1: { 'f:metadata': { 'f:labels': {} } },
	};
	const metadata = {
		...sample?.metadata,
		name: `${sample?.metadata.name}-${index}`,
		uid: `00000000-0000-0000-0000-${String(index).padStart(12, '0')}`,
		resourceVersion: String(100_000 + index),
		managedFields: [entry],
	};
	return JSON.parse(JSON.stringify({ ...sample, metadata })) as KubeObject;
}

const collect = globalThis.gc;
if (collect === undefined) throw new Error('run with --expose-gc');
const store = new Store<Child>({ transform: toChild, indexes: { partOf: ({ partOf }) => partOf } });
for (let index = 0; index < 100; index++) store.put(received(index));
collect();
const before = process.memoryUsage().heapUsed;
for (let index = 100; index < 100 + count; index++) store.put(received(index));
collect();
const after = process.memoryUsage().heapUsed;
console.log((after - before) / 1_024 / count);
if (store.size !== count + 100) throw new Error('not all were kept');
