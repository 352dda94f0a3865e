/** The user of a kubeconfig in a cluster that joins: one per entry, so that its audit log tells what was done there for whom. */
import { randomUUID } from 'node:crypto';
import { kinds } from '../../operator/runtime/kinds.ts';
import { untilInForce } from './authorizer.ts';
import type { Reachable } from './joined.ts';
import { type MeshCluster, operatorAccount, person, userOf } from './mesh-cluster.ts';
import { describeWrite, type Mark, requestsOf, writesOf } from './writes.ts';

export interface Joiner extends Reachable {
	/** In the audit log. */
	readonly user: string;
	/** Ends its tokens. */
	revoke(): Promise<void>;
}

/** A ServiceAccount in the namespace of the operator there, and a token of it; an administrator unless it is said. */
export async function addJoiner(
	{ api, cluster }: MeshCluster,
	{ name = `join-${randomUUID().slice(0, 8)}`, isAdministrator = true } = {},
): Promise<Joiner> {
	const account = { namespace: operatorAccount.namespace, name };
	await api.apply(
		{ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account },
		{ fieldManager: person, force: true },
	);
	if (isAdministrator) {
		const { apiVersion, kind } = kinds.ClusterRoleBinding;
		const binding = {
			apiVersion,
			kind,
			metadata: { name },
			roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
			subjects: [{ kind: 'ServiceAccount', ...account }],
		};
		await api.apply(binding, { fieldManager: person, force: true });
		await untilInForce(api, [binding]);
	}
	const answer = (await cluster.request({
		method: 'POST',
		path: `/api/v1/namespaces/${account.namespace}/serviceaccounts/${name}/token`,
		body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
	})) as { readonly status: { readonly token: string } };
	return {
		url: cluster.url,
		ca: cluster.ca,
		token: answer.status.token,
		user: userOf(account),
		revoke: async () => void (await api.delete({ ...kinds.ServiceAccount, ...account })),
	};
}

/** What was written in a cluster by its joiner, one line each. Questions about permissions and dry runs change nothing. */
export async function writesThere(
	{ cluster }: MeshCluster,
	{ user }: Pick<Joiner, 'user'>,
	since?: Mark,
): Promise<readonly string[]> {
	return (await writesOf(cluster, user, since))
		.filter(
			({ objectRef, requestURI }) =>
				objectRef?.resource !== 'selfsubjectaccessreviews' && !requestURI.includes('dryRun=All'),
		)
		.map(describeWrite);
}

/** What a joiner was not allowed to do. */
export async function refusedThere(
	{ cluster }: MeshCluster,
	{ user }: Pick<Joiner, 'user'>,
	since?: Mark,
): Promise<readonly string[]> {
	return (await requestsOf(cluster, user, since))
		.filter(({ responseStatus }) => responseStatus?.code === 403)
		.map(describeWrite);
}
