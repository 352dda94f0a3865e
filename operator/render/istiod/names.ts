/** Names of objects that istiod, istioctl or API servers know (istio 1.30 `manifests/charts`). */
import type { ResolvedMesh } from '../../releases/index.ts';
import { isSince, type ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import { revisionedName } from '../labels.ts';

type Revisioned = Pick<ResolvedMesh, 'revision' | 'namespace'>;
type Tagged = Pick<ResolvedIstiodMesh, 'namespace' | 'release'>;

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

/**
 * The webhook of a tag. By that of `default` istiod knows the default revision. 1.30 looks for one name, wherever the mesh is
 * (`pkg/revisions/default_watcher.go`).
 */
export function tagWebhookName({ namespace, release }: Tagged, tag: string): string {
	const name = `istio-revision-tag-${tag}`;
	const isOneName = namespace === 'istio-system' || (tag === defaultTag && !isSince(release.minor, '1.31'));
	return isOneName ? name : `${name}-${namespace}`;
}

/** The webhooks for new pods of a mesh: that of its revision, and those of tags. */
export function injectionWebhookNames(
	mesh: Revisioned & Tagged & Pick<ResolvedIstiodMesh, 'defaultTo' | 'tags'>,
): readonly string[] {
	const tags = [...(mesh.defaultTo === undefined ? [] : [defaultTag]), ...mesh.tags.map(({ name }) => name)];
	return [injectionWebhookName(mesh), ...tags.map((tag) => tagWebhookName(mesh, tag))];
}

/** The Service of a tag, for proxies that are told of it. */
export function tagServiceName(tag: string): string {
	return `istiod-revision-tag-${tag}`;
}

/** The tag of those who name no revision. */
export const defaultTag = 'default';

/** Names of everything that a revision has for itself. What has another name is shared by all revisions of a mesh. */
export function ownNames(mesh: Revisioned): ReadonlySet<string> {
	const istiod = istiodName(mesh);
	return new Set([
		istiod,
		`${istiod}-${mesh.namespace}`,
		meshConfigName(mesh),
		injectorConfigName(mesh),
		injectionWebhookName(mesh),
		validationWebhookName(mesh),
	]);
}

/** The webhook for objects of Istio that name this revision. */
export function validationWebhookName(mesh: Revisioned): string {
	return `${revisionedName(mesh, 'istio-validator')}-${mesh.namespace}`;
}

/** The webhook for objects that name no revision. All control planes of a cluster share the name. */
export const defaultValidator = 'istiod-default-validator';

/** The webhooks for objects of a mesh. */
export function validationWebhookNames(mesh: Revisioned): readonly string[] {
	return [validationWebhookName(mesh), defaultValidator];
}

/** Secret with the authority that istiod makes when nobody gives it one (`security/pkg/pki/ca/ca.go`, `CASecret`). */
export const selfSignedSecret = 'istio-ca-secret';

/** ConfigMap that istiod keeps in each namespace (`security/pkg/k8s/controller`, `CACertNamespaceConfigMap`). */
export const rootConfigMap = 'istio-ca-root-cert';

/** Secret with the certificate of istiod, where an authority outside signs it (`istio-discovery/templates/deployment.yaml`). */
export const servingSecret = 'istiod-tls';
