/** Renders the Service in front of a component of the control plane, and that of a gateway, which users shape. */
import type { Port, ResolvedGatewayService, ResolvedMesh } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { asGiven } from './finish.ts';
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

/** The Service in front of a gateway. */
export function gatewayService(
	mesh: ResolvedMesh,
	gateway: {
		readonly component: string;
		readonly name: string;
		readonly selector: Labels;
		readonly service: ResolvedGatewayService;
		/** Labels that this gateway's Service has beside those of its release. */
		readonly labels?: Labels;
	},
): KubeObject {
	const { component, name, selector, labels = {} } = gateway;
	const { type, ports, annotations, externalTrafficPolicy, loadBalancerSourceRanges } = gateway.service;
	return {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: {
			name,
			namespace: mesh.namespace,
			labels: { ...objectLabels(mesh, 'Service', component, name), ...labels },
			annotations: asGiven(annotations),
		},
		spec: {
			type,
			selector,
			ports: ports.map(({ name: portName, port, targetPort, nodePort, protocol }) => ({
				name: portName,
				port,
				protocol,
				targetPort,
				// The cluster chooses it unless the user does. With fixed ones only one mesh per cluster could have gateways.
				nodePort,
			})),
			externalTrafficPolicy,
			loadBalancerSourceRanges,
		},
	};
}
