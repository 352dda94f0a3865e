import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import { BasicConstraintsExtension } from '@peculiar/x509';
import test from 'ava';
import { lifeOf, selfSigned } from '../../e2e/control-plane/certificates.ts';
import { makeAuthority } from '../../e2e/support/certificate-authority.ts';
import { issueIntermediate, readRootAuthority } from './index.ts';

const dayMs = 24 * 3_600_000;
const now = new Date();

function judged(certificate: string | undefined, key: string | undefined, lifetimeMs = 90 * dayMs): string {
	const read = readRootAuthority({ certificate, key }, { now, lifetimeMs });
	return 'problem' in read ? `${read.problem.file} ${read.problem.reason}` : 'good';
}

test('a root that can make authorities is taken, and every other one refused in words', async (t) => {
	const root = await makeAuthority({ organisation: 'root', keyType: 'ec', daysLeft: 400 });
	const other = await makeAuthority({ organisation: 'other', keyType: 'ec' });
	t.is(judged(root.certificate, root.key), 'good');
	t.is(judged(undefined, root.key), 'tls.crt is missing');
	t.is(judged(root.certificate, undefined), 'tls.key is missing');
	t.is(judged('nothing', root.key), 'tls.crt holds no certificate in PEM');
	t.is(judged(root.certificate, 'nothing'), 'tls.key holds no key in PEM');
	t.is(judged(root.certificate, other.key), 'tls.key is not the key of the certificate in tls.crt');
	t.is(
		judged(root.certificate + other.certificate, root.key),
		'tls.crt holds several certificates: give the root alone',
	);
	t.regex(
		judged(root.certificate, root.key, 401 * dayMs),
		/^tls\.crt holds a certificate that ends at .*, before an authority of 9624h that is made now: give a root that lasts longer, or shorten spec\.citadel\.intermediates\.lifetime$/,
	);
	const over = await makeAuthority({ organisation: 'over', ageDays: 10, daysLeft: -1 });
	t.regex(judged(over.certificate, over.key), /^tls\.crt holds a certificate that ended at /);
	const encrypted = createPrivateKey(root.key)
		.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'secret' })
		.toString();
	t.is(judged(root.certificate, encrypted), 'tls.key is encrypted, and nobody has a passphrase for it');
});

test('what is no root, or may have no authority below it, is refused', async (t) => {
	const root = await makeAuthority({ organisation: 'root', keyType: 'ec' });
	const read = readRootAuthority({ certificate: root.certificate, key: root.key }, { now, lifetimeMs: dayMs });
	if ('problem' in read) return t.fail();
	const below = await issueIntermediate(read.root, { cluster: 'a', trustDomain: 'b', lifetimeMs: 300 * dayMs, now });
	t.is(
		judged(below.certificate, below.key),
		'tls.crt holds a certificate that another authority has signed: give the root itself',
	);
	const of = (isAuthority: boolean, pathLength?: number) =>
		selfSigned({
			name: 'O=x',
			keyType: 'ec',
			life: lifeOf(1, 3650),
			extensions: [new BasicConstraintsExtension(isAuthority, pathLength, true)],
		});
	const leaf = await of(false);
	t.is(
		judged(leaf.certificate, leaf.key),
		'tls.crt holds a certificate that is no authority: its basic constraints lack CA:TRUE',
	);
	const short = await of(true, 0);
	t.is(
		judged(short.certificate, short.key),
		'tls.crt holds a certificate whose path length is 0, so that no authority may be below it',
	);
	return t.is(judged((await of(true, 1)).certificate, undefined), 'tls.key is missing');
});
