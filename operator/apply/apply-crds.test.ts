import test from 'ava';
import { type KubeObject, objectKey } from '../runtime/object.ts';
import { applyCrds, type CrdMemory } from './apply-crds.ts';
import { bodyHash } from './fingerprint.ts';
import { crdVersionAnnotation, managedByLabel, managedByValue } from './identity.ts';
import { RepairLimit } from './repair-limit.ts';
import { LiveMap, ownEntry } from './testing.ts';
import { Writer } from './writer.ts';

const crd: KubeObject = {
	apiVersion: 'apiextensions.k8s.io/v1',
	kind: 'CustomResourceDefinition',
	metadata: {
		name: 'gateways.networking.istio.io',
		labels: { [managedByLabel]: managedByValue },
		annotations: { [crdVersionAnnotation]: '1.4.10' },
	},
	spec: { versions: [{ name: 'v1alpha3', served: true }] },
};

/** As the API server has it. */
function onServer(resourceVersion: string, isEstablished: boolean): KubeObject {
	return {
		...crd,
		metadata: { ...crd.metadata, uid: 'crd-1', resourceVersion, managedFields: [ownEntry(crd)] },
		status: { conditions: [{ type: 'Established', status: isEstablished ? 'True' : 'False' }] },
	};
}

test('a CRD whose watch event never came is asked for after a while, and then used', async (t) => {
	const live = new LiveMap();
	live.observe(onServer('1', false));
	let now = 0;
	let asked = 0;
	const fingerprint = live.get(objectKey(crd))?.fingerprint ?? '';
	const memory: CrdMemory = {
		applied: new Map([[objectKey(crd), { bodyHash: bodyHash(crd), fingerprint }]]),
		foreign: new Map(),
	};
	const unexpected = () => Promise.reject(new Error('nothing else is asked or written'));
	const pass = async () => {
		const api = {
			get: <T extends KubeObject>() => {
				asked++;
				return Promise.resolve(onServer('2', true) as T);
			},
			apply: unexpected,
			getMetadata: unexpected,
			delete: unexpected,
		};
		const options = { api, live, repairLimit: new RepairLimit(), now: () => now };
		const writer = new Writer(options, AbortSignal.timeout(10_000));
		const { waitingFor } = await applyCrds([crd], memory, writer);
		t.deepEqual(writer.errors, []);
		return { waitingFor, againInMs: writer.againInMs };
	};

	t.deepEqual(await pass(), { waitingFor: ['gateways.networking.istio.io'], againInMs: 5_000 });
	now = 4_900;
	t.deepEqual((await pass()).waitingFor, ['gateways.networking.istio.io']);
	t.is(asked, 0, 'the watch is given its time');
	now = 5_000;
	t.deepEqual((await pass()).waitingFor, []);
	t.is(asked, 1);
	now = 60_000;
	t.deepEqual(await pass(), { waitingFor: [], againInMs: undefined }, 'and no more is asked');
	t.is(asked, 1);
});
