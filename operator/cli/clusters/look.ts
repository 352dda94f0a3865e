/**
 * Looks at joined clusters from the user's machine, with the user's own rights here and the kubeconfigs there. It uses the
 * operator's guard and checks.
 */
import { type ClusterProblem, mayReadLabel } from '../../../api/v1/index.ts';
import { toChild } from '../../apply/child.ts';
import type { CheckedFacts } from '../../clusters/checks/checked-facts.ts';
import { clusterId } from '../../clusters/checks/gather.ts';
import { clusterChecks } from '../../clusters/checks/gather-and-check.ts';
import type { ClusterNames } from '../../clusters/cluster-objects.ts';
import { newCell } from '../../clusters/keep/cell.ts';
import { ClusterConnection } from '../../clusters/keep/connection.ts';
import type { ClusterChecks } from '../../clusters/keep/context.ts';
import { clusterFailure, LocalFailure } from '../../clusters/keep/failure.ts';
import { failureContextOf } from '../../clusters/keep/source.ts';
import type { VisitThere } from '../../clusters/keep/visit.ts';
import { guardedLookup } from '../../clusters/kubeconfig/address-guard.ts';
import { type ClusterAccess, readClusterKubeconfig } from '../../clusters/kubeconfig/kubeconfig.ts';
import { mayRead, notReadable } from '../../clusters/kubeconfig/may-read.ts';
import { namesOf } from '../../clusters/names.ts';
import { type ClusterRecord, recordOf, recordReference, recordSetId } from '../../clusters/secret/record.ts';
import type { ClusterSettings } from '../../clusters/settings.ts';
import type { WantedCluster } from '../../clusters/wanted-cluster.ts';
import type { KeepingMesh } from '../../clusters/wanted-mesh.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { ConnectionBudget, SharedBudget } from '../../runtime/client/budget.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { MatrixCell } from './matrix.ts';
import { reachOf } from './reach.ts';

export interface LookedAt {
	readonly entry: WantedCluster;
	/** Undefined when its kubeconfig can't be used. */
	readonly access: ClusterAccess | undefined;
	readonly api: ApiServer | undefined;
	/** Whether this machine reaches its API server. */
	readonly reach: MatrixCell;
	readonly facts: CheckedFacts | undefined;
	/** All findings. Empty when the cluster may join, or is joined as it should be. */
	readonly problems: readonly ClusterProblem[];
}

export interface LookOptions {
	/** A client of the API server here, with the user's rights. */
	readonly api: ApiServer;
	readonly mesh: KeepingMesh;
	readonly settings: ClusterSettings;
	/** When set, only this cluster is connected to. For the others records and status count. */
	readonly only?: string | undefined;
	/** Replaces the Secret of an entry, which need not exist yet. */
	readonly kubeconfigs?: ReadonlyMap<string, Buffer>;
	readonly signal?: AbortSignal;
}

/** Deadlines for a cluster as a whole, for an answer and for a connection. They are short, because a person waits. */
const wholeTimeoutMs = 60_000;
const timeouts = { timeoutMs: 10_000, connectTimeoutMs: 5_000 };

/** A client for the cluster of a kubeconfig that the guard has accepted. Host names are checked when they are dialled. */
function connectTo({ credentials }: ClusterAccess, settings: ClusterSettings): ApiServer {
	const budget = new ConnectionBudget(new SharedBudget());
	return new ApiServer(credentials, { ...timeouts, isForeign: true, lookup: guardedLookup(settings), budget });
}

export interface Looking extends AsyncDisposable {
	readonly clusters: readonly LookedAt[];
	/** UID of this cluster's `kube-system`. */
	readonly localId: string;
}

/** Rejects only when this cluster does not answer. The clients stay open until the result is disposed of. */
export async function lookAtClusters(options: LookOptions): Promise<Looking> {
	const { api, mesh, settings, only, kubeconfigs, signal } = options;
	const localId = await clusterId(api);
	const records = await readRecords(api, mesh);
	const cells = new Map(mesh.clusters.map(({ name }) => [name, newCell(mesh.name, name)]));
	const checks = clusterChecks({
		api,
		settings,
		local: () => ({ id: localId, access: undefined }),
		cellsOf: () => [...cells.values()],
		recordOf: (_, cluster) => records.get(cluster),
		recordsOf: () => [...records.values()],
		now: () => performance.now(),
	});
	const names = namesOf(mesh, localId);
	const entries = mesh.clusters.filter(({ name }) => only === undefined || name === only);
	const connected = await Promise.all(
		entries.map(async (entry) => {
			const opened = await open(api, mesh, entry, settings, kubeconfigs?.get(entry.name));
			const there = 'reason' in opened ? undefined : connectionOf(opened, mesh, entry, names, settings);
			return { entry, opened, there, cell: cells.get(entry.name) ?? newCell(mesh.name, entry.name) };
		}),
	);
	const round = () =>
		Promise.all(
			connected.map(({ entry, opened, there, cell }) =>
				there === undefined || 'reason' in opened
					? unusable(entry, opened)
					: look(checks, { cell, mesh, entry, record: records.get(entry.name), names, there }, signal),
			),
		);
	const close = async () => {
		await Promise.all(connected.map(({ there }) => there?.close()));
	};
	try {
		let clusters = await round();
		// A second round compares each cluster with what was learned about the others.
		if (clusters.filter(({ facts }) => facts !== undefined).length > 1) clusters = await round();
		return { clusters, localId, [Symbol.asyncDispose]: close };
	} catch (error) {
		await close();
		throw error;
	}
}

