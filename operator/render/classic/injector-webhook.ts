/** The webhook by which API servers ask the injector about new pods. */
import { Buffer } from 'node:buffer';
import { injectionLabel, managedByLabel, managedByValue, meshLabel } from '../../../api/v1/index.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import { closedNamespaces, type Opaque } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { injectorName, injectorWebhook } from './injector-names.ts';

/**
 * Has two entries, so that two meshes in one cluster each serve their own namespaces: the first is for namespaces that name
 * no mesh, the second for those that name this one.
 */
export function renderWebhook(mesh: ResolvedClassicMesh, roots: string | undefined): KubeObject {
	return {
		apiVersion: 'admissionregistration.k8s.io/v1',
		kind: 'MutatingWebhookConfiguration',
		metadata: {
			name: injectorWebhook(mesh),
			labels: objectLabels(mesh, 'MutatingWebhookConfiguration', 'injector', injectorName),
		},
		webhooks: [
			entry(mesh, roots, 'any-mesh.sidecar-injector.istio.io', { key: meshLabel, operator: 'DoesNotExist' }),
			entry(mesh, roots, 'this-mesh.sidecar-injector.istio.io', {
				key: meshLabel,
				operator: 'In',
				values: [mesh.name],
			}),
		],
	};
}

/**
 * Leaves out `failurePolicy`: its default is Fail, and an Ignore that somebody sets stays. Leaves out `caBundle` too while
 * the roots are unknown: an empty one would remove what is there (istio#6069).
 */
function entry(mesh: ResolvedClassicMesh, roots: string | undefined, name: string, whichMesh: Opaque): Opaque {
	return {
		name,
		// The binary answers in this version alone, and without naming it. v1 would take that for a mistake.
		admissionReviewVersions: ['v1beta1'],
		clientConfig: {
			...(roots === undefined ? {} : { caBundle: Buffer.from(roots).toString('base64') }),
			service: { name: injectorName, namespace: mesh.namespace, path: '/inject', port: 443 },
		},
		matchPolicy: 'Exact',
		namespaceSelector: {
			matchExpressions: [
				{
					key: 'kubernetes.io/metadata.name',
					operator: 'NotIn',
					// There a cluster, and its operator, must be able to make pods whatever happens to the mesh.
					values: [...new Set([...closedNamespaces(mesh.limits), mesh.namespace])].sort(),
				},
				whichMesh,
			],
			matchLabels: { [injectionLabel]: 'enabled' },
		},
		// Excludes the operator's own pods, wherever they run: otherwise the injector could wait for its own answer.
		objectSelector: {
			matchExpressions: [{ key: managedByLabel, operator: 'NotIn', values: [managedByValue] }],
		},
		reinvocationPolicy: 'Never',
		rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], scope: 'Namespaced' }],
		sideEffects: 'None',
		timeoutSeconds: 10,
	};
}
