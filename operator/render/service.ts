/** The Service in front of a component of the control plane; that of a gateway is its user's to shape, see `gateways.ts`. */
import type { Port, ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { type Labels, objectLabels } from './labels.ts';

export interface ComponentService {
	/** The component: `pilot`. */
	readonly component: string;
	/** Name of the Service, that of the Deployment: `istio-pilot`. */
	readonly name: string;
	/** Istio's own labels; the selector's among them. */
	readonly labels: Labels;
	/** None where the Service leads to addresses that are written beside it. */
	readonly selector?: Labels;
	readonly annotations?: Labels;
	/** What the pods listen on; of these the ones with a name for a Service are offered. */
	readonly ports: readonly Port[];
	/** Where another port than the pods' own is offered. */
	readonly portOf?: (port: Port) => number;
}

export function componentService(mesh: ResolvedMesh, service: ComponentService): KubeObject {
	const { component, name, labels, selector, annotations, ports, portOf = ({ port }) => port } = service;
	return {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: {
			name,
			namespace: mesh.namespace,
			labels: { ...labels, ...objectLabels(mesh, component, name) },
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
