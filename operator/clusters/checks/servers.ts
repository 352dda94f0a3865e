/** Checks the addresses of API servers that specs and kubeconfigs name. Pure. */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { KeeperContext } from '../keep/context.ts';
import type { VisitThere } from '../keep/visit.ts';
import { refusedAddress } from '../kubeconfig/address-guard.ts';
import type { ClusterFactsSeen } from './gather.ts';
import { valueIfKnown } from './known.ts';

type ServersContext = Pick<KeeperContext, 'local' | 'settings'>;

export function checkServers(
	context: ServersContext,
	visit: VisitThere,
	facts: ClusterFactsSeen,
): readonly ClusterProblem[] {
	return [
		...checkServerOfThisCluster(context, visit, facts),
		...checkServersGiven(context, visit),
		...checkAccessInRelease(visit),
	];
}

/** A primary that does not list this cluster has to be told its address. */
function checkServerOfThisCluster(
	{ local }: ServersContext,
	{ mesh, entry }: VisitThere,
	facts: ClusterFactsSeen,
): readonly ClusterProblem[] {
	const { id, access } = local();
	if (entry.role !== 'Primary' || mesh.server !== undefined || access?.server !== undefined) return [];
	const installations = valueIfKnown(facts.mesh.installations) ?? [];
	const listsUs = installations.some(({ lists }) =>
		lists.some((cluster) => cluster.id === id || cluster.id === undefined),
	);
	return listsUs
		? []
		: [
				{
					reason: 'ServerAddressNeeded',
					message: `cluster ${entry.name} has to be told how to reach the API server of this cluster. Set spec.multiCluster.server, or list this cluster in the MeshInstallation there.`,
				},
			];
}

/** Addresses in a spec are judged as those in kubeconfigs are. */
function checkServersGiven({ settings }: ServersContext, { mesh, entry }: VisitThere): readonly ClusterProblem[] {
	return [
		[entry.server, `spec.multiCluster.clusters[${entry.name}].server`] as const,
		[entry.role === 'Primary' ? mesh.server : undefined, 'spec.multiCluster.server'] as const,
	].flatMap(([server, path]): readonly ClusterProblem[] => {
		const why = server === undefined ? undefined : refusedAddress(new URL(server).hostname, settings);
		return why === undefined
			? []
			: [
					{
						reason: 'ServerRefused',
						message: `${path} is ${why}, which must not be dialled. Write an address by which other machines reach the API server.`,
					},
				];
	});
}

/**
 * Client libraries of 2018 and 2019 know neither of the two (client-go has `tls-server-name` since 0.18 and `proxy-url`
 * since 0.19).
 */
function checkAccessInRelease({ mesh, entry, there }: VisitThere): readonly ClusterProblem[] {
	const { followsSecrets, release } = mesh;
	const { name, server } = entry;
	const { access } = there;
	if (followsSecrets) return [];
	const needs = [
		// When the mesh uses another address, the name in its certificate may be another one as well.
		...(access.tlsServerName === undefined || server !== undefined ? [] : ['tls-server-name']),
		...(access.proxyUrl === undefined ? [] : ['proxy-url']),
	];
	return needs.length === 0
		? []
		: [
				{
					reason: 'AccessNotInRelease',
					message: `the kubeconfig of cluster ${name} has ${needs.join(' and ')}, which Pilot ${release.version} does not know. Give the entry a server whose certificate carries its name, and that Pilot reaches without a proxy.`,
				},
			];
}
