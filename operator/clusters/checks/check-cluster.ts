/**
 * The checks of a cluster, before it joins and again while it is joined. Each check is a function of plain values that
 * returns what it finds. All checks are made, so that a person can correct everything at once. Pure.
 */
import type { ClusterProblem, ClusterReason } from '../../../api/v1/index.ts';
import { checkAddressesKnown, checkOverlap, goesBefore, isCounted, isSameNetwork } from './addresses.ts';
import { minorOf } from './kubernetes-needed.ts';
import { haveCommonRoot } from './root-certificates.ts';
import type { CheckedCluster, LocalCluster, OtherCluster } from './subject.ts';

type Check = (
	cluster: CheckedCluster,
	others: readonly OtherCluster[],
	local: LocalCluster,
) => readonly ClusterProblem[];

/**
 * The checks, in the order in which problems are told. The first problem gives the condition its reason, so it comes first
 * whether it is the right cluster at all.
 */
const checks: readonly Check[] = [
	checkOwnCluster,
	checkOtherCluster,
	checkJoinedTwice,
	checkName,
	checkKubernetes,
	checkPermissions,
	checkNetworkInRelease,
	checkOverlap,
	checkAddressesKnown,
	checkTrustDomain,
	checkRoots,
	checkAddressesNeeded,
	checkInstallation,
	checkNamesThere,
];

/**
 * All problems of a cluster, always in the same order. Empty when it may join.
 * @param others the other entries of the list, in any order; the cluster itself may be among them
 */
export function checkCluster(
	cluster: CheckedCluster,
	others: readonly OtherCluster[],
	local: LocalCluster,
): readonly ClusterProblem[] {
	const sorted = others.filter(({ name }) => name !== cluster.name).sort((a, b) => a.position - b.position);
	return checks.flatMap((check) => check(cluster, sorted, local));
}

/**
 * For these reasons nothing may ever be written in the cluster, whatever was joined before: the kubeconfig leads to the
 * wrong cluster, or an entry repeats one. And no token goes to an address that must not be dialled.
 */
const alwaysBlocking: ReadonlySet<ClusterReason> = new Set([
	'OwnCluster',
	'OtherCluster',
	'JoinedTwice',
	'ClusterNameTaken',
	'ServerRefused',
]);

/**
 * The problems that keep the operator from writing in the cluster. Before it joins, these are all problems. Once it has
 * joined, a new problem does not tear down what works: it is reported, while rotation, repair and data plane go on. Only
 * `alwaysBlocking` counts then.
 */
export function blockingProblems(
	problems: readonly ClusterProblem[],
	{ isJoined }: Pick<OtherCluster, 'isJoined'>,
): readonly ClusterProblem[] {
	return isJoined ? problems.filter(({ reason }) => alwaysBlocking.has(reason)) : problems;
}

function problem(reason: ClusterReason, message: string): readonly ClusterProblem[] {
	return [{ reason, message }];
}

function checkOwnCluster({ name, id }: CheckedCluster, _: readonly OtherCluster[], local: LocalCluster) {
	return id === local.id
		? problem(
				'OwnCluster',
				`the kubeconfig of cluster ${name} leads to this cluster itself (${id}). Remove the entry, or give it the kubeconfig of another cluster.`,
			)
		: [];
}

function checkOtherCluster({ name, id, recordedId }: CheckedCluster) {
	return recordedId !== undefined && recordedId !== id
		? problem(
				'OtherCluster',
				`the kubeconfig of cluster ${name} leads to another cluster (${id}) than before (${recordedId}). Remove the entry, wait until it has left, and add it again; or restore the kubeconfig.`,
			)
		: [];
}

function checkJoinedTwice(cluster: CheckedCluster, others: readonly OtherCluster[]) {
	const first = others.find((other) => other.id === cluster.id && isCounted(other) && goesBefore(other, cluster));
	return first === undefined
		? []
		: problem(
				'JoinedTwice',
				`clusters ${first.name} and ${cluster.name} are the same cluster (${cluster.id}); ${first.name} was first. Remove one of the two entries. If they are two clusters, one of them says that it is the other.`,
			);
}

function checkName({ name }: CheckedCluster, _: readonly OtherCluster[], { clusterName, id }: LocalCluster) {
	return name === (clusterName ?? id)
		? problem(
				'ClusterNameTaken',
				clusterName === undefined
					? `${name} is the name of this cluster, its UID, since spec.multiCluster.clusterName is not set. Give the entry another name.`
					: `${name} is the name of this cluster (spec.multiCluster.clusterName). Give the entry another name.`,
			)
		: [];
}

