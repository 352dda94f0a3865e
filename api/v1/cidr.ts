import { isIPv4, isIPv6 } from 'node:net';
import { parseCidr } from 'cidr-tools';

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
	return isIPv6(address) && mappedIPv4(address) === undefined && Number(length) <= 128;
}

/**
 * Reads an IPv4-mapped address: `1.2.3.4` for `::ffff:1.2.3.4` in any spelling (RFC 4291 2.5.5.2). Undefined for all other
 * addresses of IPv6. The text must be an IPv6 address.
 */
export function mappedIPv4(address: string): string | undefined {
	const { start } = parseCidr(address);
	return start >> 32n === 0xffffn ? [24n, 16n, 8n, 0n].map((shift) => (start >> shift) & 0xffn).join('.') : undefined;
}
