/**
 * The store of a cluster past its API server: etcd's JSON gateway (etcd 3.6 `api/v3/etcdserverpb/rpc.proto`), by the socket in
 * the cluster's directory. Keys and values stay in base64, as they come.
 */
import { Client } from 'undici';
import { z } from 'zod';

/** What is stored under one key. */
export interface Stored {
	readonly value: string;
	/** Of the whole store when this was written: another one after each write. */
	readonly revision: string;
}

export interface Etcd {
	/** All objects, by key. */
	readonly read: () => Promise<ReadonlyMap<string, Stored>>;
	/**
	 * Stores values and deletes keys, each by a write of its own. Several in one transaction would have one revision, and who
	 * goes on watching from a revision after a break never hears of the rest of it.
	 */
	readonly write: (values: ReadonlyMap<string, string>, deleted: readonly string[]) => Promise<void>;
	readonly close: () => Promise<void>;
}

/** Where the API server keeps its objects, to the first key behind. What else there is belongs to its compaction. */
const objects = { key: btoa('/registry/'), range_end: btoa('/registry0') };
const timeoutMs = 30_000;

const entries = z.object({
	kvs: z.array(z.object({ key: z.string(), value: z.string().default(''), mod_revision: z.string() })).default([]),
});

/** Readable form of a key, such as `/registry/pods/default/web`. */
export function plainKey(key: string): string {
	return Buffer.from(key, 'base64').toString();
}

export function etcdAt(socket: string): Etcd {
	const client = new Client('http://localhost', { socketPath: socket });
	const ask = async (method: string, body: object): Promise<unknown> => {
		const { statusCode, body: answer } = await client.request({
			method: 'POST',
			path: `/v3/kv/${method}`,
			body: JSON.stringify(body),
			signal: AbortSignal.timeout(timeoutMs),
		});
		const text = await answer.text();
		if (statusCode !== 200) throw new Error(`etcd answers ${method} with ${statusCode}: ${text.slice(0, 500)}`);
		return JSON.parse(text);
	};
	return {
		read: async () => {
			const { kvs } = entries.parse(await ask('range', objects));
			return new Map(kvs.map(({ key, value, mod_revision: revision }) => [key, { value, revision }]));
		},
		write: async (values, deleted) => {
			for (const key of deleted) await ask('deleterange', { key });
			for (const [key, value] of values) await ask('put', { key, value });
		},
		close: () => client.destroy(),
	};
}
