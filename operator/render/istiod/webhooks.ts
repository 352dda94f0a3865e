/** The webhooks by which API servers ask istiod: about new pods, and about objects of Istio. */
import { injectionLabel, meshLabel } from '../../../api/v1/index.ts';
import { closedNamespaces, type Opaque } from '../../releases/index.ts';
import { defaultRevision, type ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { defaultValidator, injectionWebhookName, istiodName, validationWebhookName } from './names.ts';

const admission = 'admissionregistration.k8s.io/v1';

/** On a pod or a namespace: which control plane it asks. */
const revisionKey = 'istio.io/rev';
/** On a pod: whether it gets a proxy. */
const injectKey = 'sidecar.istio.io/inject';

interface Expression {
	readonly key: string;
	readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
	readonly values?: readonly string[];
}

const is = (key: string, ...values: readonly string[]): Expression => ({ key, operator: 'In', values });
const isNot = (key: string, ...values: readonly string[]): Expression => ({ key, operator: 'NotIn', values });
const absent = (key: string): Expression => ({ key, operator: 'DoesNotExist' });

/**
 * The webhook for new pods. A pod is in one entry at most. istiod writes `caBundle` into all of them as soon as it runs, so
 * nobody owns it here.
 */
export function renderInjectionWebhook(mesh: ResolvedIstiodMesh): KubeObject {
	const revision = mesh.revision ?? defaultRevision;
	const entry = (name: string, namespaces: readonly Expression[], pods: readonly Expression[]) =>
		injectionEntry(mesh, `${name}.sidecar-injector.istio.io`, namespaces, pods);
	const wanted = [isNot(injectKey, 'false')];
	const ofNoRevision = [
		// Another mesh of the cluster may look at the same label: a namespace that names a mesh is served by that one alone.
		entry('namespace', [is(injectionLabel, 'enabled'), absent(meshLabel)], wanted),
		entry('this-mesh.namespace', [is(injectionLabel, 'enabled'), is(meshLabel, mesh.name)], wanted),
		entry('object', [absent(injectionLabel), absent(revisionKey)], [is(injectKey, 'true'), absent(revisionKey)]),
	];
	return {
		apiVersion: admission,
		kind: 'MutatingWebhookConfiguration',
		metadata: {
			name: injectionWebhookName(mesh),
			labels: objectLabels(mesh, 'MutatingWebhookConfiguration', 'injector', 'istio-sidecar-injector'),
		},
		webhooks: [
			entry('rev.namespace', [is(revisionKey, revision), absent(injectionLabel)], wanted),
			entry('rev.object', [absent(revisionKey), absent(injectionLabel)], [...wanted, is(revisionKey, revision)]),
			...(mesh.revision === undefined ? ofNoRevision : []),
		],
	};
}

/** Namespaces of the cluster itself and of the operator are in no entry: there pods must start whatever happens to the mesh. */
function injectionEntry(
	mesh: ResolvedIstiodMesh,
	name: string,
	namespaces: readonly Expression[],
	pods: readonly Expression[],
): Opaque {
	return {
		name,
		admissionReviewVersions: ['v1'],
		clientConfig: { service: { name: istiodName(mesh), namespace: mesh.namespace, path: '/inject', port: 443 } },
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
 * The webhooks for objects of Istio: those that name this revision, and, of the default revision, those that name none. All
 * control planes read these. `failurePolicy` is left out: istiod sets it to Fail when it checks, and its default is Fail.
 */
export function renderValidationWebhooks(mesh: ResolvedIstiodMesh): readonly KubeObject[] {
	const revision = mesh.revision ?? defaultRevision;
	const one = (name: string, entry: string, objects: Expression): KubeObject => ({
		apiVersion: admission,
		kind: 'ValidatingWebhookConfiguration',
		metadata: { name, labels: objectLabels(mesh, 'ValidatingWebhookConfiguration', 'validation', 'istio-validator') },
		webhooks: [validationEntry(mesh, entry, objects)],
	});
	return [
		one(validationWebhookName(mesh), 'rev.validation.istio.io', is(revisionKey, revision)),
		...(mesh.revision === undefined ? [one(defaultValidator, 'validation.istio.io', absent(revisionKey))] : []),
	];
}

function validationEntry(mesh: ResolvedIstiodMesh, name: string, objects: Expression): Opaque {
	return {
		name,
		admissionReviewVersions: ['v1'],
		clientConfig: { service: { name: istiodName(mesh), namespace: mesh.namespace, path: '/validate', port: 443 } },
		matchPolicy: 'Equivalent',
		objectSelector: { matchExpressions: [objects] },
		rules: [
			{ apiGroups: istioGroups, apiVersions: ['*'], operations: ['CREATE', 'UPDATE'], resources: ['*'], scope: '*' },
		],
		sideEffects: 'None',
		timeoutSeconds: 10,
	};
}
