/** Uses every token that is published, again and again, as soon as it is there: none may ever be refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { RequestError } from '../../operator/runtime/errors.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { readerOf } from './full-mesh.ts';
import { type RemoteSecret, remoteSecrets } from './joined.ts';
import { observe } from './observing.ts';

export interface TokenWitness {
	/** Refusals so far, in words. */
	readonly refusals: readonly string[];
	/** How often a token was used successfully. */
	readonly uses: () => number;
	/** How many different tokens were seen for a cluster. */
	readonly tokensOf: (cluster: string) => number;
	/** Uses all tokens that were ever seen once more. Returns for how many each cluster still answers. */
	readonly stop: () => Promise<ReadonlyMap<string, number>>;
}

/** Pause between two uses of all of them. */
const sampleMs = 50;

/** @param reach instead of as the Secret says */
export function watchTokens(
	api: ApiServer,
	namespace: string,
	reach: (secret: RemoteSecret) => ApiServer = readerOf,
): TokenWitness {
	/** Readers by content, by cluster. */
	const readers = new Map<string, Map<string, ApiServer>>();
	/** What is published now, by name, as a watch tells it. */
	const seen = new Map<string, RemoteSecret>();
	const refusals: string[] = [];
	let uses = 0;
	let isOver = false;

	/** Why a token is refused. Only an answer says something about the token. */
	const use = async (reader: ApiServer): Promise<'used' | 'no answer' | RequestError> => {
		try {
			await reader.request({ method: 'GET', path: '/api/v1/endpoints', query: { limit: 1 }, timeoutMs: 5_000 });
			uses++;
			return 'used';
		} catch (error) {
			return error instanceof RequestError ? error : 'no answer';
		}
	};
	/** Cluster and content. */
	const published = (secrets: Iterable<RemoteSecret>) =>
		[...secrets].map((secret) => {
			const [[cluster, content] = ['', '']] = Object.entries(secret.data ?? {});
			return { secret, cluster, content };
		});
	const sample = async () => {
		const results = await Promise.all(
			published(seen.values()).map(async ({ secret, cluster, content }) => {
				const ofCluster = readers.get(cluster) ?? new Map<string, ApiServer>();
				readers.set(cluster, ofCluster);
				const reader = ofCluster.get(content) ?? reach(secret);
				ofCluster.set(content, reader);
				const result = await use(reader);
				if (!(result instanceof RequestError)) return [];
				return [{ cluster, content, text: `${new Date().toISOString()} ${result.message}` }];
			}),
		);
		const refused = results.flat();
		if (refused.length === 0) return;
		// One that has been unpublished since it was read may be refused.
		const still = published(await remoteSecrets(api, namespace));
		for (const { cluster, content, text } of refused) {
			if (still.some((one) => one.cluster === cluster && one.content === content)) refusals.push(`${cluster}: ${text}`);
		}
	};
	const watching = (async () => {
		const observing = await observe<RemoteSecret>(api, kinds.Secret, namespace, ({ type, object }) => {
			const { name, labels = {} } = object.metadata;
			if (type === 'present' && labels['istio/multiCluster'] === 'true') seen.set(name, object);
			else seen.delete(name);
		});
		while (!isOver) {
			await Promise.all([sample(), sleep(sampleMs)]);
		}
		await observing.caughtUp();
		observing.stop();
	})();
	watching.catch(() => undefined);
	return {
		refusals,
		uses: () => uses,
		tokensOf: (cluster) => readers.get(cluster)?.size ?? 0,
		stop: async () => {
			isOver = true;
			await watching;
			const alive = new Map<string, number>();
			for (const [cluster, all] of readers) {
				for (const reader of all.values()) {
					if ((await use(reader)) === 'used') alive.set(cluster, (alive.get(cluster) ?? 0) + 1);
					await reader.close();
				}
			}
			return alive;
		},
	};
}
