/**
 * The Secret with the certificate authority of one cluster, as the operator issues it. Its annotations tell from metadata alone
 * what is in it, and contain nothing of the key.
 */
import { createHash } from 'node:crypto';
import { type Owner, ownerReference } from '../apply/identity.ts';
import { ownershipOf } from '../apply/ownership.ts';
import { applySetId } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { CallOptions } from '../runtime/client/requests.ts';
import { InvalidError, orAbsent } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject } from '../runtime/object.ts';
import { secretLabels } from './secret/labels.ts';

/** The files of an authority, as istiod reads them. */
export interface AuthorityFiles {
	readonly 'ca-cert.pem': string;
	readonly 'ca-key.pem': string;
	readonly 'cert-chain.pem': string;
	readonly 'root-cert.pem': string;
}

/** What a cluster has been given. */
export interface IssuedAuthority {
	/** Id of the root that has signed it. */
	readonly root: string;
	/** Ids of all roots in trust. */
	readonly roots: readonly string[];
	/** Hash of the files, see `filesHash`. */
	readonly content: string;
	/** When it was given, and when it ends, in milliseconds since 1970. */
	readonly at: number;
	readonly until: number;
}

/** What a mesh wants clusters with a control plane of their own to have. */
export interface AuthorityWish {
	/** Name of the Secret in the namespace of the mesh. */
	readonly secretName: string;
	/** Id of the root whose authorities sign now. */
	readonly root: string;
	/** All roots in trust: their ids, and all of them in PEM. */
	readonly roots: readonly string[];
	readonly rootsPem: string;
	/** Makes an authority for a cluster. Undefined while that can't be. */
	readonly issue: ((cluster: string) => Promise<NewAuthority>) | undefined;
	/** Why not, in a sentence. */
	readonly problem?: string;
}

export interface NewAuthority {
	readonly files: AuthorityFiles;
	/** When it ends, in milliseconds since 1970. */
	readonly until: number;
}

/** The part of its life after which an authority is made anew. */
const renewalShare = 2 / 3;

export function renewalOfAuthority({ at, until }: Pick<IssuedAuthority, 'at' | 'until'>): number {
	return at + (until - at) * renewalShare;
}

export function filesHash(files: AuthorityFiles): string {
	const sorted = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
	return createHash('sha256').update(JSON.stringify(sorted)).digest('base64url').slice(0, 22);
}

const annotation = {
	content: 'meshwright.io/authority-content',
	changedAt: 'meshwright.io/authority-changed-at',
} as const;

const component = 'authority';

/** It belongs to no set that is pruned: a control plane needs it as long as it runs. */
export function authoritySetId(mesh: string): string {
	return applySetId(`${mesh}/authority`);
}

export function authorityReference(namespace: string, name: string) {
	const { apiVersion, kind } = kinds.Secret;
	return { apiVersion, kind, namespace, name };
}

/** @param owner the MeshInstallation; absent in another cluster */
export function authoritySecret(
	mesh: { readonly name: string; readonly namespace: string; readonly owner?: Owner },
	name: string,
	files: AuthorityFiles,
	changedAt: number,
): KubeObject {
	const { apiVersion, kind, namespace } = authorityReference(mesh.namespace, name);
	return Object.freeze({
		apiVersion,
		kind,
		metadata: {
			namespace,
			name,
			labels: secretLabels(mesh, component, authoritySetId(mesh.name)),
			annotations: {
				[annotation.content]: filesHash(files),
				[annotation.changedAt]: new Date(changedAt).toISOString(),
			},
			...(mesh.owner === undefined ? {} : { ownerReferences: [ownerReference(mesh.owner)] }),
		},
		type: 'Opaque',
		data: Object.fromEntries(Object.entries(files).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
	});
}

export interface StoredAuthority {
	readonly files: AuthorityFiles;
	/** Whether they are those that an operator has written. */
	readonly isIntact: boolean;
	readonly changedAt: number | undefined;
}

/**
 * Reads the Secret. Undefined when there is none, or when it holds no whole authority. Throws InvalidError when it is somebody
 * else's.
 */
export async function readAuthority(
	api: Pick<ApiServer, 'get'>,
	reference: ReturnType<typeof authorityReference>,
	mesh: { readonly name: string; readonly owner?: Owner },
	options: CallOptions,
): Promise<StoredAuthority | undefined> {
	type Secret = KubeObject & { readonly data?: Readonly<Record<string, string>> };
	const secret = await orAbsent(api.get<Secret>(reference, options));
	if (secret === undefined) return undefined;
	const ownership = ownershipOf(secret.metadata, authoritySetId(mesh.name), mesh.owner?.uid);
	if (ownership.kind === 'foreign') {
		throw new InvalidError(
			'SecretConflict',
			`${describeObject(reference)} exists and belongs to ${ownership.owner}; no authority is issued into it. Delete it, or give it to Meshwright with annotation meshwright.io/adopt: "true" on it: then its root stays in trust for as long as needed`,
			{ object: reference },
		);
	}
	const file = (name: keyof AuthorityFiles) => Buffer.from(secret.data?.[name] ?? '', 'base64').toString('utf8');
	const files: AuthorityFiles = {
		'ca-cert.pem': file('ca-cert.pem'),
		'ca-key.pem': file('ca-key.pem'),
		'cert-chain.pem': file('cert-chain.pem'),
		'root-cert.pem': file('root-cert.pem'),
	};
	if (files['ca-cert.pem'] === '' || files['ca-key.pem'] === '' || files['root-cert.pem'] === '') return undefined;
	const { [annotation.content]: content, [annotation.changedAt]: changed = '' } = secret.metadata.annotations ?? {};
	const changedAt = Date.parse(changed);
	return {
		files,
		isIntact: ownership.kind === 'adoptable' || content === filesHash(files),
		changedAt: Number.isNaN(changedAt) ? undefined : changedAt,
	};
}
