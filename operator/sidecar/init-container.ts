/** `istio-init`: writes the iptables rules that lead the pod's traffic to its proxy. */
import { annotations } from './annotations.ts';
import {
	annotated,
	annotation,
	both,
	choose,
	entries,
	type Fields,
	type Item,
	not,
	same,
	setting,
	type Text,
} from './expression.ts';
import type { Definition } from './parts.ts';

/**
 * Port of the separate listener for inbound traffic, which proxies have since 1.3, and in 1.2 when all ports are captured.
 */
const inboundPort = '15006';

export function initContainer({ mesh, since, interceptionMode, transparent, statusPort }: Definition): Fields {
	const { sidecar, images, release } = mesh;
	const { requests, limits } = sidecar.initResources;
	const inbound = annotation(annotations.includeInboundPorts, sidecar.includeInboundPorts.join());
	const args: readonly Item[] = [
		'-p',
		// The charts of 1.2 and newer write 15001 here, whatever the mesh configuration says.
		setting('mesh', 'proxyListenPort', 'number'),
		...(since('1.3') ? ['-z', inboundPort] : []),
		'-u',
		String(sidecar.uid),
		'-m',
		interceptionMode,
		'-i',
		annotation(annotations.includeOutboundIPRanges, sidecar.includeIPRanges.join()),
		'-b',
		inbound,
		'-d',
		excludedPorts(statusPort, sidecar.excludeInboundPorts),
		'-x',
		annotation(annotations.excludeOutboundIPRanges, sidecar.excludeIPRanges.join()),
		...(since('1.2')
			? [entries(annotated(annotations.excludeOutboundPorts), ['-o', annotation(annotations.excludeOutboundPorts, '')])]
			: []),
		...(since('1.1')
			? [entries(annotated(annotations.kubevirtInterfaces), ['-k', annotation(annotations.kubevirtInterfaces, '')])]
			: []),
	];
	return {
		name: 'istio-init',
		image: images.proxyInit,
		imagePullPolicy: images.pullPolicy,
		...(release.injector.initCommand.length === 0 ? {} : { command: release.injector.initCommand }),
		args,
		// Not with TPROXY: then Pilot makes no such listener (pilot/pkg/model/context.go IsInboundCaptureAllPorts).
		...(release.minor === '1.2'
			? {
					env: choose(both(same(inbound, '*'), not(transparent)), [
						{ name: 'INBOUND_CAPTURE_PORT', value: inboundPort },
					]),
				}
			: {}),
		resources: { ...(requests === undefined ? {} : { requests }), ...(limits === undefined ? {} : { limits }) },
		securityContext: since('1.3')
			? {
					allowPrivilegeEscalation: false,
					capabilities: { add: release.injector.initCapabilities, drop: ['ALL'] },
					privileged: false,
					readOnlyRootFilesystem: false,
					runAsGroup: 0,
					runAsNonRoot: false,
					runAsUser: 0,
				}
			: {
					capabilities: { add: release.injector.initCapabilities },
					privileged: false,
					// Overrides what the pod says for all of its containers: only root can write the rules.
					runAsNonRoot: false,
					runAsUser: 0,
				},
	};
}

/** Adds the agent's port to the ports that bypass the proxy, because the kubelet asks the agent directly. */
function excludedPorts(statusPort: Text, excluded: readonly number[]): Text {
	return {
		is: 'portAdded',
		port: statusPort,
		ports: annotation(annotations.excludeInboundPorts, excluded.join()),
	};
}
