/**
 * Rights that were just given or taken. The authorizer of an API server learns of roles and bindings by watching them, each
 * kind by a watch of its own: on a busy machine that is later than the answer to who stored them.
 */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { describeObject, type KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from './eventually.ts';

interface Rule {
	readonly apiGroups?: readonly string[];
	readonly resources?: readonly string[];
	readonly resourceNames?: readonly string[];
	readonly verbs: readonly string[];
}

/**
 * Waits until an API server knows everything that these objects give the user of the client.
 * @param objects roles, and the bindings to that user; others are passed over
 */
export async function untilGranted(api: ApiServer, objects: readonly KubeObject[]): Promise<void> {
	await untilRights(api, objects, 'known', (known, rules) => rules.every((rule) => known.has(rule)));
}

/** Waits until an API server knows that everything is taken from the user of the client that these objects gave. */
export async function untilRevoked(api: ApiServer, objects: readonly KubeObject[]): Promise<void> {
	await untilRights(api, objects, 'forgotten', (known, rules) => !rules.some((rule) => known.has(rule)));
}

async function untilRights(
	api: ApiServer,
	objects: readonly KubeObject[],
	how: string,
	isSo: (known: ReadonlySet<string>, rules: readonly string[]) => boolean,
): Promise<void> {
	for (const binding of objects.filter(({ kind }) => kind.endsWith('Binding'))) {
		const rules = rulesOf(boundBy(binding, objects));
		await eventually(`what ${describeObject(binding)} gives is ${how}`, async () =>
			isSo(await rulesIn(api, binding.metadata.namespace ?? 'default'), rules),
		);
	}
}

function boundBy(binding: KubeObject, objects: readonly KubeObject[]): KubeObject {
	const { kind, name } = binding.roleRef as { readonly kind: string; readonly name: string };
	const namespace = kind === 'Role' ? binding.metadata.namespace : undefined;
	const role = objects.find(
		(object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace,
	);
	if (role === undefined) throw new Error(`${kind} ${name} of ${describeObject(binding)} is not among them`);
	return role;
}

function rulesOf({ rules }: KubeObject): readonly string[] {
	return (rules as readonly Rule[]).filter(({ resources }) => resources !== undefined).map(keyOf);
}

/** What the user of the client may do in a namespace, by the roles that the API server knows. */
async function rulesIn(api: ApiServer, namespace: string): Promise<ReadonlySet<string>> {
	const { body } = await api.request<{ readonly status: { readonly resourceRules: readonly Rule[] } }>({
		method: 'POST',
		path: '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews',
		body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace } },
		isReadOnly: true,
	});
	return new Set(body.status.resourceRules.map(keyOf));
}

function keyOf({ apiGroups = [], resources = [], resourceNames = [], verbs }: Rule): string {
	return JSON.stringify([apiGroups, resources, resourceNames, verbs].map((words) => words.toSorted()));
}
