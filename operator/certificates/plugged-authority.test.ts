/** Authorities that Citadel would end with, or that nobody's certificate leads to, are told by file and reason. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
	BasicConstraintsExtension,
	ExtendedKeyUsageExtension,
	type Extension,
	KeyUsageFlags,
	KeyUsagesExtension,
	X509CertificateGenerator,
} from '@peculiar/x509';
import test from 'ava';
import { type AuthorityFiles, judgeAuthority, readKeyFacts } from './index.ts';

const now = new Date('2026-06-01T00:00:00Z');
const citadel = { name: 'Citadel', keyTypes: ['rsa'] } as const;
const rsa = {
	name: 'RSASSA-PKCS1-v1_5',
	modulusLength: 2048,
	publicExponent: new Uint8Array([1, 0, 1]),
	hash: 'SHA-256',
} as const;
const ec = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

interface Made {
	readonly name: string;
	readonly pem: string;
	readonly keys: webcrypto.CryptoKeyPair;
	readonly algorithm: typeof rsa | typeof ec;
}

/** Few keys, because making them takes long. */
const keysOf = {
	rsa: [
		webcrypto.subtle.generateKey(rsa, true, ['sign', 'verify']),
		webcrypto.subtle.generateKey(rsa, true, ['sign', 'verify']),
	],
	ec: [webcrypto.subtle.generateKey(ec, true, ['sign', 'verify'])],
} as const;

interface Options {
	readonly issuer?: Made;
	readonly keys?: Promise<webcrypto.CryptoKeyPair>;
	readonly algorithm?: typeof rsa | typeof ec;
	readonly notBefore?: string;
	readonly notAfter?: string;
	readonly extensions?: readonly Extension[];
}

const ca = (length?: number) => new BasicConstraintsExtension(true, length, true);
const usage = (flags: KeyUsageFlags) => new KeyUsagesExtension(flags, true);

async function make(name: string, options: Options = {}): Promise<Made> {
	const { issuer, algorithm = rsa, extensions = [ca(), usage(KeyUsageFlags.keyCertSign)] } = options;
	const keys = await (options.keys ?? keysOf.rsa[0]);
	const certificate = await X509CertificateGenerator.create({
		serialNumber: `01${randomBytes(8).toString('hex')}`,
		subject: `CN=${name}`,
		issuer: `CN=${issuer?.name ?? name}`,
		notBefore: new Date(options.notBefore ?? '2020-01-01T00:00:00Z'),
		notAfter: new Date(options.notAfter ?? '2040-01-01T00:00:00Z'),
		publicKey: keys.publicKey,
		signingKey: (issuer?.keys ?? keys).privateKey,
		signingAlgorithm: issuer?.algorithm ?? algorithm,
		extensions: [...extensions],
	});
	return { name, pem: `${certificate.toString('pem')}\n`, keys, algorithm };
}

