/** Installations that together make the operator render everything it can. The operator's rights are computed from them. */
import { apiVersion, kind, parseMeshInstallation } from '../api/v1/index.ts';
import { profiles } from '../operator/releases/classic/profiles.ts';
import { type ResolvedMesh, releases, resolve } from '../operator/releases/index.ts';
import { type ClusterFacts, render, renderCrds, renderDataPlane, renderReader } from '../operator/render/index.ts';
import type { KubeObject } from '../operator/runtime/object.ts';

/** Parts of a spec. Each switches on objects that the others don't have. */
const options: readonly object[] = [
	{},
	{ pilot: { replicas: 2, disruptionBudget: { maxUnavailable: 1 } } },
	{ pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } },
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
	{ gateways: { ingress: { enabled: true, replicas: 2 }, egress: { enabled: true, autoscaling: { maxReplicas: 3 } } } },
	{ citadel: { enabled: true }, mesh: { mtls: { mode: 'STRICT' } } },
	{ sidecarInjector: { enabled: true, namespaces: ['shop'] } },
	{ pilot: { kubeconfigSecret: { name: 'served' } } },
];

/** Since 1.1: joined clusters, one of them in another network. */
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
const facts: ClusterFacts = {
	injectorRoots: 'sample',
	injectorCertificate: { certChain: 'sample', key: 'sample', roots: 'sample' },
	caSecretHash: 'sample',
	remoteSecrets: 'sample',
	pilotKubeconfigHash: 'sample',
};

/** A mesh of each release, profile and option. Throws when a sample is refused, because then it would show nothing. */
function sampleMeshes(): readonly ResolvedMesh[] {
	return releases.flatMap(({ version, minor }) =>
		Object.keys(profiles).flatMap((profile) =>
			[...options, ...(minor === '1.0' ? [] : [networks])].map((option) => {
				const sample = {
					apiVersion,
					kind,
					metadata: { name: 'sample' },
					spec: { version, profile, ...option },
				};
				const parsed = parseMeshInstallation(sample);
				const resolved = parsed.ok ? resolve(parsed.installation) : parsed;
				if (!resolved.ok) {
					const reasons = resolved.problems.map(({ message }) => message).join('; ');
					throw new Error(`the sample ${JSON.stringify(sample.spec)} is refused: ${reasons}`);
				}
				return resolved.mesh;
			}),
		),
	);
}

/** Everything that is rendered for the operator's own cluster, for any release, profile and option. */
export function renderEverything(): readonly KubeObject[] {
	return sampleMeshes().flatMap((mesh) => [
		...renderCrds(mesh),
		...render(mesh, facts),
		// For clusters that another primary reads. A joined cluster's objects are written with that cluster's credentials.
		...renderReader(mesh, { readBy: 'other', applySet: 'sample' }),
	]);
}

/** What is kept in a cluster that joins: the account by which it is read, and everything with a data plane. */
export function renderJoined(): { readonly reader: readonly KubeObject[]; readonly dataPlane: readonly KubeObject[] } {
	const meshes = sampleMeshes();
	const reader = { readBy: 'sample', applySet: 'sample' };
	const one = ['192.0.2.1'];
	return {
		reader: meshes.flatMap((mesh) => renderReader(mesh, reader)),
		dataPlane: meshes.flatMap((mesh) =>
			renderDataPlane(mesh, {
				...reader,
				cluster: 'sample',
				// In another network the cluster has a gateway too.
				network: 'there',
				addresses: { pilot: one, policy: one, telemetry: one },
				facts,
			}),
		),
	};
}
