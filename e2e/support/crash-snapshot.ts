/** What is there of an installation, in a form in which two installations of the same spec are equal. */
import { isDeepStrictEqual } from 'node:util';
import { instanceOf } from '../../operator/apply/identity.ts';
import { applySetId } from '../../operator/render/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { orAbsent } from './eventually.ts';

/** Objects by key, with everything that differs from one installation to the next taken out. */
export type Snapshot = Readonly<Record<string, unknown>>;

const namespacedKinds: readonly Kind[] = [
	kinds.ServiceAccount,
	kinds.Role,
	kinds.RoleBinding,
	kinds.ConfigMap,
	kinds.Secret,
	kinds.Service,
	kinds.NetworkPolicy,
	kinds.Deployment,
	kinds.HorizontalPodAutoscaler,
	kinds.PodDisruptionBudget,
];

/** Istio's own, which are there when its CRDs are. */
const customKinds: readonly Kind[] = [kinds.PeerAuthentication];

const clusterKinds: readonly Kind[] = [
	kinds.Namespace,
	kinds.ClusterRole,
	kinds.ClusterRoleBinding,
	kinds.MutatingWebhookConfiguration,
	kinds.ValidatingWebhookConfiguration,
	kinds.MeshInstallation,
];

/** Fields whose values are given by the API server, or by the clock. */
const volatileFields: ReadonlySet<string> = new Set([
	'uid',
	'resourceVersion',
	'creationTimestamp',
	'time',
	'lastTransitionTime',
	'clusterIP',
	'clusterIPs',
	'hash',
	'bodies',
	'settings',
]);

const uids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

function normal(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(normal);
	if (typeof value !== 'object' || value === null) return value;
	return Object.fromEntries(
		Object.entries(value).map(([key, field]) => [key, volatileFields.has(key) ? `<${key}>` : normal(field)]),
	);
}

/** Entries of managedFields come in order of time: here by manager, so that only who owns what counts. */
function sorted(object: KubeObject): KubeObject {
	const entries = (object.metadata.managedFields ?? []).toSorted((a, b) =>
		`${a.manager} ${a.subresource ?? ''}`.localeCompare(`${b.manager} ${b.subresource ?? ''}`),
	);
	return { ...object, metadata: { ...object.metadata, managedFields: entries } };
}

/**
 * Everything in an installation's namespace, and whatever cluster-scoped carries its name or its label: so that what was
 * left over shows too. Owners of fields and generations are part of it, resource versions are not.
 * @param name of the installation and of its namespace; a word that is nowhere else
 */
export async function takeSnapshot(api: ApiServer, name: string): Promise<Snapshot> {
	const inNamespace = namespacedKinds.map((kind) => api.list<KubeObject>(kind, { namespace: name }));
	const custom = customKinds.map((kind) => orAbsent(api.list<KubeObject>(kind, { namespace: name })));
	const inCluster = clusterKinds.map((kind) => api.list<KubeObject>(kind));
	const [own, ofIstio, all] = await Promise.all([
		Promise.all(inNamespace),
		Promise.all(custom),
		Promise.all(inCluster),
	]);
	const others = all
		.flatMap(({ items }) => items)
		.filter(({ metadata }) => isNamedAfter(metadata.name, name) || instanceOf(metadata.labels) === name);
	const inNamespaceOfIt = [...own, ...ofIstio].flatMap((list) => list?.items ?? []);
	return describe([...inNamespaceOfIt, ...others], name);
}

/**
 * Whether the installation itself is as in a snapshot: one request instead of one for each kind. Its status is written last, so
 * before that nothing else needs to be looked at.
 */
export function isInstallationAsIn(expected: Snapshot, installation: KubeObject | undefined, name: string): boolean {
	const key = objectKey({ ...kinds.MeshInstallation, name: '<name>' });
	const found = describe(installation === undefined ? [] : [installation], name);
	return isDeepStrictEqual(found[key], expected[key]);
}

/** The CRDs of Istio. */
export async function takeCrdSnapshot(api: ApiServer): Promise<Snapshot> {
	const { items } = await api.list<KubeObject>(kinds.CustomResourceDefinition);
	return describe(
		items.filter(({ metadata }) => metadata.name.endsWith('.istio.io')),
		'',
	);
}

function describe(objects: readonly KubeObject[], name: string): Snapshot {
	const lines = objects.map((object): [string, unknown] => [objectKey(object), normal(sorted(object))]);
	// The owner's uid is in keys too: of fieldsV1.
	const text = JSON.stringify(Object.fromEntries(lines)).replaceAll(uids, '<uid>');
	if (name === '') return JSON.parse(text);
	return JSON.parse(text.replaceAll(applySetId(name), '<apply set>').replaceAll(name, '<name>'));
}

function isNamedAfter(text: string, name: string): boolean {
	return text.split(/[^a-z0-9]+/).includes(name);
}
