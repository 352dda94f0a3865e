import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type SecureVersion, TLSSocket } from 'node:tls';
import test from 'ava';
import { type IssuedCertificate, issueServingCertificate, renewalOf, type ServingCertificate } from './index.ts';

const dayMs = 24 * 60 * 60_000;
const dnsNames = ['istio-sidecar-injector.istio-system.svc', 'istio-sidecar-injector.istio-system'];
const issue = (now: Date, previousRoots = '', names: readonly string[] = dnsNames): Promise<IssuedCertificate> =>
	issueServingCertificate({ dnsNames: names, now, lifetimeMs: 90 * dayMs, previousRoots });
const later = (date: Date, days: number) => new Date(date.getTime() + days * dayMs);

function split(bundle: string): readonly X509Certificate[] {
	return bundle
		.split(/(?<=-----END CERTIFICATE-----\n)/)
		.filter((pem) => pem !== '')
		.map((pem) => new X509Certificate(pem));
}

/** What a client that trusts these roots sees. Rejects when it refuses the server. */
async function dial(
	server: ServingCertificate,
	roots: string,
	servername: string,
	version: SecureVersion,
): Promise<string> {
	const listener = createServer({ cert: server.certChain, key: server.key, maxVersion: version });
	listener.on('tlsClientError', () => undefined);
	await new Promise<void>((settle) => listener.listen(0, '127.0.0.1', settle));
	try {
		const { port } = listener.address() as AddressInfo;
		const socket = connect({ port, host: '127.0.0.1', servername, ca: roots });
		await once(socket, 'secureConnect');
		const { name } = socket.getCipher();
		socket.destroy();
		return `${socket instanceof TLSSocket && socket.authorized ? 'authorized' : 'refused'} ${name}`;
	} finally {
		listener.close();
	}
}

test('a client that has the root takes the server by each of its names, also by TLS 1.2 as the oldest injectors speak it', async (t) => {
	const certificate = await issue(new Date());
	for (const name of dnsNames) {
		t.regex(await dial(certificate, certificate.roots, name, 'TLSv1.2'), /^authorized ECDHE-ECDSA-/);
		t.regex(await dial(certificate, certificate.roots, name, 'TLSv1.3'), /^authorized TLS_/);
	}
	await t.throwsAsync(dial(certificate, certificate.roots, 'istio-pilot.istio-system.svc', 'TLSv1.3'), {
		code: 'ERR_TLS_CERT_ALTNAME_INVALID',
	});
	const other = await issue(new Date());
	await t.throwsAsync(dial(certificate, other.roots, dnsNames[0] ?? '', 'TLSv1.3'));
});

test('the authority signs nothing but this one, and the server is no authority', async (t) => {
	const now = new Date('2026-03-01T12:00:00.500Z');
	const { certChain, key, roots, notAfter } = await issue(now);
	const [root, ...otherRoots] = split(roots);
	const [leaf, ...rest] = split(certChain);
	t.deepEqual([otherRoots, rest], [[], []]);
	t.is(root?.ca, true);
	t.is(leaf?.ca, false);
	t.deepEqual(leaf?.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'serverAuth');
	t.is(leaf?.subjectAltName, dnsNames.map((name) => `DNS:${name}`).join(', '));
	t.deepEqual(notAfter, new Date('2026-05-30T12:00:00.000Z'));
	for (const certificate of [root, leaf]) {
		t.deepEqual(certificate?.validToDate, notAfter, 'the root is worth nothing when the certificate is not');
		t.deepEqual(certificate?.validFromDate, new Date('2026-03-01T11:55:00.000Z'), 'clocks differ');
	}
	t.not(root?.serialNumber, leaf?.serialNumber);
	t.regex(key, /^-----BEGIN PRIVATE KEY-----\n/);
	t.false((roots + certChain).includes('PRIVATE KEY'));
});

test('who trusts the roots takes the certificate before as well as the new one, until the old root ends', async (t) => {
	const start = new Date();
	const first = await issue(start);
	const second = await issue(later(start, 60), first.roots);
	t.is(second.roots, `${split(second.roots)[0]?.toString()}${first.roots}`, 'the new root first');
	t.regex(await dial(first, second.roots, dnsNames[0] ?? '', 'TLSv1.3'), /^authorized/);
	const third = await issue(later(start, 120), second.roots);
	t.is(split(third.roots).length, 2, 'the first has expired');
	t.false(third.roots.includes(first.roots));
});

test('previous roots that are none, twice the same, or no authorities are dropped', async (t) => {
	const now = new Date();
	const before = await issue(now);
	const roots = async (previous: string) => split((await issue(now, previous)).roots).length;
	t.is(await roots(before.roots + before.roots), 2);
	t.is(await roots(before.certChain), 1);
	t.is(await roots('-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n'), 1);
	let many = '';
	for (let count = 0; count < 7; count++) many = (await issue(now, many)).roots;
	t.is(split(many).length, 5, 'a bundle does not grow for ever');
});

test('a certificate is good for two thirds of its time, then due, and in the end invalid', async (t) => {
	const now = new Date();
	const certificate = await issue(now);
	const state = (days: number) => renewalOf(certificate, dnsNames, later(now, days)).state;
	t.is(state(0), 'good');
	t.is(state(59.9), 'good');
	t.is(state(60.1), 'due');
	t.is(state(89.9), 'due');
	t.is(state(90.1), 'invalid');
	t.is(state(-1), 'invalid', 'not valid yet');
	const good = renewalOf(certificate, dnsNames, now);
	t.true(good.state === 'good' && good.renewAt < good.notAfter && good.renewAt > later(now, 59));
});

test('a certificate for other names, with another key or without its root is invalid, and the reason says so', async (t) => {
	const now = new Date();
	const certificate = await issue(now);
	const other = await issue(now);
	const reason = (given: Partial<ServingCertificate>, names = dnsNames) => {
		const renewal = renewalOf({ ...certificate, ...given }, names, now);
		return renewal.state === 'invalid' ? renewal.reason : renewal.state;
	};
	t.is(reason({}), 'good');
	t.is(reason({}, dnsNames.slice(1)), 'good', 'more names than needed');
	t.is(reason({}, [...dnsNames, 'a.b.svc']), 'the certificate is not for a.b.svc');
	t.is(reason({ key: other.key }), 'the key belongs to another certificate');
	t.is(reason({ key: '' }), 'the key can not be read');
	t.is(reason({ certChain: '' }), 'the certificate can not be read');
	t.regex(reason({ roots: '' }), /^none of the roots/);
	t.regex(reason({ roots: other.roots }), /^none of the roots/);
	t.is(reason({ roots: other.roots + certificate.roots }), 'good');
});
