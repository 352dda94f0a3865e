/** How proxies talk to Mixer: DestinationRules, which Pilot reads. */
import type { MixerService, ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { objectLabels } from '../../labels.ts';

/** The rule of one of Mixer's services; `name` is the Service's. */
export function mixerTraffic(mesh: ResolvedClassicMesh, component: MixerService, name: string): KubeObject {
	const { exportTo } = mesh.release.mixer.config;
	return {
		apiVersion: 'networking.istio.io/v1alpha3',
		kind: 'DestinationRule',
		metadata: { name, namespace: mesh.namespace, labels: objectLabels(mesh, 'DestinationRule', component, name) },
		spec: {
			host: `${name}.${mesh.namespace}.svc.cluster.local`,
			...(exportTo ? { exportTo: ['*'] } : {}),
			trafficPolicy: {
				portLevelSettings: portSettings(mesh),
				// Far above Envoy's defaults, because one connection carries the calls of a whole pod.
				connectionPool: { http: { http2MaxRequests: 10_000, maxRequestsPerConnection: 10_000 } },
			},
		},
	};
}

/** Port 15004 has mutual TLS only when the control plane has. Port 9091 never has. */
function portSettings(mesh: ResolvedClassicMesh): readonly object[] {
	const setting = (number: number, mode: 'ISTIO_MUTUAL' | 'DISABLE') => ({ port: { number }, tls: { mode } });
	if (mesh.release.mixer.config.explicitTls) {
		return [setting(15004, mesh.controlPlaneSecurity ? 'ISTIO_MUTUAL' : 'DISABLE'), setting(9091, 'DISABLE')];
	}
	return mesh.controlPlaneSecurity ? [setting(15004, 'ISTIO_MUTUAL')] : [];
}
