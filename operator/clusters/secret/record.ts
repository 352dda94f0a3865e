/**
 * The Secret `istio-remote-secret-<cluster>` tells Pilot about a cluster, and holds all that the operator has to know about
 * it after a restart. It is one object for the whole life of an entry, so that no crash can separate the two:
 *
 * - `Pending`: without content, and without the label by which Pilot looks. It is written before the first write in the
 *   cluster, like a finalizer, so that what may be left there is never forgotten.
 * - `Published`: label and content come in one write. Pilot sees a new Secret that is complete.
 * - `Leaving`: label and content went in one write, which Pilot sees as a deletion. The Secret goes when the cluster is
 *   clean.
 *
 * Its annotations are read from metadata alone. They contain nothing of the kubeconfig.
 */

import { createHash } from 'node:crypto';
import { clusterAnnotationPrefix, clusterLabel, multiClusterLabel } from '../../../api/v1/constants.ts';
import { definedFields } from '../../../api/v1/index.ts';
import type { Child, ClusterRecordFacts } from '../../apply/child.ts';
import { type Owner, ownerReference } from '../../apply/identity.ts';
import { applySetId } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { IssuedAuthority } from '../authority.ts';
import { secretLabels } from './labels.ts';
import { remoteSecretName } from './remote-secret.ts';

/** A key of a Secret that holds a kubeconfig. */
export interface KubeconfigReference {
	readonly namespace: string;
	readonly name: string;
	readonly key: string;
}

/** When a token was issued, and for how long. */
export interface Issued {
	/** By our clock, in milliseconds since 1970. */
	readonly issuedAt: number;
	/** The life that the API server granted. */
	readonly lifetimeMs: number;
	/** The life that it was asked for. Undefined in records of earlier versions. */
	readonly askedMs?: number;
}

export type RecordState = 'Pending' | 'Published' | 'Leaving';

/** The contents of a cluster's record. */
export interface ClusterRecord {
	readonly cluster: string;
	readonly role: 'Remote' | 'Primary';
	readonly state: RecordState;
	/** UID of `kube-system` there. Undefined until its API server has answered. */
	readonly id?: string;
	/**
	 * When it was admitted, in milliseconds since 1970: who came first stays when two can't be in the mesh together. Undefined
	 * in records of earlier versions.
	 */
	readonly joinedAt?: number;
	/** Whether it has, or may still have, something of a data plane. */
	readonly dataPlane: boolean;
	/** The kubeconfig by which it joined, and by which it is cleaned when it leaves. */
	readonly kubeconfig: KubeconfigReference;
	/** The token that was published last. */
	readonly issued?: Issued;
	/** Hash of everything that the kubeconfig was made from, except the token. */
	readonly basis?: string;
	/** Hash of the content. */
	readonly content?: string;
	/** When content that Pilot may know was replaced, in milliseconds since 1970. Undefined when it never was. */
	readonly replacedAt?: number;
	/** The authority that was issued to the cluster. Undefined when none was. */
	readonly authority?: IssuedAuthority;
	/** When leaving began, in milliseconds since 1970. */
	readonly leavingSince?: number;
}

/**
 * istioctl writes this annotation on such Secrets, for people and tools (istio
 * `istioctl/pkg/multicluster/remote_secret.go`).
 */
const clusterNameAnnotation = 'networking.istio.io/cluster';

/** The component of everything about other clusters. */
const clustersComponent = 'clusters';

/**
 * The ApplySet of the Secret of one cluster. It differs from that of the mesh, whose objects are pruned when they are not
 * rendered.
 */
export function recordSetId(mesh: string, cluster: string): string {
	return applySetId(`${mesh}/clusters/${cluster}`);
}

export function recordReference(namespace: string, cluster: string) {
	const { apiVersion, kind } = kinds.Secret;
	return { apiVersion, kind, namespace, name: remoteSecretName(cluster) };
}

/**
 * Records that were read before. The passes of all clusters ask for them again and again, and what caches hold is frozen.
 */
