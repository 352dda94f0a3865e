/**
 * Refuses addresses that somebody else's kubeconfig must never make the operator dial: they lead to the operator's own
 * machine, or to services of its cloud that give credentials to whoever asks. Literal addresses are judged when a
 * kubeconfig is read, in every spelling that a resolver would understand. Names are judged when a connection is made, by
 * the very addresses that the connection then uses. So a name that resolves otherwise a second later (DNS rebinding) gains
 * nothing.
 */
import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { InvalidError } from '../../runtime/errors.ts';
import type { ClusterSettings } from '../settings.ts';

interface RefusedBlocks {
	/** Completes "it is …". */
	readonly what: string;
	readonly isLoopback?: true;
	readonly blocks: readonly string[];
}

/**
 * The first match gives the reason. Private, shared (100.64/10) and class E addresses are not refused, because nodes use
 * them.
 */
const refusedBlocks: readonly RefusedBlocks[] = [
	{ what: 'a loopback address', isLoopback: true, blocks: ['127.0.0.0/8', '::1/128'] },
	// Linux connects to its own machine for 0.0.0.0.
	{ what: 'an unspecified address', blocks: ['0.0.0.0/8', '::/128'] },
	{
		what: "an address of a cloud's metadata service",
		blocks: [
			// AWS, Azure, Google, Oracle, OpenStack and others; AWS ECS tasks; AWS EKS pod identity.
			'169.254.169.254/32',
			'169.254.170.2/32',
			'169.254.170.23/32',
			// All of AWS' local services over IPv6: ::254 metadata, ::23 EKS pod identity.
			'fd00:ec2::/32',
			// Google over IPv6.
			'fd20:ce::254/128',
			// Alibaba; Azure's wire server; Oracle's before 169.254.169.254.
			'100.100.100.200/32',
			'168.63.129.16/32',
			'192.0.0.192/32',
		],
	},
	{ what: 'a link-local address', blocks: ['169.254.0.0/16', 'fe80::/10'] },
	{ what: 'a multicast address', blocks: ['224.0.0.0/4', 'ff00::/8'] },
	{ what: 'the broadcast address', blocks: ['255.255.255.255/32'] },
];

/** IPv6 addresses that reach an IPv4 address written in them, in two groups of 16 bits from `at` on. */
const carriers: readonly { readonly blocks: BlockList; readonly at: number }[] = [
	// IPv4-mapped, IPv4-translated (RFC 2765), IPv4-compatible (RFC 4291), NAT64 (RFC 6052, RFC 8215).
	{ blocks: blockList(['::ffff:0:0/96', '::ffff:0:0:0/96', '::/96', '64:ff9b::/96', '64:ff9b:1::/48']), at: 6 },
	// 6to4 (RFC 3056).
	{ blocks: blockList(['2002::/16']), at: 1 },
];

const refusedLists = refusedBlocks.map((entry) => ({ ...entry, list: blockList(entry.blocks) }));

/** A name has at most 253 characters (RFC 1035), and more when some are percent-encoded. */
const longestHost = 512;

const loopbackNames = /^(?:.*\.)?localhost$|^localhost6?\.localdomain6?$|^localhost6$|^ip6-(?:localhost|loopback)$/;

/** Names of clouds' metadata services. All resolve to addresses above; listed here they are refused without DNS. */
const metadataNames = new Set([
	'metadata',
	'metadata.google.internal',
	'metadata.goog',
	'instance-data',
	'instance-data.ec2.internal',
	'metadata.azure.internal',
	'metadata.tencentyun.com',
]);

/**
 * Why this host must not be dialled, as a noun ("a link-local address"), or undefined.
 * @param hostOrIp host of a URL or a bare address: with or without brackets and zone, in any spelling
 */
export function refusedAddress(hostOrIp: string, settings: ClusterSettings): string | undefined {
	const host = canonicalHost(hostOrIp);
	if (host === undefined) {
		return 'neither a host name nor an IP address';
	}
	if (isIP(host) !== 0) {
		return refusedIp(host, settings);
	}
	if (loopbackNames.test(host)) {
		return settings.allowLoopback ? undefined : 'a name of the loopback address';
	}
	return metadataNames.has(host) ? "a name of a cloud's metadata service" : undefined;
}

