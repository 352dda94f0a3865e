/**
 * Keeps one Secret by which a control plane reads a cluster. It has a token that is valid and tried out. Its content stays
 * the same as long as that is so, and it is written only when it differs.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Owner } from '../../apply/identity.ts';
import type { LiveCache } from '../../apply/live.ts';
import type { Writer } from '../../apply/writer.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { CallOptions } from '../../runtime/client/requests.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { claim } from './claim.ts';
import { basisOf, type ReadCluster } from './publication-basis.ts';
import { type ClusterRecord, contentHash, recordOf, recordReference, recordSecret, recordSetId } from './record.ts';
import { remoteKubeconfig } from './remote-secret.ts';
import { isDue, type RotationPolicy } from './rotation.ts';
import type { IssuedToken } from './token.ts';

/** Where the Secret is: the namespace of a mesh. */
export interface PublicationTarget {
	readonly api: ApiServer;
	readonly live: LiveCache;
	readonly writer: Writer;
	readonly mesh: {
		readonly name: string;
		readonly namespace: string;
		readonly owner?: Owner;
		readonly partOf?: string;
	};
}

/** The cluster that is read, and a token for it. */
export interface PublicationSource extends ReadCluster {
	/** Issues a new token for the account, with about this life. The token has been used successfully. */
	readonly issue: (lifetimeMs: number, now: number) => Promise<IssuedToken>;
}

/** What a process remembers about a published Secret. */
export interface PublicationMemory {
	kubeconfig?: string | undefined;
	fingerprint?: string | undefined;
	/** Whether this process published it, or found it published. Then the next one is a replacement. */
	wasPublished: boolean;
}

export interface PublicationWish {
	/** The parts of the record that don't come with the token. */
	readonly record: Pick<
		ClusterRecord,
		'cluster' | 'role' | 'dataPlane' | 'id' | 'joinedAt' | 'kubeconfig' | 'authority'
	>;
	readonly policy: RotationPolicy;
	/** Records of the other clusters of the mesh. */
	readonly others: readonly ClusterRecord[];
	/** Whether the status of the mesh says that it was published. */
	readonly wasPublished: boolean;
	/** Wall clock, milliseconds since 1970. */
	readonly now: number;
	/** When the pods that read the Secret were last replaced for such Secrets, as far as that is known. */
	readonly rolledOutAt?: number | undefined;
}

export type PublicationOutcome = 'unchanged' | 'published' | 'rotated' | 'repaired';

/** Makes the Secret as it should be. Rejects when it can't; what was published before stays then. */
export async function keepPublished(
	target: PublicationTarget,
	source: PublicationSource,
	wish: PublicationWish,
	memory: PublicationMemory,
	options: CallOptions,
): Promise<PublicationOutcome> {
	const { cluster } = wish.record;
	const reference = recordReference(target.mesh.namespace, cluster);
	const live = target.live.get(objectKey(reference));
	const record = live === undefined ? undefined : recordOf(live);
	memory.wasPublished ||= record?.state === 'Published' || wish.wasPublished;
	if (record?.state === 'Published' && memory.kubeconfig === undefined) await recall(target, record, memory, options);

	const basis = basisOf(source);
	const isOurs = live?.partOf === (target.mesh.partOf ?? recordSetId(target.mesh.name, cluster));
	const isGood =
		record?.state === 'Published' &&
		memory.kubeconfig !== undefined &&
		record.content === contentHash(memory.kubeconfig) &&
		record.basis === basis &&
		!isDue(record, wish.others, wish.policy, wish.now, wish.rolledOutAt);
	const foreignKeys = isOurs ? (live?.clusterRecord?.foreignKeys ?? []) : [];
	if (foreignKeys.length > 0) await removeKeys(target, reference, foreignKeys, options);
	if (isGood && isOurs && isAsWished(record, wish.record) && live?.fingerprint === memory.fingerprint)
		return foreignKeys.length > 0 ? 'repaired' : 'unchanged';

	if (live === undefined) await claim(target, reference, options);
	// Does not answer somebody who keeps changing it without end, because with each new token pods are replaced.
	const isRepair = memory.wasPublished && (live === undefined || (isGood && isOurs));
	if (isRepair) {
		const secret = { apiVersion: reference.apiVersion, kind: reference.kind, metadata: reference };
		target.writer.assertMayRepair(target.mesh.partOf ?? target.mesh.name, live ?? secret, live);
	}
	if (isGood) {
		await write(target, { ...record, ...wish.record }, memory.kubeconfig ?? '', memory);
		return isOurs ? 'repaired' : 'published';
	}
	// Somebody deleted the Secret. What is remembered is still good, but Pilot may have missed that it went and came.
	const { token, issued } = await source.issue(wish.policy.lifetimeMs, wish.now);
	const kubeconfig = remoteKubeconfig({ cluster, ...source.access, token });
	const isReplacement = memory.wasPublished;
	await write(
		target,
		{
			...wish.record,
			state: 'Published',
			issued,
			basis,
			content: contentHash(kubeconfig),
			...(isReplacement ? { replacedAt: wish.now } : {}),
		},
		kubeconfig,
		memory,
	);
	return isReplacement ? (record === undefined ? 'repaired' : 'rotated') : 'published';
}

