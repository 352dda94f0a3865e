/** Renders the objects of a resolved mesh of istiod. */
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderNamespace } from '../namespace.ts';
import { renderCni } from './cni.ts';
import type { IstiodFacts } from './facts.ts';
import { renderGateways } from './gateways.ts';
import { renderInjectorConfig } from './injector.ts';
import { renderMeshConfig } from './mesh-config.ts';
import { renderNetworks } from './networks.ts';
import { renderPilot } from './pilot.ts';
import { renderMutualTls } from './security.ts';
import { renderInjectionWebhooks, renderValidationWebhooks } from './webhooks.ts';

export { cniDaemonSet } from './cni.ts';
export {
	checkIstiodDataPlane,
	istiodMeshThere,
	istiodReaderRules,
	renderIstiodDataPlane,
} from './data-plane.ts';
export { type IstiodFacts, standIns } from './facts.ts';
export { gatewayComponent } from './gateways.ts';
export { meshConfigHash } from './mesh-config.ts';
export {
	defaultTag,
	defaultValidator,
	injectionWebhookName,
	injectionWebhookNames,
	injectorConfigName,
	istiodName,
	meshConfigName,
	ownNames,
	rootConfigMap,
	selfSignedSecret,
	servingSecret,
	tagWebhookName,
	validationWebhookName,
	validationWebhookNames,
} from './names.ts';
export { mutualTlsComponent } from './security.ts';
export { withdrawn } from './webhooks.ts';

/** All objects of a mesh except Istio's definitions, before `finish`. */
export function istiodComponents(mesh: ResolvedIstiodMesh, facts: IstiodFacts): readonly KubeObject[] {
	return [
		renderNamespace(mesh),
		renderMeshConfig(mesh),
		renderInjectorConfig(mesh),
		...renderPilot(mesh, facts),
		...renderInjectionWebhooks(mesh),
		...renderValidationWebhooks(mesh, facts),
		...renderMutualTls(mesh),
		...renderGateways(mesh),
		...renderNetworks(mesh),
		...renderCni(mesh),
	];
}