/**
 * For `ApiServerOptions.lookup`: the system's resolver, which fails with InvalidError `KubeconfigUnsafe` when *any* of a
 * name's addresses is refused. Filtering would work too. But no honest API server has such an address beside others, and so
 * a connection never depends on which of them is tried. Node asks it for names only, never for literal addresses.
 * @param resolve the system's resolver, except in tests
 */
export function guardedLookup(settings: ClusterSettings, resolve: LookupFunction = dnsLookup): LookupFunction {
	return (hostname, options, callback) => {
		const refuse = (what: string) => callback(refusal(hostname, what), options.all === true ? [] : '');
		const name = refusedAddress(hostname, settings);
		if (name !== undefined) {
			refuse(name);
			return;
		}
		resolve(hostname, { ...options, all: true }, (error, answer, family) => {
			if (error !== null) {
				callback(error, options.all === true ? [] : '');
				return;
			}
			const addresses = typeof answer === 'string' ? [{ address: answer, family: family ?? isIP(answer) }] : answer;
			const refused = addresses
				.map(({ address }) => refusedAnswer(address, settings))
				.find((what) => what !== undefined);
			if (refused !== undefined) {
				refuse(refused);
				return;
			}
			answerWith(addresses, hostname, options.all === true, callback);
		});
	};
}

function answerWith(
	addresses: readonly LookupAddress[],
	hostname: string,
	isAll: boolean,
	callback: Parameters<LookupFunction>[2],
): void {
	const [first] = addresses;
	if (first === undefined) {
		callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), isAll ? [] : '');
	} else if (isAll) {
		callback(null, [...addresses]);
	} else {
		callback(null, first.address, first.family);
	}
}

function refusal(hostname: string, what: string): InvalidError {
	return new InvalidError(
		'KubeconfigUnsafe',
		`${hostname} was not dialled: it is, or resolves to, ${what}; use a server that other machines can reach`,
	);
}

/** Why an answer of a resolver is refused. What is no address is refused too. */
function refusedAnswer(address: string, settings: ClusterSettings): string | undefined {
	const host = canonicalHost(address);
	return host === undefined || isIP(host) === 0 ? 'no IP address' : refusedIp(host, settings);
}

function refusedIp(ip: string, settings: ClusterSettings): string | undefined {
	const family = isIPv6(ip) ? 'ipv6' : 'ipv4';
	const found = refusedLists.find(({ list }) => list.check(ip, family));
	if (found !== undefined) {
		return found.isLoopback === true && settings.allowLoopback ? undefined : found.what;
	}
	const carrier = family === 'ipv6' ? carriers.find(({ blocks }) => blocks.check(ip, family)) : undefined;
	return carrier === undefined ? undefined : refusedIp(embeddedIpv4(ip, carrier.at), settings);
}

function embeddedIpv4(ipv6: string, at: number): string {
	const [head = '', tail] = ipv6.split('::');
	const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
	const before = groups(head);
	const after = groups(tail ?? '');
	const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
	const [high = 0, low = 0] = all.slice(at, at + 2);
	return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}

/**
 * Gives an address or name the one spelling of the WHATWG URL standard, which knows what resolvers make of `0x7f.1`,
 * `2130706433`, `0177.0.0.1`, `%31`, full-width digits and the like. Without brackets, zone and dots at the end. Undefined
 * for anything else.
 */
function canonicalHost(text: string): string | undefined {
	if (text.length > longestHost) {
		return undefined;
	}
	const bare = text.replace(/^\[(.*)\]$/s, '$1');
	if (bare.includes(':')) {
		const [address = ''] = bare.split('%');
		return isIPv6(address) ? URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) : undefined;
	}
	if (/[\s\p{Cc}/\\?#@]/u.test(bare)) {
		return undefined;
	}
	// Done twice: what was a name because of dots at its end may be an address without them.
	const once = hostOf(bare);
	const host = once === undefined ? undefined : hostOf(once);
	return host !== undefined && host.length <= 253 && /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(host) ? host : undefined;
}

function hostOf(text: string): string | undefined {
	return URL.parse(`http://${text}`)?.hostname.replace(/\.+$/, '');
}

function blockList(blocks: readonly string[]): BlockList {
	const list = new BlockList();
	for (const block of blocks) {
		const [address = '', length] = block.split('/');
		list.addSubnet(address, Number(length), isIPv6(address) ? 'ipv6' : 'ipv4');
	}
	return list;
}
