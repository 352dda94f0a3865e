/**
 * Bindings that were just stored or deleted, as in `rights.ts`, but asked by an administrator about the account: nothing of it is in the
 * account's own part of the audit log.
 */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { describeObject, type KubeObject, type ObjectReference } from '../../operator/runtime/object.ts';
import { eventually } from './eventually.ts';

interface Rule {
	readonly apiGroups?: readonly string[];
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly verbs: readonly string[];
}

interface Binding extends KubeObject {
	readonly roleRef: { readonly kind: string; readonly name: string };
	readonly subjects?: readonly { readonly kind: string; readonly namespace?: string; readonly name: string }[];
}

const rbac = 'rbac.authorization.k8s.io/v1';

/**
 * Waits until an API server allows ServiceAccounts what some objects give them.
 * @param api of an administrator
 * @param objects of which all but the bindings are passed over; their roles are stored
 */
export async function untilInForce(api: ApiServer, objects: readonly KubeObject[]): Promise<void> {
	await untilDecided(api, objects.filter(isBinding), 'in force', (allowed) => allowed.every(Boolean));
}

/**
 * Deletes a binding, and waits until an API server refuses its ServiceAccounts something of what it gave. A role is known with
 * all of its rules or not at all.
 * @param api of an administrator
 * @param reference its role is stored, and gives something that no other role gives
 */
export async function takeAway(api: ApiServer, reference: ObjectReference): Promise<void> {
	const binding = await api.get(reference);
	await api.delete(reference);
	await untilDecided(api, [binding].filter(isBinding), 'taken away', (allowed) => !allowed.every(Boolean));
}

async function untilDecided(
	api: ApiServer,
	bindings: readonly Binding[],
	how: string,
	isSo: (allowed: readonly boolean[]) => boolean,
): Promise<void> {
	for (const binding of bindings) {
		const { namespace } = binding.metadata;
		const { kind, name } = binding.roleRef;
		const of = kind === 'Role' && namespace !== undefined ? { namespace } : {};
		const role = await api.get<KubeObject & { readonly rules: readonly Rule[] }>({
			apiVersion: rbac,
			kind,
			name,
			...of,
		});
		for (const { kind: subject, namespace: home, name: account } of binding.subjects ?? []) {
			if (subject !== 'ServiceAccount') continue;
			const user = `system:serviceaccount:${home}:${account}`;
			await eventually(`what ${describeObject(binding)} gives is ${how}`, async () =>
				isSo(await Promise.all(role.rules.map((rule) => isAllowed(api, user, namespace, rule)))),
			);
		}
	}
}

function isBinding(object: KubeObject): object is Binding {
	return object.apiVersion === rbac && object.kind.endsWith('Binding');
}

/** Whether the first thing that a rule speaks of is allowed. A role is known with all of its rules or not at all. */
async function isAllowed(
	api: ApiServer,
	user: string,
	namespace: string | undefined,
	{ apiGroups = [], resources = [], resourceNames = [], verbs }: Rule,
): Promise<boolean> {
	const [group, [resource, subresource] = [], name, verb] = [
		apiGroups[0],
		resources[0]?.split('/'),
		resourceNames[0],
		verbs[0],
	];
	if (resource === undefined) return true;
	const { body } = await api.request<{ readonly status: { readonly allowed: boolean } }>({
		method: 'POST',
		path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
		body: {
			apiVersion: 'authorization.k8s.io/v1',
			kind: 'SubjectAccessReview',
			spec: { user, resourceAttributes: { namespace, group, resource, subresource, name, verb } },
		},
		isReadOnly: true,
	});
	return body.status.allowed;
}
