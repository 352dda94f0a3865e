/**
 * Gathers what the checks need: facts of the other cluster, facts of this one, and what is known about the other entries.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import { RequestError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { watchedThere } from '../keep/connection.ts';
import type { ClusterChecks, KeeperContext } from '../keep/context.ts';
import { hasTraceOf } from '../keep/credential-trace.ts';
import { ClusterFailure, type FailureContext } from '../keep/failure.ts';
import { failureContextOf } from '../keep/source.ts';
import type { VisitThere } from '../keep/visit.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import { checkCluster } from './check-cluster.ts';
import type { CheckedFacts } from './checked-facts.ts';
import { believedOf, localOf, othersOf, standingOf, subjectOf } from './compared.ts';
import { FactsHere } from './facts-here.ts';
import { type ClusterFactsSeen, gatherFacts } from './gather.ts';
import { unknown, valueIfKnown } from './known.ts';
import { kubernetesNeeded } from './kubernetes-needed.ts';
import { gatherGateways } from './network-entry.ts';
import { type Permission, permissionsFor } from './permissions.ts';
import { ReviewedPermissions } from './reviewed-permissions.ts';
import { checkServers } from './servers.ts';
import { type CheckedCluster, seen, type Written, writtenIn } from './subject.ts';

type Context = Pick<KeeperContext, 'api' | 'local' | 'cellsOf' | 'recordOf' | 'recordsOf' | 'now' | 'settings'>;

export function clusterChecks(context: Context): ClusterChecks {
	const factsHere = new FactsHere(context.api, context.now);
	const reviewed = new ReviewedPermissions(context.now);
	return {
		subjectOf: (visit) => subjectOf(context, visit),
		async check(visit) {
			const { cell, mesh, entry, record, names } = visit;
			const rendered = mesh.objects.samples(entry, names);
			const [facts, missing, here, gateways] = await Promise.all([
				gatherThere(visit),
				reviewed.missing(visit, permissionsThere(visit, rendered)),
				factsHere.of(mesh),
				gatherGateways(visit),
			]);
			if (facts === undefined) return { facts, problems: [nothingAllowed(entry.name, missing)] };
			const checked: CheckedCluster = {
				...seen(facts),
				name: entry.name,
				role: entry.role,
				network: entry.network,
				position: mesh.clusters.findIndex(({ name }) => name === entry.name),
				...standingOf(cell, record),
				written: writtenIn(entry),
				believed: believedOf(visit, record),
				recordedId: record?.id,
				kubernetes: kubernetesNeeded(rendered),
				missingPermissions: missing,
				listed: listedThere(facts, mesh),
				dataPlane: entry.dataPlane,
			};
			const problems = [
				...checkCluster(checked, othersOf(context, mesh), localOf(context, mesh, here)),
				// A problem that both find is told once.
				...(entry.dataPlane === undefined ? [] : mesh.objects.problemsOf(entry)).filter(
					({ reason }) => reason !== 'AddressesNeeded',
				),
				...checkServers(context, visit, facts),
			];
			const isOverlapping = problems.some(({ reason }) => reason === 'AddressesOverlap');
			const learned = believing(checkedFacts(facts, visit, gateways), checked, isOverlapping);
			// Set in the same step as the comparison: when two clusters are checked side by side, one is first, and the other
			// sees it.
			cell.isAdmitted = problems.length === 0;
			if (cell.isAdmitted) cell.facts = learned;
			return { facts: learned, problems };
		},
	};
}

/**
 * The facts, with the addresses from before where what the cluster says now can't be believed: it has been admitted, and
 * says that it has those of others, or nothing that can be read.
 */
function believing(facts: CheckedFacts, { believed, written }: CheckedCluster, isOverlapping: boolean): CheckedFacts {
	const addresses = (field: keyof Written) => {
		const before = written?.[field] === true ? undefined : believed?.[field];
		return isOverlapping ? (before ?? facts[field]) : (facts[field] ?? before);
	};
	return { ...facts, podCIDRs: addresses('podCIDRs'), serviceCIDRs: addresses('serviceCIDRs') };
}

function nothingAllowed(cluster: string, missing: readonly string[]): ClusterProblem {
	return {
		reason: 'PermissionsMissing',
		message: `in cluster ${cluster} the user of the kubeconfig may not: ${missing.join('; ') || 'get namespaces kube-system'}. deploy/remote has a role with all permissions.`,
	};
}

/**
 * Undefined after a 403 to the first questions. The API server answers, and the list of missing permissions says the rest.
 */
async function gatherThere({ entry, mesh, there, signal }: VisitThere): Promise<ClusterFactsSeen | undefined> {
	const { podCIDRs, serviceCIDRs, dataPlane } = entry;
	const caSecretName = dataPlane === undefined ? undefined : mesh.objects.caSecretName;
	try {
		const given = { namespace: mesh.namespace, podCIDRs, serviceCIDRs, caSecretName };
		return withoutCredentials(await gatherFacts(there.api, given, signal), failureContextOf(there.access));
	} catch (error) {
		if (error instanceof RequestError && error.status === 403) return undefined;
		throw error;
	}
}

/** The facts that are told as texts, without those in which the cluster hides our credential. */
function withoutCredentials(facts: ClusterFactsSeen, { host, secrets }: FailureContext): ClusterFactsSeen {
	const { id, serverVersion, mesh } = facts;
	if (hasTraceOf(id, secrets)) {
		const message = `what answers at ${host} is no API server of Kubernetes: as the UID of kube-system it sends a piece of our credential`;
		throw new ClusterFailure({ reason: 'Unreachable', message }, true);
	}
	const isHidden = mesh.trustDomain.known && hasTraceOf(mesh.trustDomain.value, secrets);
	return {
		...facts,
		serverVersion: hasTraceOf(serverVersion, secrets) ? '' : serverVersion,
		mesh: isHidden ? { ...mesh, trustDomain: unknown('it is no name') } : mesh,
	};
}

function permissionsThere(
	{ entry, mesh, names, there }: VisitThere,
	rendered: readonly KubeObject[],
): readonly Permission[] {
	return permissionsFor({
		namespace: mesh.namespace,
		role: entry.role,
		rendered,
		watched: watchedThere(mesh.namespace, there.kept),
		account: mesh.objects.readerAccount(names.readBy),
		labelledNamespaces: entry.dataPlane === undefined ? [] : mesh.objects.labelledNamespaces,
		hasPodCIDRs: (entry.podCIDRs?.length ?? 0) > 0,
		hasServiceCIDRs: (entry.serviceCIDRs?.length ?? 0) > 0,
	});
}

function checkedFacts(
	facts: ClusterFactsSeen,
	{ mesh, entry }: VisitThere,
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

/** The clusters that the MeshInstallation of this mesh there lists. */
function listedThere({ mesh: { installations } }: ClusterFactsSeen, { namespace }: KeepingMesh) {
	return valueIfKnown(installations)?.find((one) => one.namespace === namespace)?.lists ?? [];
}
