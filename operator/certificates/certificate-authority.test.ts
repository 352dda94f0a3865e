import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509';
import test from 'ava';
import fc from 'fast-check';
import { makeAuthority } from '../../e2e/support/certificate-authority.ts';
import { describeTimeLeft, issueServingCertificate, readCertificateAuthority, renewalOf, shareLeft } from './index.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

interface Authority {
	readonly name: string;
	readonly pem: string;
	readonly keys: { readonly publicKey: webcrypto.CryptoKey; readonly privateKey: webcrypto.CryptoKey };
}

let serials = 0;

async function authority(
	name: string,
	notAfter: string,
	issuer?: Authority,
	keys?: Authority['keys'],
): Promise<Authority> {
	const own = keys ?? (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']));
	const certificate = await X509CertificateGenerator.create({
		serialNumber: (++serials).toString(16).padStart(4, '0'),
		subject: name,
		issuer: issuer?.name ?? name,
		notBefore: new Date('2020-01-01T00:00:00Z'),
		notAfter: new Date(notAfter),
		publicKey: own.publicKey,
		signingKey: (issuer?.keys ?? own).privateKey,
		signingAlgorithm: algorithm,
		extensions: [new BasicConstraintsExtension(true, undefined, true)],
	});
	return { name, pem: `${certificate.toString('pem')}\n`, keys: own };
}

test('the key of the certificate that signs is told by its type', async (t) => {
	const root = await authority('CN=root', '2030-01-01T00:00:00Z');
	const { certificate } = await makeAuthority({ organisation: 'rsa', keyType: 'rsa' });
	t.is(readCertificateAuthority(root.pem)?.keyType, 'ec');
	t.is(readCertificateAuthority(certificate + root.pem)?.keyType, 'rsa');
});

const iso = (pem: string) => readCertificateAuthority(pem)?.notAfter.toISOString().slice(0, 10);

test('a self-signed authority lasts as long as itself', async (t) => {
	const root = await authority('O=cluster.local', '2030-01-01T00:00:00Z');
	t.deepEqual(readCertificateAuthority(root.pem), {
		subject: 'O=cluster.local',
		keyType: 'ec',
		notBefore: new Date('2020-01-01T00:00:00Z'),
		notAfter: new Date('2030-01-01T00:00:00Z'),
	});
});

test('of a chain it is the certificate that ends first, wherever it stands', async (t) => {
	const root = await authority('CN=root', '2024-01-01T00:00:00Z');
	const middle = await authority('CN=middle', '2040-01-01T00:00:00Z', root);
	const signing = await authority('CN=signing', '2030-01-01T00:00:00Z', middle);
	t.is(iso(signing.pem + middle.pem + root.pem), '2024-01-01');
	t.is(iso(signing.pem + root.pem + middle.pem), '2024-01-01');
	t.is(readCertificateAuthority(signing.pem + middle.pem + root.pem)?.subject, 'CN=root');
	t.is(iso(signing.pem + middle.pem), '2030-01-01', 'as far as it is there');
	t.is(iso(signing.pem + signing.pem + middle.pem), '2030-01-01');
});

test('roots of others in the bundle, and a root that was renewed with its key, do not count', async (t) => {
	const old = await authority('CN=root', '2021-01-01T00:00:00Z');
	const renewed = await authority('CN=root', '2040-01-01T00:00:00Z', undefined, old.keys);
	const other = await authority('CN=other', '2021-01-01T00:00:00Z');
	const namesake = await authority('CN=root', '2021-01-01T00:00:00Z');
	const signing = await authority('CN=signing', '2030-01-01T00:00:00Z', renewed);
	t.is(iso(signing.pem + other.pem + namesake.pem + old.pem + renewed.pem), '2030-01-01');
});

test('two that have signed each other are no endless chain', async (t) => {
	const root = await authority('CN=a', '2030-01-01T00:00:00Z');
	const b = await authority('CN=b', '2031-01-01T00:00:00Z', root);
	const crossed = await authority('CN=a', '2032-01-01T00:00:00Z', b, root.keys);
	t.is(iso(crossed.pem + b.pem), '2031-01-01');
});

test('what can not be read is no authority, and nothing that stands in a Secret makes reading throw', async (t) => {
	const { pem } = await authority('CN=root', '2030-01-01T00:00:00Z');
	t.is(readCertificateAuthority(''), undefined);
	t.is(readCertificateAuthority('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'), undefined);
	t.is(
		readCertificateAuthority(`${pem}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----`),
		undefined,
		'Citadel would not take it either',
	);
	const whole = await issueServingCertificate({
		dnsNames: ['a.b.svc'],
		now: new Date(),
		lifetimeMs: dayMs,
		previousRoots: '',
	});
	const damaged = fc
		.tuple(fc.constantFrom(pem, whole.certChain, whole.key, whole.roots, ''), fc.nat(2000), fc.string())
		.map(([text, at, noise]) => text.slice(0, at) + noise + text.slice(at));
	fc.assert(
		fc.property(damaged, damaged, damaged, fc.string(), (certChain, key, roots, name) => {
			readCertificateAuthority(certChain);
			renewalOf({ certChain, key, roots }, [name], new Date());
		}),
	);
});

test('a subject is one line of printable characters', async (t) => {
	const { pem } = await authority('CN=a\u0007b, O=Müller', '2030-01-01T00:00:00Z');
	const subject = readCertificateAuthority(pem)?.subject ?? '';
	t.notRegex(subject, /\p{Cc}/u);
	t.regex(subject, /^CN=a.*b, O=M/);
	const { pem: long } = await authority(`CN=${'x'.repeat(1000)}`, '2030-01-01T00:00:00Z');
	t.true((readCertificateAuthority(long)?.subject.length ?? 0) <= 256);
});

test('the time left is told so coarsely that it hardly ever changes', (t) => {
	const now = new Date('2026-01-01T00:00:00Z');
	const left = (ms: number) => describeTimeLeft(new Date(now.getTime() + ms), now);
	t.is(left(-1), 'none');
	t.is(left(0), 'none');
	t.is(left(hourMs - 1), 'less than an hour');
	t.is(left(hourMs), '1 hour');
	t.is(left(2 * dayMs - 1), '47 hours');
	t.is(left(2 * dayMs), '2 days');
	t.is(left(90 * dayMs - 1), '89 days');
	t.is(left(90 * dayMs), '2 months');
	t.is(left(365 * dayMs), '11 months');
	t.is(left(730 * dayMs), '23 months');
	t.is(left(731 * dayMs), '2 years');
	t.is(left(3650 * dayMs), '9 years');
});

test('the share left runs from one to nothing', (t) => {
	const life = { notBefore: new Date('2026-01-01T00:00:00Z'), notAfter: new Date('2026-01-11T00:00:00Z') };
	t.is(shareLeft(life, new Date('2025-01-01T00:00:00Z')), 1);
	t.is(shareLeft(life, new Date('2026-01-06T00:00:00Z')), 0.5);
	t.is(shareLeft(life, new Date('2027-01-01T00:00:00Z')), 0);
	t.is(shareLeft({ notBefore: life.notAfter, notAfter: life.notBefore }, new Date('2026-01-06T00:00:00Z')), 0);
});