const known = new WeakMap<ClusterRecordFacts, { readonly record: ClusterRecord | undefined }>();

/** The record in a Secret. Undefined when it represents no cluster, or too little of it can be read. */
export function recordOf({ clusterRecord }: Pick<Child, 'clusterRecord'>): ClusterRecord | undefined {
	if (clusterRecord === undefined) return undefined;
	let found = known.get(clusterRecord);
	if (found === undefined) {
		found = { record: readRecord(clusterRecord) };
		known.set(clusterRecord, found);
	}
	return found.record;
}

function readRecord({ cluster, isPublished, facts }: ClusterRecordFacts): ClusterRecord | undefined {
	const [namespace, name, key] = (facts.kubeconfig ?? '').split('/');
	if (namespace === undefined || name === undefined || key === undefined) return undefined;
	const issued = issuedOf(facts['issued-at'], facts['lifetime-seconds'], facts['asked-seconds']);
	const [replacedAt, leavingSince] = [timeOf(facts['replaced-at']), timeOf(facts['leaving-since'])];
	const joinedAt = timeOf(facts['joined-at']);
	return definedFields({
		cluster,
		role: facts.role === 'Primary' ? 'Primary' : 'Remote',
		dataPlane: facts['data-plane'] === 'true',
		state: isPublished ? 'Published' : leavingSince === undefined ? 'Pending' : 'Leaving',
		id: facts.id,
		joinedAt,
		kubeconfig: { namespace, name, key },
		issued,
		basis: facts.basis,
		content: facts.content,
		replacedAt,
		leavingSince,
		authority: authorityOf(facts),
	});
}

/**
 * The Secret for a record, with the kubeconfig when it is published.
 * @param owner the MeshInstallation; absent in another cluster
 */
export function recordSecret(
	mesh: { readonly name: string; readonly namespace: string; readonly owner?: Owner; readonly partOf?: string },
	record: ClusterRecord,
	kubeconfig?: string,
): KubeObject {
	const { cluster, state, issued } = record;
	const annotations = definedFields({
		role: record.role,
		'data-plane': record.dataPlane ? 'true' : undefined,
		id: record.id,
		'joined-at': textOf(record.joinedAt),
		kubeconfig: `${record.kubeconfig.namespace}/${record.kubeconfig.name}/${record.kubeconfig.key}`,
		'issued-at': textOf(issued?.issuedAt),
		'lifetime-seconds': issued === undefined ? undefined : String(issued.lifetimeMs / 1_000),
		'asked-seconds': issued?.askedMs === undefined ? undefined : String(issued.askedMs / 1_000),
		'expires-at': issued === undefined ? undefined : textOf(issued.issuedAt + issued.lifetimeMs),
		basis: record.basis,
		content: record.content,
		'replaced-at': textOf(record.replacedAt),
		'leaving-since': textOf(record.leavingSince),
		...authorityFacts(record.authority),
	});
	const isPublished = state === 'Published' && kubeconfig !== undefined;
	const { apiVersion, kind, namespace, name } = recordReference(mesh.namespace, cluster);
	return Object.freeze({
		apiVersion,
		kind,
		metadata: {
			namespace,
			name,
			labels: {
				...secretLabels(mesh, clustersComponent, mesh.partOf ?? recordSetId(mesh.name, cluster)),
				[clusterLabel]: cluster,
				...(isPublished ? { [multiClusterLabel]: 'true' } : {}),
			},
			annotations: {
				...(isPublished ? { [clusterNameAnnotation]: cluster } : {}),
				...Object.fromEntries(
					Object.entries(annotations).map(([key, value]) => [`${clusterAnnotationPrefix}${key}`, value]),
				),
			},
			...(mesh.owner === undefined ? {} : { ownerReferences: [ownerReference(mesh.owner)] }),
		},
		type: 'Opaque',
		...(isPublished ? { data: { [cluster]: Buffer.from(kubeconfig).toString('base64') } } : {}),
	});
}

