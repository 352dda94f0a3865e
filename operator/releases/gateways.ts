/** Gateways of the classic line: how the proxies at the edge of the mesh are started, per release. */
import type { ComponentRelease, Minor } from './release.ts';

export interface GatewayRelease extends ComponentRelease {}

const common = {
	image: 'proxyv2',
	flags: [],
	resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { cpu: '2', memory: '1Gi' } },
} as const satisfies GatewayRelease;

export const gatewayReleases: Readonly<Record<Minor, GatewayRelease>> = {
	'1.0': common,
	'1.1': common,
	'1.2': common,
	'1.3': common,
	'1.4': common,
};