function checkKubernetes({ name, serverVersion, kubernetes }: CheckedCluster) {
	const minor = minorOf(serverVersion);
	return minor !== undefined && minor < kubernetes.minor
		? problem(
				'KubernetesTooOld',
				`cluster ${name} has Kubernetes ${serverVersion}; joining needs 1.${kubernetes.minor} or later, for ${kubernetes.what}. Upgrade the cluster.`,
			)
		: [];
}

/**
 * A message lists at most this many permissions. When more are missing, something general is wrong, and the first of them
 * show it.
 */
const mostPermissions = 40;

function checkPermissions({ name, missingPermissions }: CheckedCluster) {
	const shown = missingPermissions.slice(0, mostPermissions).join('; ');
	const more = missingPermissions.length - mostPermissions;
	return missingPermissions.length === 0
		? []
		: problem(
				'PermissionsMissing',
				`in cluster ${name} the user of the kubeconfig may not: ${shown}${more > 0 ? `; and ${more} more` : ''}. deploy/remote has a role with all permissions.`,
			);
}

function checkNetworkInRelease(cluster: CheckedCluster, _: readonly OtherCluster[], local: LocalCluster) {
	const { release } = local;
	return !release.hasNetworks && (cluster.network ?? '') !== (local.network ?? '')
		? problem(
				'NetworkNotInRelease',
				`cluster ${cluster.name} is in ${networkText(cluster.network)}, this cluster in ${networkText(local.network)}, and Istio ${release.version} knows no networks. Use Istio 1.1 or later, or put both clusters into one network.`,
			)
		: [];
}

function networkText(network: string | undefined): string {
	return network === undefined ? 'the network without a name' : `network ${network}`;
}

/** Compares trust domains when the mesh configuration is not written by us, so that it may differ. */
function checkTrustDomain(cluster: CheckedCluster, _: readonly OtherCluster[], local: LocalCluster) {
	const { name, role, trustDomain, dataPlane, network } = cluster;
	if (
		trustDomain === undefined ||
		trustDomain === local.trustDomain ||
		(role === 'Remote' && dataPlane !== undefined)
	) {
		return [];
	}
	const sameName = network !== undefined && network === local.network;
	return problem(
		'TrustDomainDiffers',
		`the trust domain of cluster ${name} is ${trustDomain}, that of this cluster ${local.trustDomain}${sameName ? `, though both are in network ${network}` : ''}: workloads would refuse each other. Give both meshes the same spec.mesh.trustDomain.`,
	);
}

function checkRoots({ name, roots }: CheckedCluster, _: readonly OtherCluster[], local: LocalCluster) {
	return roots !== undefined && local.roots !== undefined && !haveCommonRoot(roots, local.roots)
		? problem(
				'RootCertificateDiffers',
				`the certificates of cluster ${name} and of this cluster have no common root: workloads would refuse each other. Give both Citadels an authority of the same root by spec.citadel.caSecretName.`,
			)
		: [];
}

function checkAddressesNeeded(cluster: CheckedCluster, _: readonly OtherCluster[], local: LocalCluster) {
	const { name, dataPlane } = cluster;
	return dataPlane !== undefined &&
		dataPlane.controlPlaneAddresses.length === 0 &&
		!isSameNetwork(cluster, local, local)
		? problem(
				'AddressesNeeded',
				`cluster ${name} is in ${networkText(cluster.network)}, from which pods of this cluster are not reached. Write the addresses of a load balancer in front of Pilot and Mixer into dataPlane.controlPlaneAddresses.`,
			)
		: [];
}

function checkInstallation({ name, role, installations }: CheckedCluster) {
	return role === 'Primary' && installations === 0
		? problem(
				'NoMeshInstallation',
				`cluster ${name} has role Primary but no MeshInstallation, so nothing there would read a Secret. Install a mesh there, or set role to Remote.`,
			)
		: [];
}

/** Refuses names that a Secret there gives to another cluster. Who had the name first keeps it. */
function checkNamesThere({ name, role, listed }: CheckedCluster, others: readonly OtherCluster[], local: LocalCluster) {
	if (role !== 'Primary') return [];
	// Nobody is told about a cluster that leaves, which has no position in the list.
	return [local, ...others.filter(({ position }) => position >= 0)].flatMap((told) => {
		const { id } = listed.find((one) => one.name === told.name) ?? {};
		const isListed = listed.some((one) => one.id === told.id);
		return id === undefined || told.id === undefined || isListed
			? []
			: problem(
					'NameTakenThere',
					`cluster ${name} can not be told of cluster ${told.name} (${told.id}): the MeshInstallation there calls another cluster ${told.name}. Give it another name on one of the two sides, or list it there as well.`,
				);
	});
}
