/** The webhooks by which API servers ask istiod: about new pods, and about objects of Istio. */
import {
	defaultRevision,
	definedFields,
	injectionLabel,
	managedByLabel,
	managedByValue,
	meshLabel,
	podInjectionKey,
	revisionLabel,
	tagLabel,
	withdrawnLabel,
} from '../../../api/v1/index.ts';
import { closedNamespaces, type Opaque } from '../../releases/index.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { type Labels, objectLabels } from '../labels.ts';
import type { IstiodFacts } from './facts.ts';
import {
	defaultTag,
	defaultValidator,
	injectionWebhookName,
	istiodName,
	tagWebhookName,
	validationWebhookName,
} from './names.ts';

const admission = 'admissionregistration.k8s.io/v1';

interface Expression {
	readonly key: string;
	readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
	readonly values?: readonly string[];
}

const is = (key: string, ...values: readonly string[]): Expression => ({ key, operator: 'In', values });
const isNot = (key: string, ...values: readonly string[]): Expression => ({ key, operator: 'NotIn', values });
const absent = (key: string): Expression => ({ key, operator: 'DoesNotExist' });

/** Of pods whose namespace wants proxies: all but those that say no. */
const wanted = [isNot(podInjectionKey, 'false')];

function serviceOf({ namespace }: ResolvedIstiodMesh, revision: string | undefined): string {
	return istiodName({ namespace, ...definedFields({ revision }) });
}

/** Webhooks for new pods, and what they ask. */
interface Asker {
	readonly mesh: ResolvedIstiodMesh;
	/** The revision that is asked. Undefined: the one without a name. */
	readonly revision: string | undefined;
}

/**
 * The webhooks for new pods: that of this revision, and those of tags. A pod is in one entry of one of them at most. istiod
 * writes `caBundle` into all of its own as soon as it runs, so nobody owns it here.
 *
 * The revision without a name serves those who name none by its own webhook, a revision with a name by the tag `default`.
 */
export function renderInjectionWebhooks(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	if (mesh.injection === undefined) return [];
	const own = { mesh, revision: mesh.revision };
	return [
		webhookOf(own, injectionWebhookName(mesh), [
			...byName(own, mesh.revision ?? defaultRevision),
			...(mesh.revision === undefined ? byNoName(own) : []),
		]),
		...(mesh.defaultTo === undefined ? [] : [tagWebhook({ mesh, revision: mesh.defaultTo }, defaultTag)]),
		...mesh.tags.map(({ name, revision }) => tagWebhook({ mesh, revision }, name)),
	];
}

function tagWebhook(asker: Asker, tag: string): KubeObject {
	const entries = [...byName(asker, tag), ...(tag === defaultTag ? byNoName(asker) : [])];
	return webhookOf(asker, tagWebhookName(asker.mesh, tag), entries, { [tagLabel]: tag });
}

/** Entries for namespaces and pods that ask for a revision or tag by its name. */
function byName(asker: Asker, name: string): readonly Opaque[] {
	return [
		injectionEntry(asker, 'rev.namespace', [is(revisionLabel, name), absent(injectionLabel)], wanted),
		injectionEntry(
			asker,
			'rev.object',
			[absent(revisionLabel), absent(injectionLabel)],
			[...wanted, is(revisionLabel, name)],
		),
	];
}

/** Entries for namespaces and pods that want a proxy and name no revision. */
function byNoName(asker: Asker): readonly Opaque[] {
	return [
		// Another mesh of the cluster may look at the same label: a namespace that names a mesh is served by that one alone.
		injectionEntry(asker, 'namespace', [is(injectionLabel, 'enabled'), absent(meshLabel)], wanted),
		injectionEntry(
			asker,
			'this-mesh.namespace',
			[is(injectionLabel, 'enabled'), is(meshLabel, asker.mesh.name)],
			wanted,
		),
		injectionEntry(
			asker,
			'object',
			[absent(injectionLabel), absent(revisionLabel)],
			[is(podInjectionKey, 'true'), absent(revisionLabel)],
		),
	];
}

function webhookOf({ mesh, revision }: Asker, name: string, webhooks: readonly Opaque[], labels: Labels = {}) {
	const kind = 'MutatingWebhookConfiguration';
	const ofRevision = { ...objectLabels(mesh, kind, 'injector', 'istio-sidecar-injector'), ...labels };
	return {
		apiVersion: admission,
		kind,
		metadata: { name, labels: { ...ofRevision, [revisionLabel]: revision ?? defaultRevision } },
		webhooks,
	};
}

