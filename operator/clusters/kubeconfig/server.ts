/** Reads where somebody else's kubeconfig leads: the URL of its API server, the name in its certificate, a proxy. */
import { isIP } from 'node:net';
import type { ClusterSettings } from '../settings.ts';
import { refusedAddress } from './address-guard.ts';
import { type Fields, invalid, pathOf, textOf, unsafe } from './fields.ts';

/** The same limit as in `spec.multiCluster`. */
const longestUrl = 512;

const dnsName = /^[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?(\.[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?)*$/i;

/** The URL in one spelling, without slash at the end, so that whoever dials it dials what was judged here. */
export function serverOf(cluster: Fields, settings: ClusterSettings): string {
	const field = pathOf(cluster, 'server');
	const text = textOf(cluster, 'server');
	if (text === undefined) {
		throw invalid(`${field} is missing: write the https URL of the API server`);
	}
	if (/^http:/i.test(text)) {
		throw unsafe(`${field} is not encrypted: use https`);
	}
	if (!/^https:\/\//i.test(text)) {
		throw invalid(`${field} does not begin with https://`);
	}
	const url = urlOf(text, field);
	refuseHost(url, field, settings);
	return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** The name that the API server's certificate must carry instead of the host. */
export function tlsServerNameOf(cluster: Fields): string | undefined {
	const name = textOf(cluster, 'tls-server-name');
	if (name !== undefined && (name.length > 253 || !dnsName.test(name) || isIP(name) !== 0)) {
		// TLS has no way to ask for a server by address (RFC 6066 3).
		throw invalid(`${pathOf(cluster, 'tls-server-name')} is not a DNS name`);
	}
	return name;
}

export function proxyUrlOf(cluster: Fields, settings: ClusterSettings): string | undefined {
	const field = pathOf(cluster, 'proxy-url');
	const text = textOf(cluster, 'proxy-url');
	if (text === undefined) {
		return undefined;
	}
	if (!settings.allowProxies) {
		throw unsafe(`${field} is set, and this operator allows no proxies: remove it`);
	}
	if (!/^https?:\/\//i.test(text)) {
		throw invalid(`${field} does not begin with http:// or https://`);
	}
	const url = urlOf(text, field);
	if (url.pathname !== '/') {
		throw invalid(`${field} has a path: a proxy has host and port only`);
	}
	refuseHost(url, field, settings);
	return url.origin;
}

/** Parses a URL strictly. The URL standard mends mistakes, and what one parser mends another one reads as another host. */
function urlOf(text: string, field: string): URL {
	if (text.length > longestUrl) {
		throw invalid(`${field} is longer than ${longestUrl} characters`);
	}
	if (/[\s\p{Cc}\\]/u.test(text)) {
		throw invalid(`${field} has spaces, control characters or backslashes`);
	}
	const [, authority = '', rest = ''] = /^[a-z]+:\/\/([^/?#]*)(.*)$/i.exec(text) ?? [];
	if (authority.includes('@')) {
		throw invalid(`${field} has credentials: use a token or a client certificate`);
	}
	if (/[?#]/.test(rest)) {
		throw invalid(`${field} has a query or fragment: remove it`);
	}
	const url = authority === '' ? null : URL.parse(text);
	if (url === null) {
		throw invalid(`${field} is not a URL with a valid host and port`);
	}
	if (url.port === '0') {
		throw invalid(`${field} has port 0`);
	}
	return url;
}

function refuseHost(url: URL, field: string, settings: ClusterSettings): void {
	const what = refusedAddress(url.hostname, settings);
	if (what !== undefined) {
		throw unsafe(`${field} is ${what}: use a host that other machines can reach`);
	}
}
