import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { makeAuthority } from '../../e2e/support/certificate-authority.ts';
import { issueIntermediate, judgeAuthority, readKeyFacts, readRootAuthority } from './index.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const istiod = { name: 'istiod', keyTypes: ['rsa', 'ec'] };

for (const keyType of ['rsa', 'ec'] as const) {
	test(`an authority under a root with an ${keyType} key is one that istiod takes, and ends before its root`, async (t) => {
		const { certificate, key } = await makeAuthority({ organisation: 'root', keyType });
		const now = new Date();
		const read = readRootAuthority({ certificate, key }, { now, lifetimeMs: 90 * dayMs });
		if ('problem' in read) return t.fail(read.problem.reason);
		const options = { cluster: 'x'.repeat(90), trustDomain: 'example.org', lifetimeMs: 90 * dayMs, now };
		const made = await issueIntermediate(read.root, options);
		const { problem } = judgeAuthority(
			{
				'ca-cert.pem': made.certificate,
				'ca-key.pem': readKeyFacts(made.key),
				'cert-chain.pem': made.certificate,
				'root-cert.pem': read.root.certificate,
			},
			now,
			istiod,
		);
		t.is(problem, undefined);
		const x509 = new X509Certificate(made.certificate);
		t.is(x509.subject, `O=example.org\nCN=${'x'.repeat(64)}`);
		t.is(x509.issuer, new X509Certificate(certificate).subject);
		t.is(made.notAfter.getTime(), Math.floor((now.getTime() + 90 * dayMs) / 1000) * 1000);
		t.true(x509.validFromDate < now, 'clocks differ');
		t.false(JSON.stringify(made).includes(key.slice(60, 120)), 'the key of the root is not in it');
		const other = await issueIntermediate(read.root, options);
		t.not(other.key, made.key);
		const beyond = await issueIntermediate(read.root, { ...options, lifetimeMs: 100_000 * dayMs });
		t.true(beyond.notAfter <= read.root.notAfter);
		return t.pass();
	});
}
