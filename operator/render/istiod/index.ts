/** Renders the objects of a resolved mesh of istiod. */
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderNamespace } from '../namespace.ts';
import type { IstiodFacts } from './facts.ts';
import { renderGateways } from './gateways.ts';
import { renderInjectorConfig } from './injector.ts';
import { renderMeshConfig } from './mesh-config.ts';
import { renderPilot } from './pilot.ts';
import { renderMutualTls } from './security.ts';
import { renderInjectionWebhooks, renderValidationWebhooks } from './webhooks.ts';

export { type IstiodFacts, standIns } from './facts.ts';
export { gatewayComponent } from './gateways.ts';
export { meshConfigHash } from './mesh-config.ts';
export {
	defaultTag,
	defaultValidator,
	injectionWebhookName,
	injectorConfigName,
	istiodName,
	meshConfigName,
	selfSignedSecret,
	tagWebhookName,
	validationWebhookName,
} from './names.ts';
export { mutualTlsComponent } from './security.ts';
export { withdrawn } from './webhooks.ts';

/** All objects of a mesh except Istio's definitions, before `finish`. */
export function istiodComponents(mesh: ResolvedIstiodMesh, facts: IstiodFacts): readonly KubeObject[] {
	return [
		namespaceOf(mesh),
		renderMeshConfig(mesh),
		renderInjectorConfig(mesh),
		...renderPilot(mesh, facts),
		...renderInjectionWebhooks(mesh),
		...renderValidationWebhooks(mesh),
		...renderMutualTls(mesh),
		...renderGateways(mesh),
	];
}

/** Pods of a namespace without a network of their own are in that of the namespace of istiod (label `topology.istio.io/network`). */
function namespaceOf(mesh: ResolvedIstiodMesh): KubeObject {
	const namespace = renderNamespace(mesh);
	const { network } = mesh.location;
	if (network === undefined) return namespace;
	const labels = { ...namespace.metadata.labels, 'topology.istio.io/network': network };
	return { ...namespace, metadata: { ...namespace.metadata, labels } };
}
