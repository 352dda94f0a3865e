/** Which values of annotations an injector refuses (`validateAnnotations` of each release). */
import { isIP } from 'node:net';
import type { Minor } from '../../operator/releases/classic/index.ts';

type IsValid = (value: string) => boolean;

function isNumber(text: string, most: bigint): boolean {
	return /^[0-9]+$/.test(text) && BigInt(text) <= most;
}

const isPort: IsValid = (text) => isNumber(text.trim(), 65_535n);
const isUInt32: IsValid = (text) => isNumber(text, 4_294_967_295n);
const isPortList: IsValid = (text) => text.trim() === '' || text.trim().split(',').every(isPort);
const isPortListOrAll: IsValid = (text) => text === '*' || isPortList(text);

const isCIDR: IsValid = (text) => {
	const [, address = '', length = ''] = /^([^/]*)\/([0-9]{1,3})$/.exec(text) ?? [];
	const version = isIP(address);
	return version !== 0 && !address.includes('%') && Number(length) <= (version === 4 ? 32 : 128);
};
const isCIDRList: IsValid = (text) => text === '' || text.split(',').every(isCIDR);
const isCIDRListOrAll: IsValid = (text) => text === '*' || isCIDRList(text);

function checks(minor: Minor): Readonly<Record<string, IsValid>> {
	const modes = ['REDIRECT', 'TPROXY', ...(minor === '1.0' ? [] : ['NONE'])];
	return {
		'sidecar.istio.io/interceptionMode': (value) => modes.includes(value),
		'status.sidecar.istio.io/port': isPort,
		'readiness.status.sidecar.istio.io/initialDelaySeconds': isUInt32,
		'readiness.status.sidecar.istio.io/periodSeconds': isUInt32,
		'readiness.status.sidecar.istio.io/failureThreshold': isUInt32,
		'readiness.status.sidecar.istio.io/applicationPorts': isPortListOrAll,
		'traffic.sidecar.istio.io/includeOutboundIPRanges': isCIDRListOrAll,
		'traffic.sidecar.istio.io/excludeOutboundIPRanges': isCIDRList,
		'traffic.sidecar.istio.io/includeInboundPorts': isPortListOrAll,
		'traffic.sidecar.istio.io/excludeInboundPorts': isPortList,
		...(minor === '1.0' || minor === '1.1' ? {} : { 'traffic.sidecar.istio.io/excludeOutboundPorts': isPortList }),
	};
}

/** Names of the annotations whose values are refused. */
export function invalidAnnotations(minor: Minor, annotations: Readonly<Record<string, string>>): readonly string[] {
	return Object.entries(checks(minor))
		.filter(([name, isValid]) => Object.hasOwn(annotations, name) && !isValid(annotations[name] ?? ''))
		.map(([name]) => name);
}
