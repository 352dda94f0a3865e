/** Renders the Service in front of a component of the control plane. Users shape that of a gateway, see `gateways.ts`. */
import type { Port, ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { type Labels, objectLabels } from './labels.ts';

export interface ComponentService {
	/** The component: `pilot`. */
	readonly component: string;
	/** Name of the Service, and of the Deployment: `istio-pilot`. */
	readonly name: string;
	/** Undefined when the Service leads to addresses that are written beside it. */
	readonly selector?: Labels;
	readonly annotations?: Labels;
	/** The ports that the pods listen on. The Service offers those with a name for a Service. */
	readonly ports: readonly Port[];
	/** Maps a port to the one that the Service offers, when that differs. */
	readonly portOf?: (port: Port) => number;
}

export function componentService(mesh: ResolvedMesh, service: ComponentService): KubeObject {
	const { component, name, selector, annotations, ports, portOf = ({ port }) => port } = service;
	return {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: {
			name,
			namespace: mesh.namespace,
			labels: objectLabels(mesh, 'Service', component, name),
			...(annotations === undefined ? {} : { annotations }),
		},
		spec: {
			selector,
			ports: ports.flatMap((port) =>
				port.service === undefined
					? []
					: [{ name: port.service, port: portOf(port), protocol: 'TCP', targetPort: port.port }],
			),
		},
	};
}
