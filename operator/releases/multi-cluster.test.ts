import test from 'ava';
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { type ResolvedMultiCluster, resolveMultiCluster } from './multi-cluster.ts';

const kubeconfigSecret = { name: 'a', namespace: 'secrets' };

function resolved(spec: Readonly<Record<string, unknown>>): ResolvedMultiCluster {
	const parsed = parseMeshInstallation({
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec: { version: '1.4.10', ...spec },
	});
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	return resolveMultiCluster(parsed.installation);
}

test('what a spec does not say has its default', (t) => {
	const defaults = {
		clusters: [],
		rotation: { lifetimeMs: 30 * 24 * 60 * 60_000, renewShare: 0.7 },
		leaveTimeoutMs: 10 * 60_000,
	};
	t.deepEqual(resolved({}), defaults);
	t.deepEqual(resolved({ multiCluster: { credentials: {} } }), defaults);
	t.deepEqual(resolved({ multiCluster: { clusters: [{ name: 'a', kubeconfigSecret }] } }).clusters, [
		{
			name: 'a',
			role: 'Remote',
			kubeconfig: { ...kubeconfigSecret, key: 'kubeconfig' },
			dataPlane: { controlPlaneAddresses: [] },
		},
	]);
});

test('what a spec says stands', (t) => {
	const addresses = {
		network: 'n',
		podCIDRs: ['10.0.0.0/16'],
		serviceCIDRs: ['10.1.0.0/16'],
		server: 'https://a.example',
	};
	const dataPlane = { controlPlaneAddresses: ['10.0.0.5'] };
	const entry = { name: 'a', kubeconfigSecret: { ...kubeconfigSecret, key: 'k' }, dataPlane, ...addresses };
	const multiCluster = {
		clusterName: 'here',
		...addresses,
		credentials: { lifetime: '1h', renewAt: 0.5 },
		clusters: [entry],
	};
	t.deepEqual(resolved({ multiCluster, deletion: { timeout: '1m' } }), {
		clusterName: 'here',
		...addresses,
		clusters: [{ name: 'a', role: 'Remote', kubeconfig: entry.kubeconfigSecret, dataPlane, ...addresses }],
		rotation: { lifetimeMs: 3_600_000, renewShare: 0.5 },
		leaveTimeoutMs: 60_000,
	});
});

test('a primary has a control plane of its own, and nobody has a data plane against the word of the spec', (t) => {
	const clusters = [
		{ name: 'a', kubeconfigSecret, role: 'Primary' },
		{ name: 'b', kubeconfigSecret, dataPlane: { enabled: false, controlPlaneAddresses: ['10.0.0.5'] } },
		{ name: 'c', kubeconfigSecret, dataPlane: { enabled: true } },
	];
	t.deepEqual(
		resolved({ multiCluster: { clusters } }).clusters.map(({ name, dataPlane }) => [name, dataPlane !== undefined]),
		[
			['a', false],
			['b', false],
			['c', true],
		],
	);
});
