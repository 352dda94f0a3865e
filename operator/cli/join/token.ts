/**
 * Makes a token without end for the account by which a cluster is joined. The operator uses it while the cluster is part of
 * the mesh, to get the short-lived tokens for Pilot. The token ends with its Secret.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { orAbsent } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { describeObject, type KubeObject, referenceOf } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { cliFieldManager, joinAccount, joinNamespaceLabel, madeByJoin, madeByLabel } from './account.ts';

/** A mesh that joins a cluster. Several meshes may join the same cluster, each with its own token. */
export interface Joiner {
	readonly mesh: string;
	/** Namespace of the mesh. */
	readonly namespace: string;
	/** UID of `kube-system` in the cluster of the mesh. */
	readonly localId: string;
}

/** Holds the name of the mesh that an object was made for. */
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
			// The first part of a UID distinguishes clusters as well as all of it.
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
 * A controller that does not know the account yet deletes the Secret (kubernetes 1.36
 * `pkg/controller/serviceaccount/tokens_controller.go`). So each try looks for the Secret, and makes it when it is missing.
 */
async function tokenOf(api: ApiServer, wanted: KubeObject): Promise<string | undefined> {
	const found = await orAbsent(api.get(referenceOf(wanted)));
	if (found !== undefined) return tokenIn(found);
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

/** The tokens that join has made in a cluster, for all meshes. */
export interface JoinTokens {
	/** Whether one of them is for the mesh in question. */
	readonly isJoined: boolean;
	/** The namespaces of other meshes that use the account too. */
	readonly otherNamespaces: ReadonlySet<string>;
	readonly hasOthers: boolean;
}

export async function readJoinTokens(api: ApiServer, joiner: Joiner): Promise<JoinTokens> {
	const own = tokenSecret(joiner).metadata.name;
	const found = await orAbsent(
		api.list<KubeObject>(kinds.Secret, {
			namespace: joinAccount.namespace,
			labelSelector: `${madeByLabel}=${madeByJoin},${joinedByLabel}`,
			metadataOnly: true,
		}),
	);
	const items = found?.items ?? [];
	const others = items.filter(({ metadata }) => metadata.name !== own);
	return {
		isJoined: others.length < items.length,
		otherNamespaces: new Set(others.map(({ metadata }) => metadata.labels?.[joinNamespaceLabel] ?? '')),
		hasOthers: others.length > 0,
	};
}
