import { isIPv4, isIPv6 } from 'node:net';

/**
 * True for an address block such as `10.0.0.0/8` or `fd00::/8`. Accepts what the API server's CEL function `isCIDR` accepts
 * (Go `netip.ParsePrefix`): no zone, no IPv4-mapped IPv6, no leading zeros in the length; bits right of the prefix may be
 * set.
 */
export function isCidr(text: string): boolean {
	const [, address = '', length = ''] = /^([0-9a-fA-F.:]+)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
	if (isIPv4(address)) {
		return Number(length) <= 32;
	}
	return isIPv6(address) && !isMapped(address) && Number(length) <= 128;
}

/** `::ffff:1.2.3.4` in any spelling: the first 80 bits are 0 and the next 16 are 1. */
function isMapped(address: string): boolean {
	return /^\[::ffff:[0-9a-f]+:[0-9a-f]+\]$/.test(new URL(`http://[${address}]/`).hostname);
}
