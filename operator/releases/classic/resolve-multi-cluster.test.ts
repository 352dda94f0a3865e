import test from 'ava';
import { parseMeshInstallation } from '../../../api/v1/index.ts';
import { resolve } from '../../lines/testing.ts';
import { installation, meshOf } from '../../render/testing.ts';
import type { ReleaseProblem } from '../problem.ts';
import { classicReleases } from './releases.ts';

type Fields = Readonly<Record<string, unknown>>;

function entry(name: string, network?: string): Fields {
	return {
		name,
		kubeconfigSecret: { name, namespace: 'meshwright-system' },
		...(network === undefined ? {} : { network }),
	};
}

function problemsOf(spec: Fields): readonly ReleaseProblem[] {
	const parsed = parseMeshInstallation(installation(spec));
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	const result = resolve(parsed.installation);
	return result.ok ? [] : result.problems;
}

const withNetworks = classicReleases.filter(({ minor }) => minor !== '1.0');

test('1.0 knows no networks: each field that names one is refused', (t) => {
	const problems = problemsOf({
		version: '1.0.9',
		multiCluster: { network: 'here', clusters: [entry('one'), entry('two', 'there')] },
	});
	t.deepEqual(
		problems.map(({ path, reason }) => [path, reason]),
		[
			['spec.multiCluster.network', 'FieldNotInRelease'],
			['spec.multiCluster.clusters[1].network', 'FieldNotInRelease'],
		],
	);
	t.deepEqual(problemsOf({ version: '1.0.9', multiCluster: { clusters: [entry('one')] } }), []);
});

test('a cluster that names its network needs one here to come back to', (t) => {
	const [problem, ...others] = problemsOf({
		version: '1.4.10',
		multiCluster: { clusters: [entry('one'), entry('two', 'there')] },
	});
	t.deepEqual([problem?.path, problem?.reason, others.length], ['spec.multiCluster.network', 'Invalid', 0]);
	t.regex(problem?.message ?? '', /cluster two/);
});

test('a Pilot outside reads Secrets of other clusters where the operator writes none', (t) => {
	const [problem] = problemsOf({
		version: '1.4.10',
		pilot: { kubeconfigSecret: { name: 'served' } },
		multiCluster: { clusters: [entry('one')] },
	});
	t.is(problem?.path, 'spec.pilot.kubeconfigSecret');
});

for (const { version, mesh: release } of withNetworks) {
	test(`${version}: clusters of one network stand together, this one first; who does not say is in this one's`, (t) => {
		const mesh = meshOf({
			version,
			multiCluster: {
				network: 'here',
				clusters: [entry('zeta', 'there'), entry('eta', 'there'), entry('near'), entry('beside', 'here')],
			},
		});
		t.deepEqual(
			mesh.networks?.map(({ name, registries }) => [name, registries]),
			[
				['here', ['Kubernetes', 'beside', 'near']],
				['there', ['eta', 'zeta']],
			],
		);
		t.deepEqual(mesh.location, { clusterId: 'Kubernetes', network: 'here' });
	});

	test(`${version}: the gateway of a network is known by its Service where the release finds it by that`, (t) => {
		const services = (gateways: Fields) =>
			meshOf({ version, gateways, multiCluster: { network: 'here', clusters: [entry('far', 'there')] } }).networks?.map(
				({ gatewayService }) => gatewayService?.port,
			);
		const there = release.gatewaysByService ? 15443 : undefined;
		t.deepEqual(services({}), [undefined, there], 'none here');
		t.deepEqual(services({ ingress: { enabled: true } }), [there, there]);
		const port = { name: 'tls', port: 443, targetPort: 15443 };
		t.deepEqual(services({ ingress: { enabled: true, service: { ports: [port] } } }), [there && 443, there]);
		t.deepEqual(services({ ingress: { enabled: true, service: { ports: [{ name: 'https', port: 443 }] } } }), [
			undefined,
			there,
		]);
		t.deepEqual(
			services({ ingress: { enabled: true, service: { type: 'NodePort' } } }),
			[undefined, there],
			'without an address that Pilot finds',
		);
	});

	test(`${version}: without a named network there is none, however many clusters join`, (t) => {
		t.deepEqual(meshOf({ version, multiCluster: { clusters: [entry('one'), entry('two')] } }).networks, []);
	});
}