async function keyOf({ keys }: Made): Promise<string> {
	const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
	return `-----BEGIN PRIVATE KEY-----\n${der.replaceAll(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
}

interface Texts {
	readonly cert?: string;
	readonly key?: string;
	readonly chain?: string;
	readonly root?: string;
}

function judged({ cert, key, chain, root }: Texts, at = now): string {
	const files: AuthorityFiles = {
		'ca-cert.pem': cert,
		'ca-key.pem': key === undefined ? undefined : readKeyFacts(key),
		'cert-chain.pem': chain,
		'root-cert.pem': root,
	};
	const { problem } = judgeAuthority(files, at, citadel);
	return problem === undefined ? 'good' : `${problem.file} ${problem.reason}`;
}

/** An intermediate authority below a root, in the four files. */
async function plugged(signing: Options = {}, rootOptions: Options = {}) {
	const root = await make('root', { keys: keysOf.rsa[1], ...rootOptions });
	const own = await make('own', { issuer: root, ...signing });
	return { cert: own.pem, key: await keyOf(own), chain: own.pem + root.pem, root: root.pem };
}

test('what Citadel takes is good: a root that signs itself, and one or more authorities below it', async (t) => {
	const root = await make('root', { keys: keysOf.rsa[1] });
	const key = await keyOf(root);
	for (const chain of ['', root.pem]) t.is(judged({ cert: root.pem, key, chain, root: root.pem }), 'good');
	t.is(judged(await plugged()), 'good');
	const middle = await make('middle', { issuer: root, keys: keysOf.ec[0], algorithm: ec });
	const own = await make('own', { issuer: middle });
	const files = { cert: own.pem, key: await keyOf(own), chain: own.pem + middle.pem, root: root.pem };
	t.is(judged(files), 'good', 'in the middle any key will do');
	t.is(judged({ ...files, chain: middle.pem + own.pem }), 'good', 'in any order');
	t.is(judged({ ...files, root: (await make('other')).pem + root.pem }), 'good', 'other roots do no harm');
	t.is(
		judged({ ...files, chain: middle.pem, root: own.pem + root.pem }),
		'good',
		'an authority that is trusted itself',
	);
	t.is(judged(await plugged({}, { extensions: [ca()] })), 'good', 'no key usage is no limit');
	t.is(judged(await plugged({}, { extensions: [ca(1)] })), 'good');
	const old = await make('root', { keys: keysOf.rsa[1], notAfter: '2021-01-01T00:00:00Z' });
	t.is(judged({ ...files, root: old.pem + root.pem }), 'good', 'a root that was renewed with its key');
});

test('each of the four files has to be there, in PEM', async (t) => {
	const files = await plugged();
	for (const [key, file] of [
		['cert', 'ca-cert.pem'],
		['key', 'ca-key.pem'],
		['chain', 'cert-chain.pem'],
		['root', 'root-cert.pem'],
	] as const) {
		const { [key]: _, ...rest } = files;
		t.is(judged(rest), `${file} is missing`);
		if (key === 'key') continue;
		const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
		t.is(judged({ ...files, [key]: broken }), `${file} holds a certificate that can’t be read`);
		if (key !== 'chain') t.is(judged({ ...files, [key]: 'x' }), `${file} holds no certificate in PEM`);
	}
	t.is(judged({}), 'ca-cert.pem is missing');
});

test('the key has to fit, and Citadel has to be able to read it', async (t) => {
	const files = await plugged();
	const other = await keyOf(await make('other', { keys: keysOf.rsa[1] }));
	t.is(judged({ ...files, key: other }), 'ca-key.pem is not the key of the certificate in ca-cert.pem');
	t.is(judged({ ...files, key: '' }), 'ca-key.pem is empty');
	t.is(
		judged({ ...files, key: files.cert }),
		'ca-key.pem begins with a block CERTIFICATE, and the first block alone is read',
	);
	t.is(judged({ ...files, key: 'x' }), 'ca-key.pem holds no key in PEM');
	t.is(judged({ ...files, key: files.key.replace(/\n.{20}/, '\nAAAA') }), 'ca-key.pem holds no key that can be read');
	const encrypted = files.key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE');
	t.is(judged({ ...files, key: encrypted }), 'ca-key.pem is encrypted, and nobody has a passphrase for it');
	const old = files.key.replace('-----\n', '-----\nProc-Type: 4,ENCRYPTED\n\n').replaceAll('PRIVATE', 'RSA PRIVATE');
	t.is(judged({ ...files, key: old }), 'ca-key.pem is encrypted, and nobody has a passphrase for it');
	t.is(judged({ ...files, key: `some words\n${files.key}` }), 'good');
	const curve = await plugged({ keys: keysOf.ec[0], algorithm: ec });
	t.regex(judged(curve), /^ca-cert\.pem has a key of type ec, and Citadel gives certificates with an RSA key alone$/);
});

test('it has to be an authority, by basic constraints and key usage, and so have those above it', async (t) => {
	const leaf = [usage(KeyUsageFlags.digitalSignature)];
	t.regex(
		judged(await plugged({ extensions: leaf })),
		/^ca-cert\.pem holds a certificate that is no authority: .*CA:TRUE$/,
	);
	t.regex(judged(await plugged({ extensions: [] })), /^ca-cert\.pem holds a certificate that is no authority/);
	const signsNothing = [ca(), usage(KeyUsageFlags.cRLSign)];
	t.is(
		judged(await plugged({ extensions: signsNothing })),
		'ca-cert.pem holds a certificate whose key usage lacks keyCertSign',
	);
	t.is(
		judged(await plugged({}, { extensions: signsNothing })),
		'root-cert.pem holds a certificate whose key usage lacks keyCertSign (CN=root)',
	);
	t.regex(
		judged(await plugged({}, { extensions: leaf })),
		/^root-cert\.pem holds a certificate that is no authority.*\(CN=root\)$/,
	);
	t.is(
		judged(await plugged({}, { extensions: [ca(0)] })),
		'root-cert.pem holds a certificate whose path length is 0, with 1 authority below it (CN=root)',
	);
	const clients = new ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.2']);
	t.is(
		judged(await plugged({ extensions: [ca(), clients] })),
		'ca-cert.pem holds a certificate whose extended key usage lacks serverAuth',
	);
});

test('it has to lead to a root of root-cert.pem, and workloads have to be able to show the way', async (t) => {
	const files = await plugged();
	const namesake = await make('root');
	t.regex(
		judged({ ...files, root: namesake.pem }),
		/^root-cert\.pem has no root to which cert-chain\.pem leads: .*signed CN=root$/,
	);
	t.regex(
		judged({ ...files, chain: '' }),
		/^cert-chain\.pem lacks the certificate of ca-cert\.pem, which workloads have to show/,
	);
	const root = await make('root', { keys: keysOf.rsa[1] });
	const middle = await make('middle', { issuer: root, keys: keysOf.ec[0], algorithm: ec });
	const own = await make('own', { issuer: middle });
	t.regex(
		judged({ cert: own.pem, key: await keyOf(own), chain: own.pem, root: root.pem }),
		/^root-cert\.pem has no root to which cert-chain\.pem leads: .*signed CN=own$/,
	);
	const a = await make('a', { keys: keysOf.rsa[0] });
	const crossed = await make('a', { issuer: await make('b', { issuer: a, keys: keysOf.rsa[1] }), keys: keysOf.rsa[0] });
	const b = await make('b', { issuer: a, keys: keysOf.rsa[1] });
	t.regex(
		judged({ cert: crossed.pem, key: await keyOf(crossed), chain: crossed.pem + b.pem, root: root.pem }),
		/has no root to which/,
		'two that have signed each other are no endless way',
	);
});

test('it and those above it have to be valid now, and the verdict says until when it is so', async (t) => {
	const begins = await plugged({ notBefore: '2026-07-01T00:00:00Z' });
	t.is(judged(begins), 'ca-cert.pem holds a certificate that is valid only from 2026-07-01T00:00:00Z on');
	t.is(judged(begins, new Date('2026-07-01T00:00:00Z')), 'good');
	t.is(
		judged(await plugged({ notAfter: '2026-05-31T00:00:00Z' })),
		'ca-cert.pem holds a certificate that ended at 2026-05-31T00:00:00Z',
	);
	t.is(
		judged(await plugged({}, { notAfter: '2026-05-31T00:00:00Z' })),
		'root-cert.pem holds a certificate that ended at 2026-05-31T00:00:00Z (CN=root)',
	);
	const { cert, key, chain, root } = begins;
	const files = {
		'ca-cert.pem': cert,
		'ca-key.pem': readKeyFacts(key),
		'cert-chain.pem': chain,
		'root-cert.pem': root,
	};
	t.is(judgeAuthority(files, now, citadel).untilMs, Date.parse('2026-07-01T00:00:00Z'));
	t.is(judgeAuthority(files, new Date('2026-08-01T00:00:00Z'), citadel).untilMs, Date.parse('2040-01-01T00:00:00Z'));
});

test('of a key nothing is kept but its public half', async (t) => {
	const made = await make('own');
	const pem = await keyOf(made);
	const facts = readKeyFacts(pem);
	const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', made.keys.publicKey)).toString('base64');
	t.deepEqual(facts, { is: 'key', type: 'rsa', publicKey: spki });
	for (const bad of [pem.slice(0, 200), pem.replace('-----END', 'END')]) {
		t.false(JSON.stringify(readKeyFacts(bad)).includes(pem.slice(40, 80)));
	}
});
