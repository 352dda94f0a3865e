import test from 'ava';
import { toSecretFacts } from './secret-facts.ts';

function secret(data: Readonly<Record<string, string>>) {
	return {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'cacerts', namespace: 'istio-system' },
		data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
	};
}

test('of a Secret its certificates are kept and no key', (t) => {
	const facts = toSecretFacts(secret({ 'ca-cert.pem': 'A', 'root-cert.pem': 'B', 'ca-key.pem': 'K', 'key.pem': 'L' }));
	t.deepEqual(facts.certificates, { 'ca-cert.pem': 'A', 'root-cert.pem': 'B' });
	t.deepEqual(facts.files, ['ca-cert.pem', 'root-cert.pem', 'ca-key.pem', 'key.pem']);
	t.deepEqual(facts.authorityKey, { is: 'unusable', reason: 'holds no key in PEM' });
	t.false(JSON.stringify(facts).includes('"K"'));
});

test('a key that stands where a certificate belongs is not kept either', (t) => {
	const key = '-----BEGIN EC PRIVATE KEY-----\nx\n-----END EC PRIVATE KEY-----\n';
	t.deepEqual(toSecretFacts(secret({ 'root-cert.pem': `A\n${key}` })).certificates, {});
});

test('the hash changes with any of its values, and not with their order', (t) => {
	const { hash } = toSecretFacts(secret({ 'ca-cert.pem': 'A', 'ca-key.pem': 'K' }));
	t.is(toSecretFacts(secret({ 'ca-key.pem': 'K', 'ca-cert.pem': 'A' })).hash, hash);
	t.not(toSecretFacts(secret({ 'ca-key.pem': 'L', 'ca-cert.pem': 'A' })).hash, hash);
	t.not(toSecretFacts(secret({})).hash, hash);
});

test('a Secret without data has no certificates', (t) => {
	const { apiVersion, kind, metadata } = secret({});
	t.deepEqual(toSecretFacts({ apiVersion, kind, metadata }).certificates, {});
});
