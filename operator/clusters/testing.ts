/** Shared by the tests of this room: a mesh, an entry, records, and an API server that answers by script. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { RepairLimit } from '../apply/repair-limit.ts';
import { LiveMap, owner, stored } from '../apply/testing.ts';
import { Writer } from '../apply/writer.ts';
import { ApiServer } from '../runtime/client/api-server.ts';
import { RequestError } from '../runtime/errors.ts';
import { describeObject, type KubeObject, type ObjectReference, objectKey } from '../runtime/object.ts';
import type { ClusterObjects } from './cluster-objects.ts';
import type { ClusterRecord } from './secret/record.ts';
import type { WantedCluster } from './wanted-cluster.ts';
import type { KeepingMesh, LeavingMesh } from './wanted-mesh.ts';

export const start = Date.UTC(2026, 0, 1);
export const minute = 60_000;
export const day = 24 * 60 * minute;

export const noObjects: ClusterObjects = {
	labelledNamespaces: [],
	readerAccount: (readBy) => `istio-reader-${readBy}`,
	readerAccountFor: (primary) => `istio-reader-for-${primary}`,
	problemsOf: () => [],
	samples: () => [],
	inCluster: async () => ({ objects: [] }),
};

export function entryOf(name: string, differences: Partial<WantedCluster> = {}): WantedCluster {
	return {
		name,
		role: 'Remote',
		kubeconfig: { namespace: 'secrets', name: `kubeconfig-${name}`, key: 'kubeconfig' },
		...differences,
	};
}

export function wantedMesh(differences: Partial<KeepingMesh> = {}): KeepingMesh {
	return {
		kind: 'keeping',
		name: 'default',
		namespace: 'istio-system',
		owner,
		clusterName: 'here',
		trustDomain: 'cluster.local',
		release: { version: '1.4.10', hasNetworks: true },
		followsSecrets: false,
		paused: false,
		rotation: { lifetimeMs: 30 * day, renewShare: 0.7 },
		leaveTimeoutMs: 5 * minute,
		clusters: [],
		before: new Map(),
		leftBehind: new Set(),
		objects: noObjects,
		basis: undefined,
		...differences,
	};
}

export function leavingMesh(differences: Partial<LeavingMesh> = {}): LeavingMesh {
	return {
		kind: 'leaving',
		name: 'default',
		namespace: 'istio-system',
		owner,
		clusterName: 'here',
		leaveTimeoutMs: 5 * minute,
		isForced: false,
		objects: noObjects,
		...differences,
	};
}

/** The record of a cluster that was begun. When its state is published, it has a token of 30 days. */
export function recordWith(cluster: string, differences: Partial<ClusterRecord> = {}): ClusterRecord {
	const { kubeconfig } = entryOf(cluster);
	const pending: ClusterRecord = { cluster, role: 'Remote', state: 'Pending', dataPlane: false, kubeconfig };
	const issued = differences.state === 'Published' ? { issued: { issuedAt: start, lifetimeMs: 30 * day } } : {};
	return { ...pending, ...issued, ...differences };
}

export interface Asked {
	readonly method: string;
	/** With the query. */
	readonly path: string;
	readonly token: string | undefined;
	readonly body: unknown;
}

/** Makes an answer: status and body. Undefined ends the connection without one. */
export type Script = (asked: Asked) => { readonly status?: number; readonly body?: unknown } | undefined;

export interface ScriptedServer extends AsyncDisposable {
	readonly url: string;
	readonly asked: readonly Asked[];
	readonly api: ApiServer;
	connect(token: string): ApiServer;
}

/** Answers by script, over plain HTTP on loopback. */
export async function startScript(script: Script): Promise<ScriptedServer> {
	const all: Asked[] = [];
	const server = createServer(async (incoming, response) => {
		const chunks: Buffer[] = [];
		for await (const chunk of incoming) chunks.push(chunk as Buffer);
		const text = Buffer.concat(chunks).toString();
		const asked: Asked = {
			method: incoming.method ?? '',
			path: incoming.url ?? '',
			token: incoming.headers.authorization?.replace(/^Bearer /, ''),
			body: text === '' ? undefined : JSON.parse(text),
		};
		all.push(asked);
		const answer = script(asked);
		if (answer === undefined) {
			response.destroy();
			return;
		}
		response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' });
		response.end(JSON.stringify(answer.body ?? {}));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const clients: ApiServer[] = [];
	const connect = (token: string) => {
		const client = new ApiServer({ url, token });
		clients.push(client);
		return client;
	};
	return {
		url,
		asked: all,
		api: connect('sesame-of-the-operator'),
		connect,
		async [Symbol.asyncDispose]() {
			await Promise.all(clients.map((client) => client.close()));
			server.closeAllConnections();
			server.close();
		},
	};
}

/** A token as API servers make it. Nobody here checks its signature. */
export function webToken(claims: Readonly<Record<string, unknown>>): string {
	const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
	return `${part({ alg: 'RS256' })}.${part(claims)}.c2lnbmF0dXJl`;
}

/** Stores objects as an API server does, with our fields as it would list them. Counts each write. */
export class FakeStore {
	readonly live = new LiveMap();
	readonly objects = new Map<string, KubeObject>();
	readonly writes: string[] = [];
	readonly reads: string[] = [];
	/** The next write throws it. */
	refusal: Error | undefined;
	readonly #repairLimit = new RepairLimit();

	/** The part of a client that `Writer` and publications use. */
	readonly api = {
		apply: async (object: KubeObject) => {
			const { refusal } = this;
			this.refusal = undefined;
			if (refusal !== undefined) throw refusal;
			const before = this.objects.get(objectKey(object));
			this.writes.push(describeObject(object));
			const after = stored(object);
			this.objects.set(objectKey(object), after);
			return {
				object: after,
				created: before === undefined,
				warnings: [],
				resourceVersion: after.metadata.resourceVersion,
			};
		},
		get: async (reference: ObjectReference) => this.#find(reference),
		getMetadata: async (reference: ObjectReference) => this.#find(reference),
		/** Removes labels and all data, as a claim does. */
		patch: async (reference: ObjectReference, change: { readonly metadata: { readonly labels: object } }) => {
			const { metadata, apiVersion, kind } = this.#find(reference);
			const labels = Object.entries(metadata.labels ?? {}).filter(([label]) => !(label in change.metadata.labels));
			this.writes.push(`~${describeObject(reference)}`);
			this.objects.set(objectKey(reference), {
				apiVersion,
				kind,
				metadata: { ...metadata, labels: Object.fromEntries(labels) },
			});
		},
		delete: async (reference: ObjectReference) => {
			const key = objectKey(this.#find(reference));
			this.writes.push(`-${describeObject(reference)}`);
			this.objects.delete(key);
			this.live.children.delete(key);
		},
	} as unknown as ApiServer;

	writer(): Writer {
		const { api, live } = this;
		return new Writer({ api, live, repairLimit: this.#repairLimit, now: () => 0 }, new AbortController().signal);
	}

	/** Stores an object, and shows it as its watch would. */
	put(object: KubeObject): void {
		this.objects.set(objectKey(object), object);
		this.live.observe(object);
	}

	take(reference: ObjectReference): void {
		const key = objectKey(reference);
		this.objects.delete(key);
		this.live.children.delete(key);
	}

	#find(reference: ObjectReference): KubeObject {
		this.reads.push(describeObject(reference));
		const found = this.objects.get(objectKey(reference));
		if (found !== undefined) return found;
		throw new RequestError('not found', { status: 404, reason: 'NotFound', object: reference });
	}
}
