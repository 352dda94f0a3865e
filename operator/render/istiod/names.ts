/** Names of objects that istiod, istioctl or API servers know (istio 1.30 `manifests/charts`). */
import type { ResolvedMesh } from '../../releases/index.ts';
import { revisionedName } from '../labels.ts';

type Revisioned = Pick<ResolvedMesh, 'revision' | 'namespace'>;

/** Deployment, Service, ServiceAccount and roles. */
export function istiodName(mesh: Revisioned): string {
	return revisionedName(mesh, 'istiod');
}

/** ConfigMap with the mesh configuration. */
export function meshConfigName(mesh: Revisioned): string {
	return revisionedName(mesh, 'istio');
}

/** ConfigMap with the templates. */
export function injectorConfigName(mesh: Revisioned): string {
	return revisionedName(mesh, 'istio-sidecar-injector');
}

/** The webhook for new pods. Its name has the namespace in it, unless that is Istio's own. */
export function injectionWebhookName(mesh: Revisioned): string {
	const name = revisionedName(mesh, 'istio-sidecar-injector');
	return mesh.namespace === 'istio-system' ? name : `${name}-${mesh.namespace}`;
}

/** The webhook for objects of Istio that name this revision. */
export function validationWebhookName(mesh: Revisioned): string {
	return `${revisionedName(mesh, 'istio-validator')}-${mesh.namespace}`;
}

/** The webhook for objects that name no revision. All control planes of a cluster share the name. */
export const defaultValidator = 'istiod-default-validator';

/** Secret with the authority that istiod makes when nobody gives it one (`security/pkg/pki/ca/ca.go`, `CASecret`). */
export const selfSignedSecret = 'istio-ca-secret';

/** ConfigMap that istiod keeps in each namespace (`security/pkg/k8s/controller`, `CACertNamespaceConfigMap`). */
export const rootConfigMap = 'istio-ca-root-cert';
