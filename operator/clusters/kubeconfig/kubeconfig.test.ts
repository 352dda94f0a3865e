import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { stringify } from 'yaml';
import {
	authority,
	base64,
	clientCertificate,
	type KubeconfigParts,
	kubeconfigObject,
	kubeconfigText,
	marker,
} from '../../../e2e/support/cluster-kubeconfig.ts';
import type { ClusterSettings } from '../settings.ts';
import { readClusterKubeconfig } from './kubeconfig.ts';

const strict: ClusterSettings = { allowLoopback: false, allowProxies: false };
const loopback: ClusterSettings = { allowLoopback: true, allowProxies: false };
const proxies: ClusterSettings = { allowLoopback: false, allowProxies: true };

const read = (text: string, settings = strict) => readClusterKubeconfig(Buffer.from(text), settings);

const pem = (label: string, body: string) => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`;
const privateKey = (pair: { privateKey: import('node:crypto').KeyObject }, options = {}) =>
	pair.privateKey.export({ type: 'pkcs8', format: 'pem', ...options }).toString();
const otherKey = privateKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const dsaKey = privateKey(generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }));
const lockedKey = privateKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }), {
	cipher: 'aes-256-cbc',
	passphrase: marker,
});
const certificateUser = (cert: unknown, key: unknown): KubeconfigParts => ({
	user: { token: undefined, 'client-certificate-data': cert, 'client-key-data': key },
});
const server = (value: unknown): KubeconfigParts => ({ cluster: { server: value } });

type Hostile = readonly [
	title: string,
	parts: KubeconfigParts,
	reason: 'Invalid' | 'Unsafe',
	message: RegExp,
	ClusterSettings?,
];

test('what was encoded in base64 twice is named as that', (t) => {
	const told = (text: string) => {
		const result = read(text);
		return result.ok ? 'ok' : result.problem.message;
	};
	const good = kubeconfigText();
	const wrapped = base64(good).replaceAll(/(.{76})/g, '$1\n');
	for (const text of [base64(good), wrapped, base64(base64(good))]) {
		t.regex(told(text), /^the kubeconfig was encoded in base64 twice: .*stringData/);
	}
	t.is(told('c29tZXRoaW5nIGVsc2UgdGhhbiBhIGZpbGU='), 'the kubeconfig is not an object with fields');
	const twice = base64(base64(authority.certificate));
	t.regex(
		told(kubeconfigText({ cluster: { 'certificate-authority-data': twice } })),
		/cluster\.certificate-authority-data was encoded in base64 twice/,
	);
	const token = `eyJhbGciOiJSUzI1NiJ9.${base64(marker)}.c2lnbmF0dXJl`;
	t.is(told(kubeconfigText({ user: { token } })), 'ok');
	t.regex(told(kubeconfigText({ user: { token: base64(token) } })), /user\.token is a token in base64.*base64 -d/);
});

const hostile: readonly Hostile[] = [
	// Powers.
	['exec', { user: { exec: { command: marker, args: [marker] } } }, 'Unsafe', /^users\[0\]\.user\.exec .*token/],
	['exec beside a token and of a wrong type', { user: { exec: marker } }, 'Unsafe', /user\.exec/],
	['exec without fields', { user: { exec: {} } }, 'Unsafe', /user\.exec/],
	[
		'auth-provider',
		{ user: { 'auth-provider': { name: 'oidc', config: { 'cmd-path': marker } } } },
		'Unsafe',
		/auth-provider/,
	],
	['tokenFile', { user: { token: undefined, tokenFile: `/${marker}` } }, 'Unsafe', /user\.tokenFile .*flatten/],
	['tokenFile beside a token', { user: { tokenFile: `/${marker}` } }, 'Unsafe', /tokenFile/],
	[
		'a file of the CA',
		{ cluster: { 'certificate-authority': `/${marker}` } },
		'Unsafe',
		/cluster\.certificate-authority /,
	],
	['a file of the client certificate', { user: { 'client-certificate': marker } }, 'Unsafe', /client-certificate /],
	['a file of the client key', { user: { 'client-key': marker } }, 'Unsafe', /client-key /],
	['a file as a list', { user: { 'client-key': [marker] } }, 'Unsafe', /client-key /],
	['insecure-skip-tls-verify', { cluster: { 'insecure-skip-tls-verify': true } }, 'Unsafe', /insecure-skip-tls-verify/],
	['insecure-skip-tls-verify as text', { cluster: { 'insecure-skip-tls-verify': 'yes' } }, 'Unsafe', /insecure-skip/],
	['impersonation of a user', { user: { as: marker } }, 'Unsafe', /user\.as /],
	['impersonation of groups', { user: { 'as-groups': [marker] } }, 'Unsafe', /user\.as-groups /],
	['impersonation of a UID', { user: { 'as-uid': marker } }, 'Unsafe', /user\.as-uid /],
	['impersonation of extra fields', { user: { 'as-user-extra': { [marker]: ['x'] } } }, 'Unsafe', /as-user-extra/],
	['a proxy', { cluster: { 'proxy-url': `http://${marker}:3128` } }, 'Unsafe', /proxy-url .*remove/],
	['a SOCKS proxy', { cluster: { 'proxy-url': `socks5://${marker}` } }, 'Invalid', /proxy-url/, proxies],
	[
		'a proxy with credentials',
		{ cluster: { 'proxy-url': `http://u:${marker}@proxy` } },
		'Invalid',
		/credentials/,
		proxies,
	],
	['a proxy with a path', { cluster: { 'proxy-url': `http://proxy/${marker}` } }, 'Invalid', /path/, proxies],
	[
		'a proxy at a metadata address',
		{ cluster: { 'proxy-url': 'http://169.254.169.254' } },
		'Unsafe',
		/metadata/,
		proxies,
	],
	['a proxy at loopback', { cluster: { 'proxy-url': 'http://localhost:3128' } }, 'Unsafe', /loopback/, proxies],
	[
		'a metadata server behind a proxy',
		{ cluster: { server: 'https://169.254.169.254', 'proxy-url': 'http://proxy' } },
		'Unsafe',
		/server/,
		proxies,
	],

	// Server.
	['plain http', server(`http://${marker}`), 'Unsafe', /cluster\.server .*https/],
	['no scheme', server(`${marker}:6443`), 'Invalid', /cluster\.server/],
	['another scheme', server(`file:///${marker}`), 'Invalid', /cluster\.server/],
	['no server', server(undefined), 'Invalid', /server is missing/],
	['an empty server', server(''), 'Invalid', /server is missing/],
	['a server that is a number', server(6443), 'Invalid', /server is not text/],
	['a server that is a list', server([marker]), 'Invalid', /server is not text/],
	['credentials in the URL', server(`https://u:${marker}@api.example`), 'Invalid', /credentials/],
	['empty credentials in the URL', server('https://@api.example'), 'Invalid', /credentials/],
	['a query', server(`https://api.example/?${marker}`), 'Invalid', /query or fragment/],
	['a fragment', server(`https://api.example#@${marker}`), 'Invalid', /query or fragment/],
	['backslashes', server(`https://api.example\\@${marker}`), 'Invalid', /backslashes/],
	['a line break in the URL', server(`https://api.example/\r\n${marker}: x`), 'Invalid', /control characters/],
	['a tab in the host', server('https://169.254\t.169.254'), 'Invalid', /control characters/],
	['port 0', server('https://api.example:0'), 'Invalid', /port 0/],
	['a port that is none', server('https://api.example:65536'), 'Invalid', /host and port/],
	[
		'a URL that is too long',
		server(`https://${marker}${'.'.repeat(900_000)}x`),
		'Invalid',
		/server is longer than 512/,
	],
	['a name that is too long', server(`https://${'a.'.repeat(130)}example`), 'Unsafe', /neither a host name/],
	['no host', server('https:///path'), 'Invalid', /host and port/],
	['a host of other characters', server(`https://${marker}$(id)`), 'Unsafe', /neither a host name/],
	['a metadata address', server('https://169.254.169.254/latest'), 'Unsafe', /metadata/],
	['a metadata address in decimal', server('https://2852039166'), 'Unsafe', /metadata/],
	['a metadata address in hex', server('https://0xa9.0xfe.0xa9.0xfe'), 'Unsafe', /metadata/],
	['a metadata address in octal', server('https://0251.0376.0251.0376'), 'Unsafe', /metadata/],
	['a metadata address percent-encoded', server('https://%31%36%39.254.169.254'), 'Unsafe', /metadata/],
	['a metadata address in full width', server('https://１６９.254.169.254'), 'Unsafe', /metadata/],
	['a metadata address with dots at the end', server('https://169.254.169.254..'), 'Unsafe', /metadata/],
	['a metadata address mapped to IPv6', server('https://[::ffff:169.254.169.254]'), 'Unsafe', /metadata/],
	['a metadata address behind NAT64', server('https://[64:ff9b::a9fe:a9fe]'), 'Unsafe', /metadata/],
	['a metadata name', server('https://metadata.google.internal.'), 'Unsafe', /metadata/],
	['a link-local address with zone', server('https://[fe80::1%25eth0]'), 'Invalid', /host and port/],
	['a link-local address', server('https://[fe80::1]'), 'Unsafe', /link-local/],
	['loopback', server('https://127.0.0.1:6443'), 'Unsafe', /loopback/],
	['loopback in short', server('https://127.1:6443'), 'Unsafe', /loopback/],
	['loopback of IPv6', server('https://[::1]:6443'), 'Unsafe', /loopback/],
	['loopback mapped to IPv6', server('https://[::ffff:7f00:1]:6443'), 'Unsafe', /loopback/],
	['localhost', server('https://LOCALHOST.:6443'), 'Unsafe', /loopback/],
	['a name below localhost', server(`https://${marker}.localhost:6443`), 'Unsafe', /loopback/],
	['an unspecified address where loopback is allowed', server('https://0:6443'), 'Unsafe', /unspecified/, loopback],
	['multicast', server('https://[ff02::1]'), 'Unsafe', /multicast/],
	['broadcast', server('https://255.255.255.255'), 'Unsafe', /broadcast/],
	[
		'a tls-server-name with a line break',
		{ cluster: { 'tls-server-name': `a\n${marker}` } },
		'Invalid',
		/tls-server-name/,
	],
	[
		'a tls-server-name that is an address',
		{ cluster: { 'tls-server-name': '10.0.0.1' } },
		'Invalid',
		/tls-server-name/,
	],

	// Which context.
	['no current context', { top: { 'current-context': undefined } }, 'Invalid', /^current-context is missing/],
	['an empty current context', { top: { 'current-context': '' } }, 'Invalid', /^current-context is missing/],
	[
		'a current context that is not there',
		{ top: { 'current-context': `${marker}-x` } },
		'Invalid',
		/^contexts has no entry/,
	],
	['a current context of a wrong type', { top: { 'current-context': 7 } }, 'Invalid', /^current-context is not text/],
	[
		'a current context named as what objects inherit',
		{ top: { 'current-context': 'toString' } },
		'Invalid',
		/^contexts has no/,
	],
	['no contexts', { top: { contexts: null } }, 'Invalid', /^contexts has no entry/],
	['contexts that are an object', { top: { contexts: { [marker]: {} } } }, 'Invalid', /^contexts is not a list/],
	['a context that is text', { top: { contexts: [marker] } }, 'Invalid', /^contexts\[0\] is not an object/],
	['a context without name', { top: { contexts: [{ context: {} }] } }, 'Invalid', /^contexts\[0\]\.name is missing/],
	[
		'a context without cluster',
		{ context: { cluster: undefined } },
		'Invalid',
		/^contexts\[0\]\.context\.cluster is missing/,
	],
	['a context without user', { context: { user: undefined } }, 'Invalid', /^contexts\[0\]\.context\.user is missing/],
	['a cluster that is not there', { context: { cluster: `${marker}-x` } }, 'Invalid', /^clusters has no entry/],
	['a user that is not there', { context: { user: `${marker}-x` } }, 'Invalid', /^users has no entry/],
	[
		'two clusters of a name',
		{ top: { clusters: [1, 2].map((x) => ({ name: marker, cluster: { x } })) } },
		'Invalid',
		/^clusters\[1\]\.name is the same as clusters\[0\]\.name/,
	],
	[
		'two contexts of a name',
		{ top: { contexts: [{ name: marker }, { name: marker }] } },
		'Invalid',
		/^contexts\[1\]\.name/,
	],
	['two users of a name', { top: { users: [{ name: marker }, { name: marker }] } }, 'Invalid', /^users\[1\]\.name/],
	[
		'a user that is text',
		{ top: { users: [{ name: `${marker}-user`, user: marker }] } },
		'Invalid',
		/^users\[0\]\.user is not/,
	],
	['another apiVersion', { top: { apiVersion: marker } }, 'Invalid', /^apiVersion is not v1/],
	['another kind', { top: { kind: 'Secret' } }, 'Invalid', /^kind is not Config/],

	// Who we are.
	['no credentials', { user: { token: undefined } }, 'Invalid', /^users\[0\]\.user has neither token nor/],
	['an empty token', { user: { token: '' } }, 'Invalid', /has neither token nor/],
	[
		'a user without fields',
		{ top: { users: [{ name: `${marker}-user`, user: null }] } },
		'Invalid',
		/has neither token nor/,
	],
	['a token with a line break', { user: { token: `${marker}\r\nx: y` } }, 'Invalid', /user\.token has characters/],
	['a token with a line break at the end', { user: { token: `${marker}\n` } }, 'Invalid', /user\.token has characters/],
	['a token with spaces', { user: { token: `${marker} x` } }, 'Invalid', /user\.token has characters/],
	['a token with NUL', { user: { token: `${marker}\0` } }, 'Invalid', /user\.token has characters/],
	['a token beyond ASCII', { user: { token: `${marker}ü` } }, 'Invalid', /user\.token has characters/],
	['a token that is a number', { user: { token: 12345 } }, 'Invalid', /user\.token is not text/],
	['a token that is an object', { user: { token: { [marker]: 1 } } }, 'Invalid', /user\.token is not text/],
	[
		'user name and password',
		{ user: { token: undefined, username: marker, password: marker } },
		'Invalid',
		/username.*1\.19/,
	],
	['a password alone', { user: { password: marker } }, 'Invalid', /user\.password/],

	// Certificates and keys.
	[
		'a CA that is not base64',
		{ cluster: { 'certificate-authority-data': `${marker}!` } },
		'Invalid',
		/authority-data is not base64/,
	],
	['a CA without padding', { cluster: { 'certificate-authority-data': 'abcde' } }, 'Invalid', /is not base64/],
	[
		'a CA of a wrong type',
		{ cluster: { 'certificate-authority-data': true } },
		'Invalid',
		/authority-data is not text/,
	],
	[
		'a CA that is no PEM',
		{ cluster: { 'certificate-authority-data': base64(marker) } },
		'Invalid',
		/no certificate in PEM/,
	],
	[
		'a CA in DER',
		{ cluster: { 'certificate-authority-data': authority.certificate.replaceAll(/-----[^-]+-----|\s/g, '') } },
		'Invalid',
		/no certificate in PEM/,
	],
	[
		'a CA of nonsense in PEM',
		{ cluster: { 'certificate-authority-data': base64(pem('CERTIFICATE', base64(marker))) } },
		'Invalid',
		/certificate 1 can't be read/,
	],
	[
		'nonsense behind a good CA',
		{ cluster: { 'certificate-authority-data': base64(authority.certificate + pem('CERTIFICATE', base64(marker))) } },
		'Invalid',
		/certificate 2 can't be read/,
	],
	[
		'a cut certificate behind a good CA',
		{ cluster: { 'certificate-authority-data': base64(authority.certificate + authority.certificate.slice(0, -40)) } },
		'Invalid',
		/something else than certificates/,
	],
	[
		'a key beside the CA',
		{ cluster: { 'certificate-authority-data': base64(authority.certificate + authority.key) } },
		'Invalid',
		/something else than certificates/,
	],
	[
		'too many CAs',
		{ cluster: { 'certificate-authority-data': base64(authority.certificate.repeat(257)) } },
		'Invalid',
		/more than 256/,
	],
	[
		'a certificate without key',
		certificateUser(base64(clientCertificate.certChain), undefined),
		'Invalid',
		/both are needed/,
	],
	[
		'a key without certificate',
		certificateUser(undefined, base64(clientCertificate.key)),
		'Invalid',
		/both are needed/,
	],
	[
		'a half certificate beside a token',
		{ user: { 'client-key-data': base64(clientCertificate.key) } },
		'Invalid',
		/both are needed/,
	],
	[
		'the key of another',
		certificateUser(base64(clientCertificate.certChain), base64(otherKey)),
		'Invalid',
		/is not the key of/,
	],
	[
		'a key that is no PEM',
		certificateUser(base64(clientCertificate.certChain), base64(marker)),
		'Invalid',
		/not a private key/,
	],
	[
		'a key that is not base64',
		certificateUser(base64(clientCertificate.certChain), `-${marker}`),
		'Invalid',
		/client-key-data is not base64/,
	],
	[
		'a locked key',
		certificateUser(base64(clientCertificate.certChain), base64(lockedKey)),
		'Invalid',
		/without a passphrase/,
	],
	[
		'a key of another kind',
		certificateUser(base64(clientCertificate.certChain), base64(dsaKey)),
		'Invalid',
		/not an RSA, ECDSA or Ed25519/,
	],
	[
		'a certificate of nonsense',
		certificateUser(base64(marker), base64(clientCertificate.key)),
		'Invalid',
		/client-certificate-data has no certificate/,
	],
];

