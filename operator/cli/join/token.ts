/**
 * A token that does not end, for the account by which a cluster is joined: the operator uses it for as long as the cluster is
 * part of the mesh, and by it gets the short-lived ones that Pilot is given. It ends with its Secret.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { describeObject, type KubeObject, referenceOf } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { cliFieldManager, joinAccount, joinNamespaceLabel, madeByJoin, madeByLabel } from './account.ts';

/** Who joins: a mesh of a cluster. Several may join the same cluster, each with a token of its own. */
export interface Joiner {
	readonly mesh: string;
	/** Namespace of the mesh. */
	readonly namespace: string;
	/** UID of `kube-system` of the cluster that the mesh is in. */
	readonly localId: string;
}

/** Name of the mesh that something was made for. */
export const joinedMeshLabel = 'meshwright.io/join-mesh';
const joinedByLabel = 'meshwright.io/joined-by';

const pollMs = 200;
const defaultPatienceMs = 30_000;

export function tokenSecret({ mesh, namespace, localId }: Joiner): KubeObject {
	const { apiVersion, kind } = kinds.Secret;
	return {
		apiVersion,
		kind,
		metadata: {
			// The first part of a UID tells clusters apart as well as all of it.
			name: `${joinAccount.name}-${mesh}-${localId.slice(0, 8)}`,
			namespace: joinAccount.namespace,
			labels: {
				'app.kubernetes.io/part-of': 'meshwright',
				[madeByLabel]: madeByJoin,
				[joinNamespaceLabel]: namespace,
				[joinedMeshLabel]: mesh,
				[joinedByLabel]: localId,
			},
			annotations: { 'kubernetes.io/service-account.name': joinAccount.name },
		},
		type: 'kubernetes.io/service-account-token',
	};
}

/** Makes the Secret and waits for its token. Throws CommandError when none comes in time. */
export async function issueJoinToken(api: ApiServer, joiner: Joiner, patienceMs = defaultPatienceMs): Promise<string> {
	const wanted = tokenSecret(joiner);
	const deadline = performance.now() + patienceMs;
	for (;;) {
		const token = await tokenOf(api, wanted);
		if (token !== undefined) return token;
		if (performance.now() > deadline) {
			throw new CommandError(
				`${describeObject(wanted)} got no token within ${patienceMs / 1_000} s`,
				'look whether the controller manager of that cluster runs; then run the same command again',
			);
		}
		await sleep(pollMs);
	}
}

/**
 * A controller that has not heard of the account yet deletes the Secret (kubernetes 1.36
 * `pkg/controller/serviceaccount/tokens_controller.go`): so it is looked for, and made, each time.
 */
async function tokenOf(api: ApiServer, wanted: KubeObject): Promise<string | undefined> {
	try {
		return tokenIn(await api.get(referenceOf(wanted)));
	} catch (error) {
		if (!isNotFound(error)) throw error;
	}
	await api.apply(wanted, {
		fieldManager: cliFieldManager,
		force: true,
		fieldValidation: 'Strict',
		metadataOnly: true,
	});
	return undefined;
}

function tokenIn({ data }: KubeObject): string | undefined {
	const { token } = (data ?? {}) as { readonly token?: unknown };
	return typeof token === 'string' && token !== '' ? Buffer.from(token, 'base64').toString('utf8') : undefined;
}

/** Tokens that join has made in a cluster, of all meshes. */
export interface JoinTokens {
	/** Whether one of them is that of the mesh in question. */
	readonly isJoined: boolean;
	/** Whether others use the account too, and which of the namespaces are theirs. */
	readonly otherNamespaces: ReadonlySet<string>;
	readonly hasOthers: boolean;
}

export async function readJoinTokens(api: ApiServer, joiner: Joiner): Promise<JoinTokens> {
	const own = tokenSecret(joiner).metadata.name;
	let items: readonly Pick<KubeObject, 'metadata'>[] = [];
	try {
		({ items } = await api.list<KubeObject>(kinds.Secret, {
			namespace: joinAccount.namespace,
			labelSelector: `${madeByLabel}=${madeByJoin},${joinedByLabel}`,
			metadataOnly: true,
		}));
	} catch (error) {
		if (!isNotFound(error)) throw error;
	}
	const others = items.filter(({ metadata }) => metadata.name !== own);
	return {
		isJoined: others.length < items.length,
		otherNamespaces: new Set(others.map(({ metadata }) => metadata.labels?.[joinNamespaceLabel] ?? '')),
		hasOthers: others.length > 0,
	};
}
