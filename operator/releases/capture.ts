/** Which traffic of a pod goes through its proxy. All lines read the same settings. */
import type { ParsedSpec } from '../../api/v1/index.ts';

export interface ResolvedCapture {
	/** Outbound address blocks through the proxy; `*` alone for all. */
	readonly includeIPRanges: readonly string[];
	readonly excludeIPRanges: readonly string[];
	/** Inbound ports through the proxy; `*` alone for all. */
	readonly includeInboundPorts: readonly (number | '*')[];
	readonly excludeInboundPorts: readonly number[];
}

/** All of it, when nothing is set. */
export function resolveCapture({ proxy = {} }: ParsedSpec): ResolvedCapture {
	return {
		includeIPRanges: proxy.includeIPRanges ?? ['*'],
		excludeIPRanges: proxy.excludeIPRanges ?? [],
		includeInboundPorts: (proxy.includeInboundPorts ?? ['*']).map((port) => (typeof port === 'number' ? port : '*')),
		excludeInboundPorts: proxy.excludeInboundPorts ?? [],
	};
}
