import test from 'ava';
import { authority, base64 } from '../../../e2e/support/cluster-kubeconfig.ts';
import { InvalidError } from '../../runtime/errors.ts';
import { readClusterKubeconfig } from '../kubeconfig/kubeconfig.ts';
import { remoteKubeconfig, remoteSecretName } from './remote-secret.ts';

const strict = { allowLoopback: false, allowProxies: false };
const east = {
	cluster: 'east',
	server: 'https://1.2.3.4',
	ca: 'caData',
	tlsServerName: undefined,
	token: 'token',
};

test('the text is what istioctl writes', (t) => {
	// istio master `istioctl/pkg/multicluster/remote_secret_test.go` TestCreateRemoteKubeconfig
	t.is(
		remoteKubeconfig(east),
		`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Y2FEYXRh
    server: https://1.2.3.4
  name: east
contexts:
- context:
    cluster: east
    user: east
  name: east
current-context: east
kind: Config
users:
- name: east
  user:
    token: token
`,
	);
});

test('server name and proxy are written only where they are set', (t) => {
	const text = remoteKubeconfig({ ...east, tlsServerName: 'kubernetes', proxyUrl: 'http://proxy:3128' });
	t.true(
		text.includes(`    certificate-authority-data: Y2FEYXRh
    proxy-url: http://proxy:3128
    server: https://1.2.3.4
    tls-server-name: kubernetes
`),
	);
	t.false(remoteKubeconfig({ ...east, ca: undefined, proxyUrl: undefined }).includes('undefined'));
});

test('what is written can be read, whatever the name of the cluster', (t) => {
	const token = `eyJhbGciOiJSUzI1NiJ9.${'x'.repeat(2000)}.y-_`;
	for (const cluster of [
		'east',
		'on',
		'null',
		'true',
		'y',
		'007',
		'12e3',
		'0x1f',
		'2026-01-01',
		'4d6a1c1e-0c5c-4f3e-9d1c-1b1f2d3c4b5a',
	]) {
		const text = remoteKubeconfig({ ...east, cluster, token, ca: authority.certificate, tlsServerName: 'kubernetes' });
		const result = readClusterKubeconfig(Buffer.from(text), strict);
		t.like(result, {
			ok: true,
			access: {
				server: 'https://1.2.3.4',
				ca: authority.certificate,
				tlsServerName: 'kubernetes',
				proxyUrl: undefined,
				credentials: { token },
			},
		});
		t.true(text.includes(`certificate-authority-data: ${base64(authority.certificate)}\n`), 'in one line');
	}
});

test('names that Go takes for something else than text are in quotes', (t) => {
	for (const cluster of ['on', 'off', 'yes', 'no', 'y', 'n', 'true', 'null', '007', '12e3', '0x1f', '2026-01-01']) {
		t.true(remoteKubeconfig({ ...east, cluster }).includes(`current-context: "${cluster}"\n`), cluster);
	}
});

test('an incomplete one is not made, and says nothing of its token', (t) => {
	for (const missing of [
		{ token: '' },
		{ token: 'secret\nvalue' },
		{ server: '' },
		{ server: 'http://1.2.3.4' },
		{ server: 'https://' },
		{ cluster: '' },
	]) {
		const error = t.throws(() => remoteKubeconfig({ ...east, ...missing }), { instanceOf: InvalidError });
		t.notRegex(error.message, /secret/);
	}
});

test('the Secret is named as istioctl names it', (t) => {
	t.is(remoteSecretName('east'), 'istio-remote-secret-east');
	t.is(remoteSecretName('a'.repeat(63)).length, 83);
});
