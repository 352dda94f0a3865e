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

/** The CRD as the API server has it. */
function onServer(resourceVersion: string, isEstablished: boolean): KubeObject {
	return {
		...crd,
		metadata: { ...crd.metadata, uid: 'crd-1', resourceVersion, managedFields: [ownEntry(crd)] },
		status: { conditions: [{ type: 'Established', status: isEstablished ? 'True' : 'False' }] },
	};
}

/** Makes passes over one CRD. The caches show it as not Established; the API server answers with `served`. */
function waiting(served: (asked: number) => KubeObject) {
	const live = new LiveMap();
	live.observe(onServer('1', false));
	const memory: CrdMemory = {
		applied: new Map([
			[objectKey(crd), { bodyHash: bodyHash(crd), fingerprint: live.get(objectKey(crd))?.fingerprint ?? '' }],
		]),
		newer: new Set(),
		foreign: new Map(),
	};
	const seen = { now: 0, asked: 0, applied: [] as unknown[] };
	const unexpected = () => Promise.reject(new Error('nothing else is asked or written'));
	const api = {
		get: <T extends KubeObject>() => Promise.resolve(served(++seen.asked) as T),
		apply: <T extends KubeObject>(object: KubeObject, { fieldManager }: { readonly fieldManager: string }) => {
			seen.applied.push([fieldManager, object.metadata]);
			const answer = onServer('9', false) as KubeObject as T;
			return Promise.resolve({ object: answer, created: false, resourceVersion: '9', warnings: [] });
		},
		list: async () => ({ items: [], resourceVersion: '1' }),
		getMetadata: unexpected,
		delete: unexpected,
		patch: unexpected,
	};
	const pass = async () => {
		const options = { api, live, repairLimit: new RepairLimit(), now: () => seen.now };
		const writer = new Writer(options, AbortSignal.timeout(10_000));
		const { waitingFor } = await applyCrds([crd], memory, writer);
		return { waitingFor, againInMs: writer.againInMs, errors: writer.errors };
	};
	return { seen, pass };
}

const { name } = crd.metadata;

test('a CRD whose watch event never came is asked for after a while, and then used', async (t) => {
	const { seen, pass } = waiting(() => onServer('2', true));
	t.deepEqual(await pass(), { waitingFor: [name], againInMs: 10_000, errors: [] });
	seen.now = 9_900;
	t.deepEqual((await pass()).waitingFor, [name]);
	t.is(seen.asked, 0, 'the watch is given its time');
	seen.now = 10_000;
	t.deepEqual((await pass()).waitingFor, []);
	seen.now = 60_000;
	t.deepEqual(await pass(), { waitingFor: [], againInMs: undefined, errors: [] });
	t.is(seen.asked, 1, 'and no more is asked');
	t.deepEqual(seen.applied, [], 'nothing is written');
});

test('a CRD that the API server has forgotten to establish is nudged, once in a while, and nothing is left on it', async (t) => {
	const { seen, pass } = waiting((asked) => onServer(String(1 + asked), asked > 2));
	await pass();
	for (const now of [10_000, 12_000, 20_000, 25_000]) {
		seen.now = now;
		t.deepEqual((await pass()).waitingFor, [name]);
	}
	t.deepEqual(seen.applied, [
		['meshwright-nudge', { name, annotations: { 'meshwright.io/nudge': '2' } }],
		['meshwright-nudge', { name }],
		['meshwright-nudge', { name, annotations: { 'meshwright.io/nudge': '3' } }],
		['meshwright-nudge', { name }],
	]);
	seen.now = 30_000;
	t.deepEqual((await pass()).waitingFor, []);
	t.is(seen.applied.length, 4);
});

test('a CRD of somebody else that is not established is not touched', async (t) => {
	const { seen, pass } = waiting(() => {
		const found = onServer('2', false);
		return { ...found, metadata: { ...found.metadata, managedFields: [] } };
	});
	await pass();
	seen.now = 10_000;
	t.deepEqual((await pass()).waitingFor, [name]);
	t.deepEqual(seen.applied, []);
});