for (const [title, parts, reason, message, settings = strict] of hostile) {
	test(`refused: ${title}`, (t) => {
		for (const text of [kubeconfigText(parts), stringify(kubeconfigObject(parts))]) {
			const result = read(text, settings);
			t.false(result.ok);
			const problem = result.ok ? undefined : result.problem;
			t.is(problem?.reason, `Kubeconfig${reason}`);
			t.regex(problem?.message ?? '', message);
			t.notRegex(JSON.stringify(result), new RegExp(marker, 'i'));
		}
	});
}

const token = { token: `${marker}-token` };
const eks = { server: 'https://0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com' };
const certificate = certificateUser(base64(clientCertificate.certChain), base64(clientCertificate.key));
const unused = { name: 'other', user: { exec: { command: 'aws' } } };

type Good = readonly [title: string, parts: KubeconfigParts, server: string, ClusterSettings?];

const good: readonly Good[] = [
	['kubectl config view --minify --flatten', {}, `https://${marker}.example:6443`],
	['a server at EKS, with a token', { cluster: eks, user: token }, eks.server.toLowerCase()],
	['kubeadm, with a client certificate', certificate, `https://${marker}.example:6443`],
	[
		'kind, where loopback is allowed',
		{ ...certificate, cluster: { server: 'https://127.0.0.1:45123' } },
		'https://127.0.0.1:45123',
		loopback,
	],
	[
		'localhost, where loopback is allowed',
		{ cluster: { server: 'https://localhost:6443' } },
		'https://localhost:6443',
		loopback,
	],
	[
		'loopback of IPv6, where it is allowed',
		{ cluster: { server: 'https://[::1]:6443' } },
		'https://[::1]:6443',
		loopback,
	],
	['token and client certificate', { user: { ...certificate.user, ...token } }, `https://${marker}.example:6443`],
	['a server of IPv6', { cluster: { server: 'https://[2001:DB8:0::10]:6443/' } }, 'https://[2001:db8::10]:6443'],
	['a private address', { cluster: { server: 'https://10.0.0.1' } }, 'https://10.0.0.1'],
	['an address of class E', { cluster: { server: 'https://240.1.2.3' } }, 'https://240.1.2.3'],
	[
		'a server below a path',
		{ cluster: { server: 'https://rancher.example/k8s/clusters/c-1/' } },
		'https://rancher.example/k8s/clusters/c-1',
	],
	['the default port', { cluster: { server: 'https://api.example:443' } }, 'https://api.example'],
	['no CA', { cluster: { 'certificate-authority-data': undefined } }, `https://${marker}.example:6443`],
	[
		'a CA of several certificates, with remarks',
		{
			cluster: {
				'certificate-authority-data': base64(`# one\n${authority.certificate}# two\n${clientCertificate.certChain}`),
			},
		},
		`https://${marker}.example:6443`,
	],
	['tls-server-name', { cluster: { 'tls-server-name': 'kubernetes.default' } }, `https://${marker}.example:6443`],
	[
		'a proxy, where they are allowed',
		{ cluster: { 'proxy-url': 'http://proxy.example:3128/' } },
		`https://${marker}.example:6443`,
		proxies,
	],
	['no apiVersion and kind', { top: { apiVersion: undefined, kind: undefined } }, `https://${marker}.example:6443`],
	[
		'fields that say nothing',
		{
			cluster: { 'insecure-skip-tls-verify': false, 'proxy-url': '', 'certificate-authority': null },
			user: { exec: null, tokenFile: '', username: '' },
		},
		`https://${marker}.example:6443`,
	],
	[
		'extensions, as minikube writes them',
		{
			cluster: {
				extensions: [{ name: 'cluster_info', extension: { provider: 'minikube.sigs.k8s.io', version: 1.3 } }],
			},
		},
		`https://${marker}.example:6443`,
	],
	[
		'several contexts and a current one: others do not count',
		{ top: { users: [unused, { name: `${marker}-user`, user: token }] } },
		`https://${marker}.example:6443`,
	],
];

