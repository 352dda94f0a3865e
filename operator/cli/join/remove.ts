/** Removes from a cluster what `join` has made there, unless another mesh needs it. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { orAbsent } from '../../runtime/errors.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import type { ObjectReference } from '../../runtime/object.ts';
import { joinAccount, joinNamespaceLabel, madeByJoin, madeByLabel } from './account.ts';
import { type Joiner, readJoinTokens, tokenSecret } from './token.ts';

export interface Removal {
	readonly deleted: readonly ObjectReference[];
	/** Why something stays, in a sentence. */
	readonly kept?: string;
}

/** Removes the token first, so that nobody can use the account when something fails after that. */
export async function removeAccount(api: ApiServer, joiner: Joiner): Promise<Removal> {
	const { isJoined, hasOthers, otherNamespaces } = await readJoinTokens(api, joiner);
	if (!isJoined) {
		return { deleted: [], kept: `nothing there was made by \`clusters join\` for mesh ${joiner.mesh} of this cluster` };
	}
	const { apiVersion, kind, metadata } = tokenSecret(joiner);
	const targets: ObjectReference[] = [{ apiVersion, kind, name: metadata.name, namespace: joinAccount.namespace }];
	if (!otherNamespaces.has(joiner.namespace)) {
		targets.push(...(await madeFor(api, joiner.namespace)));
	}
	if (!hasOthers) {
		targets.push(...(await find(api, kinds.ServiceAccount, joinAccount.namespace, '')));
	}
	for (const target of targets) await deleteIfThere(api, target);
	return {
		deleted: targets,
		...(hasOthers ? { kept: 'the account stays: another mesh has joined this cluster by it' } : {}),
	};
}

/** Roles and bindings for a mesh in a namespace. */
async function madeFor(api: ApiServer, namespace: string): Promise<readonly ObjectReference[]> {
	const selector = `,${joinNamespaceLabel}=${namespace}`;
	const found = await Promise.all([
		find(api, kinds.ClusterRoleBinding, undefined, selector),
		find(api, kinds.ClusterRole, undefined, selector),
		find(api, kinds.RoleBinding, namespace, selector),
		find(api, kinds.Role, namespace, selector),
	]);
	return found.flat();
}

async function find(
	api: ApiServer,
	kind: Kind,
	namespace: string | undefined,
	selector: string,
): Promise<readonly ObjectReference[]> {
	const { items } = await api.list<{ readonly metadata: { readonly name: string } }>(kind, {
		...(namespace === undefined ? {} : { namespace }),
		labelSelector: `${madeByLabel}=${madeByJoin}${selector}`,
		metadataOnly: true,
	});
	return items.map(({ metadata: { name } }) => ({
		apiVersion: kind.apiVersion,
		kind: kind.kind,
		name,
		...(namespace === undefined ? {} : { namespace }),
	}));
}

async function deleteIfThere(api: ApiServer, reference: ObjectReference): Promise<void> {
	await orAbsent(api.delete(reference));
}
