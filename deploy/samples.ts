/** Installations that together make the operator render everything it can: the ground on which its rights are computed. */
import { apiVersion, kind, parseMeshInstallation, profileNames } from '../api/v1/index.ts';
import { lines } from '../operator/lines/index.ts';
import type { ResolvedMesh } from '../operator/releases/index.ts';
import type { KubeObject } from '../operator/runtime/object.ts';

/** Parts of a spec. Each switches on objects that the others don't have. */
const everyLine: readonly object[] = [
	{},
	{ pilot: { replicas: 2, disruptionBudget: { maxUnavailable: 1 } } },
	{ pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } },
	{ sidecarInjector: { enabled: true, namespaces: ['shop'] } },
];

const gateways = {
	ingress: { enabled: true, replicas: 2 },
	egress: { enabled: true, autoscaling: { maxReplicas: 3 } },
};

const classic: readonly object[] = [
	...everyLine,
	{
		mixer: {
			policy: { enabled: true },
			telemetry: { enabled: true },
			adapters: [
				{ prometheus: {} },
				{ stdio: {} },
				{ statsd: { address: 'statsd.monitoring:8125' } },
				{ custom: { name: 'own', address: 'own.monitoring:8080', templates: ['metric', 'logentry'] } },
			],
		},
	},
	{ gateways },
	{ citadel: { enabled: true }, mesh: { mtls: { mode: 'STRICT' } } },
	{ pilot: { kubeconfigSecret: { name: 'served' } } },
];

const istiod: readonly object[] = [
	...everyLine,
	{ mesh: { mtls: { mode: 'STRICT' } } },
	{ sidecarInjector: { enabled: true }, gateways },
	{ citadel: { caSecretName: 'cacerts' } },
	{ cni: { enabled: true, platform: 'gke' } },
	{ multiCluster: { network: 'here' } },
	{
		multiCluster: {
			network: 'here',
			exposeControlPlane: true,
			clusters: [{ name: 'far', network: 'there', kubeconfigSecret: { name: 'far', namespace: 'meshwright-system' } }],
		},
	},
	{ sidecarInjector: { enabled: true }, upgrade: { strategy: 'Canary', tags: [{ name: 'sample' }] } },
];

const optionsOf: Readonly<Record<string, readonly object[]>> = { classic, istiod };

/** For classic releases that know networks: joined clusters, one of them in another network. */
const networks: object = {
	gateways: { ingress: { enabled: true } },
	multiCluster: {
		network: 'here',
		clusters: ['near', 'far'].map((name) => ({
			name,
			...(name === 'far' ? { network: 'there' } : {}),
			kubeconfigSecret: { name, namespace: 'meshwright-system' },
		})),
	},
};

/** Stands for what only a cluster knows, so that what depends on it is rendered too. */
function factsOf(mesh: ResolvedMesh): object {
	return { ...lines.of(mesh).standIns, remoteSecrets: 'sample' };
}

/** A mesh of each release, profile and option. Throws when a sample is refused, because then it would show nothing. */
function sampleMeshes(): readonly ResolvedMesh[] {
	return lines.releases.flatMap(({ version }) => {
		const plain = sampleOf({ version });
		const options = optionsOf[plain.line];
		if (options === undefined) throw new Error(`line ${plain.line} has no samples`);
		const isNetworked = plain.line === 'classic' && lines.of(plain).multiCluster.knowsNetworks(plain);
		const all = isNetworked ? [...options, networks] : options;
		return profileNames.flatMap((profile) => all.map((option) => sampleOf({ version, profile, ...option })));
	});
}

function sampleOf(spec: object): ResolvedMesh {
	const parsed = parseMeshInstallation({ apiVersion, kind, metadata: { name: 'sample' }, spec });
	const resolved = parsed.ok ? lines.resolve(parsed.installation) : parsed;
	if (!resolved.ok) {
		const reasons = resolved.problems.map(({ message }) => message).join('; ');
		throw new Error(`the sample ${JSON.stringify(spec)} is refused: ${reasons}`);
	}
	return resolved.mesh;
}

/** Everything that is rendered for the operator's own cluster, for any release, profile and option. */
export function renderEverything(): readonly KubeObject[] {
	return sampleMeshes().flatMap((mesh) => [
		...lines.renderCrds(mesh),
		...lines.render(mesh, factsOf(mesh)),
		// For clusters that another primary reads. A joined cluster's objects are written with that cluster's credentials.
		...lines.renderReadersHere(mesh, { readBy: ['other'], applySet: 'sample' }),
	]);
}

/** What is kept in a cluster that joins a mesh of a line: the account by which it is read, and everything with a data plane. */
export function renderJoined(line: 'classic' | 'istiod'): {
	readonly reader: readonly KubeObject[];
	readonly dataPlane: readonly KubeObject[];
} {
	const meshes = sampleMeshes().filter((mesh) => mesh.line === line);
	const reader = { readBy: 'sample', applySet: 'sample' };
	return {
		reader: meshes.flatMap((mesh) => lines.renderReader(mesh, reader)),
		dataPlane: meshes.flatMap((mesh) =>
			lines.of(mesh).multiCluster.dataPlane.render(mesh, {
				...reader,
				cluster: 'sample',
				// In another network the cluster has a gateway too.
				network: 'there',
				addresses: lines.addressesForAll(mesh, ['192.0.2.1']),
				facts: factsOf(mesh),
			}),
		),
	};
}
