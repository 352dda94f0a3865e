import test from 'ava';
import fc from 'fast-check';
import { stringify } from 'yaml';
import {
	clientCertificate,
	kubeconfigObject,
	kubeconfigText,
	marker,
} from '../../../e2e/support/cluster-kubeconfig.ts';
import { readClusterKubeconfig } from './kubeconfig.ts';

const seeds = [
	kubeconfigText(),
	stringify(kubeconfigObject()),
	kubeconfigText({
		user: {
			'client-certificate-data': Buffer.from(clientCertificate.certChain).toString('base64'),
			'client-key-data': Buffer.from(clientCertificate.key).toString('base64'),
		},
	}),
].map((text) => Buffer.from(text));

/** Pieces of text that mean something to some parser. */
const pieces = [
	'&a ',
	'*a',
	'!!x ',
	'<<: ',
	'? ',
	'- ',
	': ',
	'{',
	'}',
	'[',
	']',
	'"',
	"'",
	'|\n',
	'---\n',
	'%YAML 1.1\n',
	'\0',
	'\ufeff',
	'\t',
	'\\',
	'exec',
	'__proto__',
	'https://',
	'-----BEGIN ',
];

const settings = fc.record({ allowLoopback: fc.boolean(), allowProxies: fc.boolean() });

const edit = fc.record({
	at: fc.double({ min: 0, max: 1, noNaN: true }),
	remove: fc.nat(40),
	insert: fc.oneof(
		fc.constantFrom(...pieces).map((piece) => Buffer.from(piece)),
		fc.uint8Array({ maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
	),
});

const mutated = fc.tuple(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 6 })).map(([seed, edits]) =>
	edits.reduce((content, { at, remove, insert }) => {
		const begin = Math.floor(at * content.length);
		return Buffer.concat([content.subarray(0, begin), insert, content.subarray(begin + remove)]);
	}, seed),
);

/** Any value in any of the fields that are read. */
const fields = {
	cluster: ['server', 'certificate-authority-data', 'tls-server-name', 'proxy-url', 'insecure-skip-tls-verify'],
	user: ['token', 'client-certificate-data', 'client-key-data', 'exec', 'as'],
	context: ['cluster', 'user'],
	top: ['clusters', 'contexts', 'users', 'current-context', 'apiVersion'],
};
const replaced = fc
	.tuple(
		fc
			.constantFrom(...(Object.keys(fields) as (keyof typeof fields)[]))
			.chain((part) => fc.tuple(fc.constant(part), fc.constantFrom(...fields[part]))),
		fc.oneof(
			fc.jsonValue(),
			fc.webUrl().map((url) => url.replace(/^http:/, 'https:')),
			fc.string({ unit: 'binary' }),
		),
	)
	.map(([[part, field], value]) => Buffer.from(kubeconfigText({ [part]: { [field]: value } })));

test('whatever the content: an access or a problem, no error, and nothing of it in the message', (t) => {
	fc.assert(
		fc.property(
			fc.oneof(
				mutated,
				replaced,
				fc.uint8Array().map((bytes) => Buffer.from(bytes)),
			),
			settings,
			(content, given) => {
				const result = readClusterKubeconfig(content, given);
				if (result.ok) {
					return (
						/^https:\/\/[^/?#@\s]+(?:\/[^?#\s]*)?$/.test(result.access.server) && !result.access.server.endsWith('/')
					);
				}
				return (
					/^Kubeconfig(?:Invalid|Unsafe)$/.test(result.problem.reason) &&
					!new RegExp(marker, 'i').test(JSON.stringify(result.problem))
				);
			},
		),
		{ numRuns: 2000 },
	);
	t.pass();
});

const derOf = (pem: string) => Buffer.from(pem.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64');
const pemOf = (label: string, der: Buffer) =>
	Buffer.from(`-----BEGIN ${label}-----\n${der.toString('base64')}\n-----END ${label}-----\n`).toString('base64');

test('certificates and keys with changed bytes give an access or a problem, no error', (t) => {
	const certificate = derOf(clientCertificate.certChain);
	const key = derOf(clientCertificate.key);
	const flips = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
	const flipped = (der: Buffer, changes: readonly (readonly [number, number])[]) => {
		const result = Buffer.from(der);
		for (const [at, byte] of changes) {
			result[at % result.length] = byte;
		}
		return result;
	};
	fc.assert(
		fc.property(flips, flips, fc.boolean(), (ofCertificate, ofKey, isKeyWhole) => {
			const cert = pemOf('CERTIFICATE', flipped(certificate, ofCertificate));
			const text = kubeconfigText({
				cluster: { 'certificate-authority-data': cert },
				user: {
					'client-certificate-data': cert,
					'client-key-data': pemOf('PRIVATE KEY', isKeyWhole ? key : flipped(key, ofKey)),
				},
			});
			const result = readClusterKubeconfig(Buffer.from(text), { allowLoopback: false, allowProxies: false });
			return result.ok || result.problem.reason === 'KubeconfigInvalid';
		}),
		{ numRuns: 2000 },
	);
	t.pass();
});