function isAsWished(record: ClusterRecord, wished: PublicationWish['record']): boolean {
	const { cluster, role, dataPlane, kubeconfig, id, joinedAt, authority } = record;
	return isDeepStrictEqual(
		{ cluster, role, dataPlane, kubeconfig, id, joinedAt, authority },
		{ id: undefined, joinedAt: undefined, authority: undefined, ...wished },
	);
}

async function write(
	{ writer, mesh }: PublicationTarget,
	record: ClusterRecord,
	kubeconfig: string,
	memory: PublicationMemory,
): Promise<void> {
	const { fingerprint } = await writer.apply(recordSecret(mesh, record, kubeconfig), true);
	memory.kubeconfig = kubeconfig;
	memory.fingerprint = fingerprint;
	memory.wasPublished = true;
}

/** Reads the published Secret once after a restart, and uses it when it is what was written. */
async function recall(
	{ api, mesh, live }: PublicationTarget,
	record: ClusterRecord,
	memory: PublicationMemory,
	options: CallOptions,
): Promise<void> {
	const reference = recordReference(mesh.namespace, record.cluster);
	let secret: KubeObject & { readonly data?: Readonly<Record<string, string>> };
	try {
		secret = await api.get(reference, options);
	} catch (error) {
		if (isNotFound(error)) return;
		throw error;
	}
	const value = new Map(Object.entries(secret.data ?? {})).get(record.cluster);
	const kubeconfig = Buffer.from(value ?? '', 'base64').toString('utf8');
	if (contentHash(kubeconfig) !== record.content) return;
	memory.kubeconfig = kubeconfig;
	memory.fingerprint = live.get(objectKey(reference))?.fingerprint;
}

/** Removes keys of others: Pilot takes each key for a cluster, whoever put it there. */
async function removeKeys(
	{ api, live, writer }: PublicationTarget,
	reference: ReturnType<typeof recordReference>,
	keys: readonly string[],
	options: CallOptions,
): Promise<void> {
	const { apiVersion, kind } = reference;
	const secret = { apiVersion, kind, metadata: reference };
	const child = live.get(objectKey(reference));
	writer.assertMayRepair(`keys of ${objectKey(reference)}`, child ?? secret, child);
	const data = Object.fromEntries(keys.map((key) => [key, null]));
	await api.patch(reference, { data }, { ...options, type: 'merge', metadataOnly: true });
}

/**
 * Takes over a Secret that another primary has published here. With the content that it wrote, the Secret becomes ours in
 * one write, so that no Pilot ever misses it. False when the content is not what was written.
 */
export async function takeOver(
	target: PublicationTarget,
	record: ClusterRecord,
	own: PublicationWish['record'],
	memory: PublicationMemory,
	options: CallOptions,
): Promise<boolean> {
	await recall(target, record, memory, options);
	if (memory.kubeconfig === undefined) return false;
	await write(target, { ...record, ...own }, memory.kubeconfig, memory);
	return true;
}
