/** `status.gatewayApi`: what has become of the Gateways of the Gateway API for which istiod makes proxies. Pure. */
import type { ParsedStatus } from '../../api/v1/index.ts';

export interface GatewayApiObservation {
	/** GatewayClasses of istiod, and how many of them it has accepted. */
	readonly classes: number;
	readonly accepted: number;
	/** Gateways of these classes, and how many of them have a proxy. */
	readonly gateways: number;
	readonly programmed: number;
	/** Kind, name and reason of some that are not so. */
	readonly troubles: readonly string[];
}

/** Stays as it was while nobody has looked. */
export function gatewayApiStatus(
	seen: GatewayApiObservation | 'none' | undefined,
	previous: ParsedStatus | undefined,
): Pick<ParsedStatus, 'gatewayApi'> {
	if (seen === 'none') return {};
	if (seen === undefined) return previous?.gatewayApi === undefined ? {} : { gatewayApi: previous.gatewayApi };
	const { troubles, ...counts } = seen;
	return { gatewayApi: troubles.length === 0 ? counts : { ...counts, troubles: [...troubles] } };
}