for (const [title, parts, url, settings = strict] of good) {
	test(`taken: ${title}`, (t) => {
		for (const text of [
			kubeconfigText(parts),
			stringify(kubeconfigObject(parts)),
			JSON.stringify(kubeconfigObject(parts), null, '\t'),
		]) {
			const result = read(text, settings);
			t.is(result.ok ? result.access.server : result.problem.message, url);
		}
	});
}

test('access holds what a client needs, parsed and written anew', (t) => {
	const ca = `remark\n${authority.certificate}`;
	const result = read(
		kubeconfigText({
			cluster: {
				'certificate-authority-data': base64(ca),
				'tls-server-name': 'kubernetes',
				'proxy-url': 'https://proxy.example',
			},
			user: { ...certificate.user, ...token },
		}),
		proxies,
	);
	const server = `https://${marker}.example:6443`;
	const shared = { ca: authority.certificate, proxyUrl: 'https://proxy.example' };
	t.deepEqual(result, {
		ok: true,
		access: {
			server,
			tlsServerName: 'kubernetes',
			...shared,
			credentials: {
				url: server,
				servername: 'kubernetes',
				...shared,
				token: `${marker}-token`,
				cert: clientCertificate.certChain,
				key: clientCertificate.key,
			},
		},
	});
});

test('keys in each form that tools write are taken', (t) => {
	const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
	for (const type of ['pkcs1', 'pkcs8'] as const) {
		const key = rsa.privateKey.export({ type, format: 'pem' }).toString();
		const result = read(kubeconfigText(certificateUser(base64(clientCertificate.certChain), base64(key))));
		// The key was read, and refused because it belongs to another certificate.
		t.regex(result.ok ? '' : result.problem.message, /is not the key of/);
	}
});
