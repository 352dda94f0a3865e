/** Puts together what the checks need: what is seen there, what is seen here, and what is known of the other entries. */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import { isRecord } from '../../runtime/client/answer.ts';
import { RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { ClusterNames } from '../cluster-objects.ts';
import type { ClusterCell } from '../keep/cell.ts';
import { type ClusterConnection, watchedThere } from '../keep/connection.ts';
import type { ClusterChecks, KeeperContext } from '../keep/context.ts';
import { LocalFailure } from '../keep/failure.ts';
import type { ClusterRecord } from '../keep/record.ts';
import { refusedAddress } from '../kubeconfig/address-guard.ts';
import type { WantedCluster } from '../wanted-cluster.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import type { CheckedFacts } from './checked-facts.ts';
import { checkCluster } from './checks.ts';
import { isAddress } from './foreign.ts';
import { type ClusterFactsSeen, gatherFacts } from './gather.ts';
import { valueIfKnown } from './known.ts';
import { kubernetesNeeded } from './kubernetes-needed.ts';
import { reviewPermissions } from './permission-review.ts';
import { type Permission, permissionsFor } from './permissions.ts';
import type { CheckedCluster, LocalCluster, OtherCluster } from './subject.ts';
import { seen } from './subject.ts';

type Context = Pick<
	KeeperContext,
	'api' | 'local' | 'cellsOf' | 'recordOf' | 'recordsOf' | 'namesOf' | 'now' | 'settings'
>;

/** The gateway through which others enter a network, as the charts call it. */
const gatewayService = 'istio-ingressgateway';

/** What is seen of this cluster is good for so long, milliseconds: each entry is compared with it. */
const localFactsMs = 60_000;

/** Permissions that were all there are taken for granted for so long, milliseconds: what is refused meanwhile says so itself. */
const permissionsMs = 60 * 60_000;

export function clusterChecks(context: Context): ClusterChecks {
	const here = new Map<
		string,
		{ readonly at: number; readonly key: string; readonly facts: Promise<ClusterFactsSeen> }
	>();

	/** Connections whose user had all permissions, and what was asked for. */
	const reviewed = new WeakMap<ClusterConnection, { readonly at: number; readonly asked: string }>();

	/** Dozens of questions: where all was allowed, they are asked again less often than what else can change. */
	async function missingIn(
		permissions: readonly Permission[],
		there: ClusterConnection,
		isJoined: boolean,
		signal: AbortSignal,
	): Promise<readonly string[]> {
		const asked = JSON.stringify(permissions);
		const known = reviewed.get(there);
		if (isJoined && known?.asked === asked && context.now() - known.at < permissionsMs) return [];
		const { needed } = await reviewPermissions(there.api, permissions, signal);
		if (needed.length === 0) reviewed.set(there, { at: context.now(), asked });
		else reviewed.delete(there);
		return needed;
	}

	/** Once for all entries that are checked at about the same time. */
	function gatherHere(mesh: KeepingMesh): Promise<ClusterFactsSeen> {
		const { namespace, podCIDRs, serviceCIDRs } = mesh;
		const key = JSON.stringify([namespace, podCIDRs, serviceCIDRs, mesh.objects.caSecretName]);
		const known = here.get(mesh.name);
		if (known !== undefined && known.key === key && context.now() - known.at < localFactsMs) return known.facts;
		// Without the signal of the pass that happens to ask first: others wait for the same answer.
		const facts = gatherFacts(context.api, { namespace, podCIDRs, serviceCIDRs }).catch((error: unknown) => {
			if (here.get(mesh.name)?.facts === facts) here.delete(mesh.name);
			// It is no fault of the cluster that is to be compared with this one.
			throw new LocalFailure(error);
		});
		here.set(mesh.name, { at: context.now(), key, facts });
		return facts;
	}

	return {
		subjectOf: (cell, mesh, entry) => subjectOf(context, cell, mesh, entry),
		async check(cell, mesh, entry, record, there, signal) {
			const names = context.namesOf(mesh);
			const rendered = mesh.objects.samples(entry, names);
			const [facts, missing, local, gateways] = await Promise.all([
				gatherThere(entry, mesh, there, signal),
				missingIn(permissionsThere(entry, mesh, names, rendered, there), there, record?.state === 'Published', signal),
				gatherHere(mesh),
				gatherGateways(entry, mesh, there, signal),
			]);
			if (facts === undefined) {
				return {
					facts,
					problems: [
						{
							reason: 'PermissionsMissing' as const,
							message: `in cluster ${entry.name} the user of the kubeconfig may not: ${missing.join('; ') || 'get namespaces kube-system'}. deploy/remote has a role with all permissions.`,
						},
					],
				};
			}
			const position = mesh.clusters.findIndex(({ name }) => name === entry.name);
			const checked: CheckedCluster = {
				...seen(facts),
				name: entry.name,
				role: entry.role,
				network: entry.network,
				position,
				isJoined: record?.state === 'Published',
				isAdmitted: isAdmitted(cell, record),
				recordedId: record?.id,
				kubernetes: kubernetesNeeded(rendered),
				missingPermissions: missing,
				listed: listedThere(facts, mesh),
				dataPlane: entry.dataPlane,
			};
			const problems = [
				...checkCluster(checked, othersOf(context, mesh), localOf(context, mesh, local)),
				// What both look at is told once.
				...(entry.dataPlane === undefined ? [] : mesh.objects.problemsOf(entry)).filter(
					({ reason }) => reason !== 'AddressesNeeded',
				),
				...serverAddress(context, mesh, entry, facts),
				...refusedServers(context, mesh, entry),
				...accessInRelease(mesh, entry, there),
			];
			const learned = checkedFacts(facts, mesh, entry, gateways);
			// In the same step as the comparison: of two that are checked side by side one is first, and the other sees it.
			cell.isAdmitted = problems.length === 0;
			if (cell.isAdmitted) cell.facts = learned;
			return { facts: learned, problems };
		},
	};
}

/** 403 to the first questions: there is an answer, and the list of what is missing says the rest. */
async function gatherThere(
	{ podCIDRs, serviceCIDRs, dataPlane }: WantedCluster,
	{ namespace, objects }: KeepingMesh,
	{ api }: ClusterConnection,
	signal: AbortSignal,
): Promise<ClusterFactsSeen | undefined> {
	const caSecretName = dataPlane === undefined ? undefined : objects.caSecretName;
	try {
		return await gatherFacts(api, { namespace, podCIDRs, serviceCIDRs, caSecretName }, signal);
	} catch (error) {
		if (error instanceof RequestError && error.status === 403) return undefined;
		throw error;
	}
}

/** Where the network of a cluster is entered, if it is another one: the addresses of its ingress gateway. */
async function gatherGateways(
	{ network }: WantedCluster,
	mesh: KeepingMesh,
	{ api }: ClusterConnection,
	signal: AbortSignal,
): Promise<readonly string[] | undefined> {
	if (network === undefined || network === mesh.network) return undefined;
	const { apiVersion, kind } = kinds.Service;
	try {
		const service = await api.get({ apiVersion, kind, namespace: mesh.namespace, name: gatewayService }, { signal });
		return addressesOf(service.status);
	} catch (error) {
		if (error instanceof RequestError && (error.status === 403 || error.status === 404)) return undefined;
		throw error;
	}
}

/** As the watch shows them where the gateway is part of a data plane: a load balancer that moves is followed at once. */
function gatewayAddressesSeen({ connection }: ClusterCell, { namespace }: KeepingMesh): readonly string[] | undefined {
	const { apiVersion, kind } = kinds.Service;
	const service = connection?.live.get(objectKey({ apiVersion, kind, namespace, name: gatewayService }))?.service;
	return addressesOf(service?.status);
}

/** Addresses of a load balancer, sorted. */
function addressesOf(status: unknown): readonly string[] | undefined {
	const loadBalancer = isRecord(status) && isRecord(status.loadBalancer) ? status.loadBalancer : {};
	const ingress: readonly unknown[] = Array.isArray(loadBalancer.ingress) ? loadBalancer.ingress : [];
	const addresses = ingress.flatMap((entry) => (isRecord(entry) ? [entry.ip, entry.hostname] : [])).filter(isAddress);
	return addresses.length === 0 ? undefined : [...new Set(addresses)].sort().slice(0, 64);
}

function permissionsThere(
	entry: WantedCluster,
	mesh: KeepingMesh,
	names: ClusterNames,
	rendered: readonly KubeObject[],
	{ kept }: ClusterConnection,
): readonly Permission[] {
	return permissionsFor({
		namespace: mesh.namespace,
		role: entry.role,
		rendered,
		watched: watchedThere(mesh.namespace, kept),
		account: mesh.objects.readerAccount(names.readBy),
		labelledNamespaces: entry.dataPlane === undefined ? [] : mesh.objects.labelledNamespaces,
		hasPodCIDRs: (entry.podCIDRs?.length ?? 0) > 0,
		hasServiceCIDRs: (entry.serviceCIDRs?.length ?? 0) > 0,
	});
}

function checkedFacts(
	facts: ClusterFactsSeen,
	mesh: KeepingMesh,
	entry: WantedCluster,
	gateways: readonly string[] | undefined,
): CheckedFacts {
	return {
		id: facts.id,
		serverVersion: facts.serverVersion,
		network: entry.network,
		podCIDRs: valueIfKnown(facts.podCIDRs),
		serviceCIDRs: valueIfKnown(facts.serviceCIDRs),
		services: valueIfKnown(facts.services),
		endpoints: valueIfKnown(facts.endpoints),
		gateways,
		listedThere: listedThere(facts, mesh).map(({ id }) => id),
	};
}

/** The clusters that the MeshInstallation of this mesh lists there. */
function listedThere({ mesh: { installations } }: ClusterFactsSeen, { namespace }: KeepingMesh) {
	return valueIfKnown(installations)?.find((one) => one.namespace === namespace)?.lists ?? [];
}

/** Also by its record: what was begun before a restart. */
function isAdmitted(cell: ClusterCell | undefined, record: ClusterRecord | undefined): boolean {
	return cell?.isAdmitted === true || record !== undefined;
}

function othersOf({ cellsOf, recordOf, recordsOf }: Context, mesh: KeepingMesh): readonly OtherCluster[] {
	const cells = new Map(cellsOf(mesh.name).map((cell) => [cell.cluster, cell]));
	const names = new Set(mesh.clusters.map(({ name }) => name));
	// What leaves is cleaned first: another entry for the same cluster would lose what it is given there.
	const leaving = recordsOf(mesh)
		.filter(({ cluster }) => !names.has(cluster))
		.map(({ cluster, id }) => ({
			name: cluster,
			network: undefined,
			podCIDRs: undefined,
			serviceCIDRs: undefined,
			id,
			position: -1,
			isJoined: true,
		}));
	const listed = mesh.clusters.map((other, position) => {
		const record = recordOf(mesh, other.name);
		const cell = cells.get(other.name);
		const facts = cell?.facts;
		const before = mesh.before.get(other.name);
		return {
			name: other.name,
			network: other.network,
			podCIDRs: other.podCIDRs ?? facts?.podCIDRs ?? before?.podCIDRs,
			serviceCIDRs: other.serviceCIDRs ?? facts?.serviceCIDRs ?? before?.serviceCIDRs,
			id: facts?.id ?? record?.id,
			position,
			isJoined: record?.state === 'Published',
			isAdmitted: isAdmitted(cell, record),
		};
	});
	return [...leaving, ...listed];
}

function localOf({ local }: Context, mesh: KeepingMesh, facts: ClusterFactsSeen): LocalCluster {
	const { podCIDRs, serviceCIDRs, roots } = seen(facts);
	return {
		name: mesh.clusterName ?? local().id,
		id: local().id,
		clusterName: mesh.clusterName,
		network: mesh.network,
		podCIDRs,
		serviceCIDRs,
		trustDomain: mesh.trustDomain,
		roots,
		release: mesh.release,
	};
}

/** A primary that does not list this cluster has to be told its address. */
function serverAddress(
	{ local }: Context,
	mesh: KeepingMesh,
	entry: WantedCluster,
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

/** Addresses that a spec names are judged as those in kubeconfigs are. */
function refusedServers({ settings }: Context, mesh: KeepingMesh, entry: WantedCluster): readonly ClusterProblem[] {
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

/** Client libraries of 2018 and 2019 know neither (client-go has `tls-server-name` since 0.18 and `proxy-url` since 0.19). */
function accessInRelease(
	{ followsSecrets, release }: KeepingMesh,
	{ name, server }: WantedCluster,
	{ access }: ClusterConnection,
): readonly ClusterProblem[] {
	if (followsSecrets) return [];
	const needs = [
		// With another address for the mesh, the name in its certificate may be another as well.
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

/** Another one of these, and a check that is not due is made all the same. */
function subjectOf(context: Context, cell: ClusterCell, mesh: KeepingMesh, entry: WantedCluster): string {
	const { clusterName, network, podCIDRs, serviceCIDRs, server, release, trustDomain } = mesh;
	const record: ClusterRecord | undefined = context.recordOf(mesh, entry.name);
	return JSON.stringify([
		entry,
		{ clusterName, network, podCIDRs, serviceCIDRs, server, release, trustDomain },
		// That it is recorded as what it was found to be is no news.
		cell.facts === undefined || record?.id === cell.facts.id ? undefined : record?.id,
		// What comes with the spec of the mesh, and the authority by which the cluster gives certificates now.
		entry.dataPlane === undefined ? [] : mesh.objects.problemsOf(entry),
		mesh.objects.caSecretName,
		cell.connection === undefined ? undefined : mesh.objects.authorityThere?.(cell.connection),
		gatewayAddressesSeen(cell, mesh),
		// Others matter to one that was refused: what is in its way may be gone. One that has joined is checked by the clock.
		(cell.problems?.length ?? 0) > 0 ? othersOf(context, mesh) : [],
	]);
}