/**
 * The same webhook as it asks about nothing: another one does so instead, or nobody could answer. Its entries stay, since istiod writes
 * into them. istioctl writes the same selector (istio 1.30 `istioctl/pkg/util/common.go`, `NeverMatch`).
 */
export function withdrawn(webhook: KubeObject): KubeObject {
	const entries = (webhook.webhooks ?? []) as readonly (Opaque & { readonly namespaceSelector?: Opaque })[];
	return {
		...webhook,
		metadata: { ...webhook.metadata, labels: { ...webhook.metadata.labels, [withdrawnLabel]: 'true' } },
		webhooks: entries.map((entry) => ({
			...entry,
			namespaceSelector: { ...entry.namespaceSelector, matchLabels: { 'istio.io/deactivated': 'never-match' } },
		})),
	};
}

/**
 * Where pods are sent. An istiod of another cluster is told by the path where they are: what the path says replaces what is in
 * the template (istio 1.30 `pkg/kube/inject/webhook.go`, `parseInjectEnvs`).
 */
function injectionPath({ isServedFromElsewhere = false, location }: ResolvedIstiodMesh): string {
	if (!isServedFromElsewhere) return '/inject';
	const { clusterId, network } = location;
	return `/inject/cluster/${clusterId}${network === undefined ? '' : `/net/${network}`}`;
}

/** Namespaces of the cluster itself and of the operator are in no entry: there pods must start whatever happens to the mesh. */
function injectionEntry(
	{ mesh, revision }: Asker,
	name: string,
	namespaces: readonly Expression[],
	pods: readonly Expression[],
): Opaque {
	return {
		name: `${name}.sidecar-injector.istio.io`,
		admissionReviewVersions: ['v1'],
		clientConfig: {
			service: { name: serviceOf(mesh, revision), namespace: mesh.namespace, path: injectionPath(mesh), port: 443 },
		},
		matchPolicy: 'Equivalent',
		namespaceSelector: {
			matchExpressions: [
				...namespaces,
				isNot('kubernetes.io/metadata.name', ...[...new Set(closedNamespaces(mesh.limits))].sort()),
			],
		},
		objectSelector: { matchExpressions: pods },
		reinvocationPolicy: 'Never',
		rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: '*' }],
		sideEffects: 'None',
		timeoutSeconds: 10,
	};
}

/** The groups of Istio's kinds. */
const istioGroups = ['extensions.istio.io', 'networking.istio.io', 'security.istio.io', 'telemetry.istio.io'] as const;

/**
 * The webhooks for objects of Istio: those that name this revision, and those that name none, which all control planes read.
 * `failurePolicy` is left out: istiod sets it to Fail when it checks, and its default is Fail.
 *
 * What a mesh made is not asked about: it is repaired, and let go of, while no istiod answers. A webhook asks about nothing until
 * istiod has written its authority into it: with policy Fail, everything that users write would be refused for that time.
 */
export function renderValidationWebhooks(
	mesh: ResolvedIstiodMesh,
	{ unanswered = [] }: Pick<IstiodFacts, 'unanswered'>,
): readonly KubeObject[] {
	const one = (name: string, entry: string, revision: string | undefined, objects: Expression): KubeObject => {
		const kind = 'ValidatingWebhookConfiguration';
		const labels = objectLabels(mesh, kind, 'validation', 'istio-validator');
		const webhook = {
			apiVersion: admission,
			kind,
			metadata: { name, labels: { ...labels, [revisionLabel]: revision ?? defaultRevision } },
			webhooks: [validationEntry(mesh, entry, revision, objects)],
		};
		return unanswered.includes(name) ? withdrawn(webhook) : webhook;
	};
	const { revision, defaultTo } = mesh;
	const own = is(revisionLabel, revision ?? defaultRevision);
	return [
		one(validationWebhookName(mesh), 'rev.validation.istio.io', revision, own),
		one(defaultValidator, 'validation.istio.io', defaultTo, absent(revisionLabel)),
	];
}

function validationEntry(
	mesh: ResolvedIstiodMesh,
	name: string,
	revision: string | undefined,
	objects: Expression,
): Opaque {
	return {
		name,
		admissionReviewVersions: ['v1'],
		clientConfig: {
			service: { name: serviceOf(mesh, revision), namespace: mesh.namespace, path: '/validate', port: 443 },
		},
		matchPolicy: 'Equivalent',
		objectSelector: { matchExpressions: [objects, isNot(managedByLabel, managedByValue)] },
		rules: [
			{ apiGroups: istioGroups, apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['*'], scope: '*' },
		],
		sideEffects: 'None',
		timeoutSeconds: 10,
	};
}