function unusable(entry: WantedCluster, opened: ClusterProblem | ClusterAccess): LookedAt {
	const problems = 'reason' in opened ? [opened] : [];
	const reach: MatrixCell = { state: 'unknown', detail: `${entry.name} has no kubeconfig that can be used` };
	return { entry, access: undefined, api: undefined, reach, facts: undefined, problems };
}

function connectionOf(
	access: ClusterAccess,
	mesh: KeepingMesh,
	entry: WantedCluster,
	{ applySet }: ClusterNames,
	settings: ClusterSettings,
): ClusterConnection {
	// This connection watches nothing. It holds the client and the names of what is kept there.
	return new ClusterConnection({
		access,
		api: connectTo(access, settings),
		namespace: mesh.namespace,
		partOf: applySet,
		kept: { dataPlane: entry.dataPlane !== undefined, secrets: entry.role === 'Primary' },
		onChange: () => undefined,
		wake: () => undefined,
		onError: () => undefined,
		now: () => performance.now(),
	});
}

async function look(
	checks: ClusterChecks,
	visit: Omit<VisitThere, 'signal'>,
	signal: AbortSignal | undefined,
): Promise<LookedAt> {
	const { cell, entry } = visit;
	const { access, api } = visit.there;
	const timeout = AbortSignal.timeout(wholeTimeoutMs);
	const end = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
	try {
		const latencyMs = await measure(api, end);
		const { facts, problems } = await checks.check({ ...visit, signal: end });
		cell.facts = facts;
		return { entry, access, api, reach: { state: 'ok', latencyMs }, facts, problems };
	} catch (error) {
		signal?.throwIfAborted();
		// A failure in this cluster is no finding about the other one.
		if (error instanceof LocalFailure) throw error.cause;
		const { problem } = clusterFailure(error, failureContextOf(access));
		return { entry, access, api, reach: reachOf(error, entry.name), facts: undefined, problems: [problem] };
	}
}

/** How long the API server takes to tell its version over an open connection, in milliseconds. */
async function measure(api: ApiServer, signal: AbortSignal): Promise<number> {
	await api.version({ signal });
	const started = performance.now();
	await api.version({ signal });
	return toHundredths(performance.now() - started);
}

export function toHundredths(ms: number): number {
	return Math.round(ms * 100) / 100;
}

async function open(
	api: ApiServer,
	mesh: Pick<KeepingMesh, 'name' | 'namespace'>,
	{ kubeconfig }: WantedCluster,
	settings: ClusterSettings,
	given: Buffer | undefined,
): Promise<ClusterAccess | ClusterProblem> {
	const { namespace, name, key } = kubeconfig;
	const reader = { mesh: mesh.name, namespace: mesh.namespace };
	let content = given;
	if (content === undefined) {
		const { apiVersion, kind } = kinds.Secret;
		let secret: KubeObject & { readonly data?: Readonly<Record<string, unknown>> };
		try {
			secret = await api.get({ apiVersion, kind, namespace, name });
		} catch (error) {
			if (isNotFound(error)) {
				return { reason: 'KubeconfigNotFound', message: notReadable(reader, { namespace, name, key }) };
			}
			if (isForbidden(error)) {
				return { reason: 'KubeconfigUnreadable', message: `you may not read Secret ${namespace}/${name}` };
			}
			throw error;
		}
		const value = secret.data?.[key];
		// Told as the operator tells it, though the user here may see the difference.
		const isAllowed = mayRead(reader, { namespace, name }, secret.metadata.labels?.[mayReadLabel]);
		if (typeof value !== 'string' || !isAllowed) {
			return { reason: 'KubeconfigNotFound', message: notReadable(reader, { namespace, name, key }) };
		}
		content = Buffer.from(value, 'base64');
	}
	const read = readClusterKubeconfig(content, settings);
	if (read.ok) return read.access;
	const { reason, message } = read.problem;
	return { reason, message: `Secret ${namespace}/${name}, key ${key}: ${message}` };
}

/** The operator's records about the clusters of the mesh. Empty when the user may not read them. */
async function readRecords(api: ApiServer, mesh: KeepingMesh): Promise<ReadonlyMap<string, ClusterRecord>> {
	const found = await Promise.all(
		mesh.clusters.map(async ({ name }): Promise<readonly (readonly [string, ClusterRecord])[]> => {
			try {
				const child = toChild((await api.getMetadata(recordReference(mesh.namespace, name))) as KubeObject);
				const record = child.partOf === recordSetId(mesh.name, name) ? recordOf(child) : undefined;
				return record === undefined ? [] : [[name, record]];
			} catch (error) {
				if (isNotFound(error) || isForbidden(error)) return [];
				throw error;
			}
		}),
	);
	return new Map(found.flat());
}
