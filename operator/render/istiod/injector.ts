/** ConfigMap `istio-sidecar-injector`: what istiod puts into pods (istio 1.30 `pkg/kube/inject/watcher.go`). */
import { stringify } from 'yaml';
import { redirectedByLabel } from '../../../api/v1/index.ts';
import { type ResolvedInjection, type ResolvedIstiodMesh, statusPort } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { injectorConfigName } from './names.ts';
import { gatewayTemplate } from './templates/gateway.ts';
import { grpcAgentTemplate, grpcSimpleTemplate } from './templates/grpc.ts';
import { kubeGatewayTemplate } from './templates/kube-gateway.ts';
import { sidecarTemplate } from './templates/sidecar.ts';
import { waypointTemplate } from './templates/waypoint.ts';

/**
 * istiod starts without it, and then injects nothing until it is started anew. So it is made before istiod, also by a mesh
 * that injects nothing into pods: a Gateway of the Gateway API gets its proxy by a template, too.
 */
export function renderInjectorConfig(mesh: ResolvedIstiodMesh): KubeObject {
	const name = injectorConfigName(mesh);
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: {
			name,
			namespace: mesh.namespace,
			labels: {
				...objectLabels(mesh, 'ConfigMap', 'injector', name),
				// Seen without reading the text: from then on new pods need the plugin on their nodes.
				...(mesh.cni === undefined ? {} : { [redirectedByLabel]: 'cni' }),
			},
		},
		data: {
			config: stringify(configOf(mesh, mesh.injection), { lineWidth: 0, aliasDuplicateObjects: false }),
			values: JSON.stringify(valuesOf(mesh)),
		},
	};
}

const nobody: ResolvedInjection = { policy: 'disabled', namespaces: [], neverInject: [], alwaysInject: [] };

function configOf(mesh: ResolvedIstiodMesh, injection: ResolvedInjection = nobody) {
	return {
		policy: injection.policy,
		defaultTemplates: ['sidecar'],
		alwaysInjectSelector: injection.alwaysInject,
		neverInjectSelector: injection.neverInject,
		injectedAnnotations: {},
		templates: {
			sidecar: sidecarTemplate(mesh),
			gateway: gatewayTemplate(mesh),
			'kube-gateway': kubeGatewayTemplate(mesh),
			'grpc-agent': grpcAgentTemplate(mesh),
			'grpc-simple': grpcSimpleTemplate(mesh),
			waypoint: waypointTemplate(mesh),
		},
	};
}

/**
 * What istiod's own code reads, and istioctl's; the templates have everything else printed into them. A wrong type ends istiod at
 * its start. `istioctl analyze` panics without `enableNamespacesByDefault`, and compares images with that of the proxy (istio 1.30
 * `pkg/config/analysis/analyzers/injection`).
 */
function valuesOf({ images, location, revision = '' }: ResolvedIstiodMesh) {
	// `hub/image:tag`. Where it is named by a digest, the templates have it printed into them.
	const [, hub = '', image = '', tag = ''] = /^(.+)\/([^/:@]+)(?::([^/]+))?(?:@.+)?$/.exec(images.proxy) ?? [];
	return {
		global: {
			hub,
			tag,
			multiCluster: { clusterName: location.clusterId },
			network: location.network ?? '',
			proxy: {
				image: images.proxy.includes('@') ? images.proxy : image,
				holdApplicationUntilProxyStarts: false,
				statusPort,
			},
		},
		revision,
		sidecarInjectorWebhook: { enableNamespacesByDefault: false, rewriteAppHTTPProbe: true },
	};
}
