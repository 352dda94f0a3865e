/**
 * Takes a cluster back to what was stored when its API server had just started, in a tenth of the time that another start
 * takes. This is done in etcd, past the API server, whose watches see it like any other change: so nothing is in the
 * way, neither finalizers nor webhooks, nor that no controller runs that would end the deletion of a namespace.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { ApiClient } from './api-client.ts';
import { type Etcd, plainKey, type Stored } from './etcd.ts';

export interface StoreState {
	readonly entries: ReadonlyMap<string, Stored>;
	/** API groups that are served. */
	readonly groups: readonly string[];
}

/** What the API server keeps by itself while it runs. */
const housekeeping = [
	// Its own alone: who meets the Lease of another node, or of another operator, waits until that has run out.
	'leases/kube-system/apiserver-',
	'masterleases/',
	'peerserverleases/',
	'ranges/',
	'flowschemas/',
	'prioritylevelconfigurations/',
	'services/specs/default/kubernetes',
	// Of Services: the API server frees them where those are deleted by it.
	'ipaddresses/',
].map((name) => `/registry/${name}`);
/** Those of CRDs are made, and deleted, by the API server when it sees the CRD. */
const apiServices = '/registry/apiregistration.k8s.io/';

/** Whose changes the API server's own admission and authorization go by: a list is answered when its cache has seen all of them. */
const caches = [
	'/api/v1/namespaces',
	'/api/v1/serviceaccounts',
	'/api/v1/secrets',
	...['customresourcedefinitions'].map((plural) => `/apis/apiextensions.k8s.io/v1/${plural}`),
	...['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'].map(
		(plural) => `/apis/admissionregistration.k8s.io/v1/${plural}`,
	),
	...['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'].map(
		(plural) => `/apis/rbac.authorization.k8s.io/v1/${plural}`,
	),
];

/** How long nothing may change before a cluster counts as reset: whoever used it last may still be on the way out. */
const quietMs = 400;
const deadlineMs = 120_000;

const groupList = z.object({ groups: z.array(z.object({ name: z.string() })) });
const serviceList = z.object({
	items: z.array(z.object({ metadata: z.object({ namespace: z.string(), name: z.string() }) })),
});

async function servedGroups(client: ApiClient): Promise<readonly string[]> {
	return groupList
		.parse(await client.request({ path: '/apis' }))
		.groups.map(({ name }) => name)
		.sort();
}

export async function readState(etcd: Etcd, client: ApiClient): Promise<StoreState> {
	return { entries: await etcd.read(), groups: await servedGroups(client) };
}

/** By the API server, which remembers in its own memory which ports of nodes and which addresses are taken. */
async function deleteServices(client: ApiClient): Promise<void> {
	const { items } = serviceList.parse(await client.request({ path: '/api/v1/services' }));
	for (const { metadata } of items) {
		if (metadata.namespace === 'default' && metadata.name === 'kubernetes') continue;
		const path = `/api/v1/namespaces/${metadata.namespace}/services/${metadata.name}`;
		await client.request({ method: 'DELETE', path });
	}
}

interface Difference {
	/** Keys that were not there. */
	readonly added: readonly string[];
	/** Of the API server's own making, which it takes away itself. */
	readonly addedByServer: readonly string[];
	/** What was there and is another, or is gone. */
	readonly former: ReadonlyMap<string, string>;
}

function compare(state: StoreState, now: ReadonlyMap<string, Stored>): Difference {
	const added: string[] = [];
	const addedByServer: string[] = [];
	for (const key of now.keys()) {
		if (state.entries.has(key)) continue;
		const plain = plainKey(key);
		if (plain.startsWith(apiServices)) addedByServer.push(plain);
		else if (!housekeeping.some((prefix) => plain.startsWith(prefix))) added.push(key);
	}
	const former = new Map<string, string>();
	for (const [key, { value }] of state.entries) {
		const plain = plainKey(key);
		const isOwn = plain.startsWith(apiServices) || housekeeping.some((prefix) => plain.startsWith(prefix));
		if (now.get(key)?.value !== value && !(isOwn && now.has(key))) former.set(key, value);
	}
	return { added, addedByServer, former };
}

/** Settled when the API server shows the former state and goes by it. Throws when that does not come. */
export async function resetTo(state: StoreState, etcd: Etcd, client: ApiClient): Promise<void> {
	await deleteServices(client);
	let left: unknown;
	let quietSince = performance.now();
	for (const end = performance.now() + deadlineMs; performance.now() < end; await sleep(150)) {
		const { added, addedByServer, former } = compare(state, await etcd.read());
		const groups = await servedGroups(client);
		left = { added: added.map(plainKey), addedByServer, former: [...former.keys()].map(plainKey), groups };
		if (added.length > 0 || former.size > 0) await etcd.write(former, added);
		const isReset =
			added.length === 0 && former.size === 0 && addedByServer.length === 0 && groups.join() === state.groups.join();
		if (!isReset) quietSince = performance.now();
		else if (performance.now() - quietSince >= quietMs) {
			await Promise.all(caches.map((path) => client.request({ path })));
			return;
		}
	}
	throw new Error(`the cluster is not reset after ${deadlineMs / 1_000} s: ${JSON.stringify(left)}`);
}
