import test from 'ava';
import { parseMeshInstallation } from './index.ts';
import { isServerUrl } from './server-url.ts';

const good = [
	'https://api.example.com',
	'https://api.example.com:6443',
	'https://10.0.0.1:6443/',
	'https://[fd00::1]:6443',
	'https://rancher.example.com/k8s/clusters/c-m-1',
	'https://my_host.example.com./x',
	`https://a.example/${'p'.repeat(490)}`,
];
const bad = [
	'https://[',
	'https://[fd00::1',
	'https://[::g]',
	'https://',
	'https://:6443',
	'https://a:0',
	'https://a:65536',
	'https://a:99999',
	'https://a:x',
	'https://a b',
	'https://user@a',
	'https://user:secret@a',
	'https://a?x=y',
	'https://a#x',
	'https://a\\@b',
	'https://a/\u202ex',
	'https://a/\u001b[2J',
	'https://a\u0000',
	'https://bücher.example',
	'https://%',
	'https://999.1.1.1',
	'http://a',
	'ftp://a',
	'//a',
	'a',
	'HTTPS://a',
	'javascript:alert(1)',
	`https://a.example/${'p'.repeat(500)}`,
];

for (const url of good) test(`${url.slice(0, 60)} is the URL of an API server`, (t) => t.true(isServerUrl(url)));
for (const url of bad) {
	test(`${JSON.stringify(url.slice(0, 60))} is refused at the door, wherever it stands`, (t) => {
		t.false(isServerUrl(url));
		const clusters = [{ name: 'eu', server: url, kubeconfigSecret: { name: 'eu', namespace: 'ops' } }];
		const spec = { version: '1.4.10', multiCluster: { server: url, clusters } };
		const header = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name: 'm' } };
		const parsed = parseMeshInstallation({ ...header, spec });
		const paths = parsed.ok ? [] : [...new Set(parsed.problems.map(({ path }) => path))];
		t.deepEqual(paths.sort(), ['spec.multiCluster.clusters[0].server', 'spec.multiCluster.server']);
	});
}

test('texts that are echoed have no control and format characters', (t) => {
	const header = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name: 'm' } };
	for (const character of [
		'\u0000',
		'\u001b',
		'\u007f',
		'\u009b',
		'\u200b',
		'\u202e',
		'\u2066',
		'\u2028',
		'\ufeff',
		'\n',
	]) {
		const path = `/spec/${character}x`;
		const spec = {
			version: '1.4.10',
			pilot: { extraArgs: [`--x=${character}`] },
			overlays: [{ target: { kind: 'Deployment', name: 'istio-pilot' }, patch: [{ op: 'move', path, from: path }] }],
		};
		const parsed = parseMeshInstallation({ ...header, spec });
		const problems = parsed.ok ? [] : parsed.problems;
		t.deepEqual(
			problems.map((problem) => problem.path).sort(),
			['spec.overlays[0].patch[0].from', 'spec.overlays[0].patch[0].path', 'spec.pilot.extraArgs[0]'],
			JSON.stringify(character),
		);
		for (const { message } of problems) t.notRegex(message, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
	}
});
