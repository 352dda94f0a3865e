import test from 'ava';
import { issueServingCertificate } from '../../certificates/index.ts';
import { meshOf } from '../../render/testing.ts';
import { type SecretFacts, toSecretFacts } from '../secret-facts.ts';
import { observeCertificateAuthority } from './certificate-authority.ts';

const now = new Date('2026-01-01T00:00:00Z');
const dayMs = 24 * 60 * 60_000;
const selfSigned = meshOf({ version: '1.4.10', citadel: { enabled: true } });
const provided = meshOf({ version: '1.4.10', citadel: { enabled: true, caSecretName: 'cacerts' } });

/** A Secret with these keys, as it is remembered. */
function facts(data: Readonly<Record<string, string>>): SecretFacts {
	const encoded = Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
	return toSecretFacts({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 's' },
		data: Object.fromEntries(encoded),
	});
}

async function authority(): Promise<string> {
	return (await issueServingCertificate({ dnsNames: ['a'], now, lifetimeMs: 100 * dayMs, previousRoots: '' })).roots;
}

test('without Citadel a mesh has none', (t) => {
	t.is(
		observeCertificateAuthority(meshOf({ version: '1.4.10' }), () => undefined, now),
		'none',
	);
});

test('Citadel’s own is read from its Secret, one of the user from the Secret that is named', async (t) => {
	const ca = facts({ 'ca-cert.pem': await authority() });
	const asked: string[] = [];
	const look = (name: string) => {
		asked.push(name);
		return ca;
	};
	const at = new Date(now.getTime() + 90 * dayMs);
	const seen = observeCertificateAuthority(selfSigned, look, at);
	t.like(seen, {
		source: 'SelfSigned',
		secretName: 'istio-ca-secret',
		found: 'certificate',
		notAfter: '2026-04-11T00:00:00Z',
		timeLeft: '10 days',
	});
	t.true(seen !== 'none' && seen.found === 'certificate' && Math.abs(seen.shareLeft - 0.1) < 0.001);
	t.like(observeCertificateAuthority(provided, look, at), {
		source: 'Provided',
		secretName: 'cacerts',
		found: 'certificate',
		keyType: 'ec',
	});
	t.deepEqual(asked, ['istio-ca-secret', 'cacerts']);
});

test('a Secret that is missing, unread or without what Citadel needs is said to be so', async (t) => {
	const found = (secret: SecretFacts | 'unknown' | undefined) => {
		const seen = observeCertificateAuthority(provided, () => secret, now);
		return seen === 'none' ? seen : seen.found;
	};
	t.is(found(undefined), 'missing');
	t.is(found('unknown'), 'unknown');
	t.is(found(facts({})), 'unusable');
	t.is(found(facts({ 'root-cert.pem': await authority() })), 'unusable');
	t.is(found(facts({ 'ca-cert.pem': 'nonsense' })), 'unusable');
});