/** Hash of a kubeconfig, for `content`: it shows whether the Secret is still as it was written. */
export function contentHash(kubeconfig: string): string {
	return createHash('sha256').update(kubeconfig).digest('base64url').slice(0, 22);
}

/** The record in a Secret, if this mesh keeps it and not another primary. */
export function ownRecord(mesh: { readonly name: string }, secret: Child | undefined): ClusterRecord | undefined {
	const record = secret === undefined ? undefined : recordOf(secret);
	return record !== undefined && secret?.partOf === recordSetId(mesh.name, record.cluster) ? record : undefined;
}

/** All records that a mesh keeps. */
export function ownRecordsIn(
	mesh: { readonly name: string; readonly namespace: string },
	secrets: Iterable<Child>,
): readonly ClusterRecord[] {
	return [...secrets].flatMap((child) =>
		child.metadata.namespace === mesh.namespace ? (ownRecord(mesh, child) ?? []) : [],
	);
}

/** The records of other clusters in the namespace of a mesh, whoever keeps them. */
export function recordsIn(namespace: string, secrets: Iterable<Child>): readonly ClusterRecord[] {
	return [...secrets].flatMap((child) => {
		const record = child.metadata.namespace === namespace ? recordOf(child) : undefined;
		return record === undefined ? [] : [record];
	});
}

/**
 * A hash of the published Secrets whose content was replaced. Pilot and Mixer of a classic release would not notice that,
 * because they act on Secrets that come and go and ignore updates. Undefined while there are none.
 */
export function replacedHash(records: readonly ClusterRecord[]): string | undefined {
	const lines = records
		.filter(({ state, replacedAt }) => state === 'Published' && replacedAt !== undefined)
		.map(({ cluster, content, replacedAt }) => `${cluster} ${content ?? ''} ${replacedAt ?? ''}`)
		.sort();
	return lines.length === 0 ? undefined : createHash('sha256').update(lines.join('\n')).digest('hex').slice(0, 32);
}

function authorityFacts(authority: IssuedAuthority | undefined): Readonly<Record<string, string | undefined>> {
	if (authority === undefined) return {};
	const { root, roots, content, at, until } = authority;
	return {
		'authority-root': root,
		'authority-roots': roots.join('.'),
		'authority-content': content,
		'authority-at': textOf(at),
		'authority-until': textOf(until),
	};
}

/** Undefined when too little of it can be read: then one is due. */
function authorityOf(facts: ClusterRecordFacts['facts']): IssuedAuthority | undefined {
	const { 'authority-root': root, 'authority-content': content, 'authority-roots': roots } = facts;
	const [at, until] = [timeOf(facts['authority-at']), timeOf(facts['authority-until'])];
	if (root === undefined || content === undefined || roots === undefined || at === undefined || until === undefined)
		return undefined;
	return { root, roots: roots.split('.'), content, at, until };
}

/** Undefined when the text is wrong: then there is no token, and a new one is due. */
function issuedOf(
	at: string | undefined,
	lifetimeSeconds: string | undefined,
	askedSeconds: string | undefined,
): Issued | undefined {
	const issuedAt = timeOf(at);
	const lifetimeMs = Math.round(Number(lifetimeSeconds ?? Number.NaN) * 1_000);
	if (issuedAt === undefined || !(lifetimeMs > 0) || Number.isNaN(new Date(issuedAt + lifetimeMs).getTime()))
		return undefined;
	const askedMs = Math.round(Number(askedSeconds ?? Number.NaN) * 1_000);
	return { issuedAt, lifetimeMs, ...(askedMs > 0 ? { askedMs } : {}) };
}

function timeOf(text: string | undefined): number | undefined {
	const time = Date.parse(text ?? '');
	return Number.isNaN(time) ? undefined : time;
}

function textOf(time: number | undefined): string | undefined {
	return time === undefined ? undefined : new Date(time).toISOString();
}
