/**
 * Looks at joined clusters from where the user stands, with the user's own rights here and the kubeconfigs there: by the
 * same guard and the same checks as the operator.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import { toChild } from '../../apply/child.ts';
import type { CheckedFacts } from '../../clusters/checks/checked-facts.ts';
import { clusterChecks } from '../../clusters/checks/cluster-checks.ts';
import { clusterId } from '../../clusters/checks/gather.ts';
import type { ClusterNames } from '../../clusters/cluster-objects.ts';
import { newCell } from '../../clusters/keep/cell.ts';
import { ClusterConnection } from '../../clusters/keep/connection.ts';
import type { ClusterChecks } from '../../clusters/keep/context.ts';
import { clusterFailure, LocalFailure } from '../../clusters/keep/failure.ts';
import { type ClusterRecord, recordOf, recordReference, recordSetId } from '../../clusters/keep/record.ts';
import { failureContextOf } from '../../clusters/keep/source.ts';
import type { VisitThere } from '../../clusters/keep/visit.ts';
import { guardedLookup } from '../../clusters/kubeconfig/address-guard.ts';
import { type ClusterAccess, readClusterKubeconfig } from '../../clusters/kubeconfig/kubeconfig.ts';
import type { ClusterSettings } from '../../clusters/settings.ts';
import type { WantedCluster } from '../../clusters/wanted-cluster.ts';
import type { KeepingMesh } from '../../clusters/wanted-mesh.ts';
import { applySetId } from '../../render/index.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { MatrixCell } from './matrix.ts';
import { reachOf } from './reach.ts';

export interface LookedAt {
	readonly entry: WantedCluster;
	/** Undefined where its kubeconfig can't be used. */
	readonly access: ClusterAccess | undefined;
	readonly api: ApiServer | undefined;
	/** Whether its API server is reached from here. */
	readonly reach: MatrixCell;
	readonly facts: CheckedFacts | undefined;
	/** Everything that was found; none when it may join, or is joined as it should be. */
	readonly problems: readonly ClusterProblem[];
}

export interface LookOptions {
	/** The API server here, as the user. */
	readonly api: ApiServer;
	readonly mesh: KeepingMesh;
	readonly settings: ClusterSettings;
	/** Only this one is connected to; others count by what records and status say. */
	readonly only?: string | undefined;
	/** In the place of the Secret of an entry, which need not be there yet. */
	readonly kubeconfigs?: ReadonlyMap<string, Buffer>;
	readonly signal?: AbortSignal;
}

/** How long one cluster may take for everything, for one answer, and for a connection, milliseconds: a person waits. */
const wholeTimeoutMs = 60_000;
const timeouts = { timeoutMs: 10_000, connectTimeoutMs: 5_000 };

/** A client for the cluster of a kubeconfig that was judged; names are judged when they are dialled. */
export function connectTo({ credentials }: ClusterAccess, settings: ClusterSettings): ApiServer {
	return new ApiServer(credentials, { ...timeouts, lookup: guardedLookup(settings) });
}

/** The names under which the operator keeps things in joined clusters. */
export function namesIn(
	{ name, clusterName }: Pick<KeepingMesh, 'name' | 'clusterName'>,
	localId: string,
): ClusterNames {
	return { readBy: clusterName ?? localId, applySet: applySetId(`${localId}/${name}`) };
}

export interface Looking extends AsyncDisposable {
	readonly clusters: readonly LookedAt[];
	/** UID of `kube-system` here. */
	readonly localId: string;
}

/** Rejects only where this cluster can't be spoken with. The clients stay open until it is disposed of. */
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
	const names = namesIn(mesh, localId);
	const entries = mesh.clusters.filter(({ name }) => only === undefined || name === only);
	const connected = await Promise.all(
		entries.map(async (entry) => {
			const opened = await open(api, entry, settings, kubeconfigs?.get(entry.name));
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
		// Each is compared with what was learned of the others.
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
	// Nothing is watched by it: it carries the client and what is kept there.
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
		// What failed here is no finding about the cluster that is looked at.
		if (error instanceof LocalFailure) throw error.cause;
		const { problem } = clusterFailure(error, failureContextOf(access));
		return { entry, access, api, reach: reachOf(error, entry.name), facts: undefined, problems: [problem] };
	}
}

/** How long the API server takes to say its version over a connection that is open, milliseconds. */
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
	{ kubeconfig }: WantedCluster,
	settings: ClusterSettings,
	given: Buffer | undefined,
): Promise<ClusterAccess | ClusterProblem> {
	const { namespace, name, key } = kubeconfig;
	let content = given;
	if (content === undefined) {
		const { apiVersion, kind } = kinds.Secret;
		let secret: KubeObject & { readonly data?: Readonly<Record<string, unknown>> };
		try {
			secret = await api.get({ apiVersion, kind, namespace, name });
		} catch (error) {
			if (isNotFound(error)) {
				const message = `there is no Secret ${namespace}/${name}, which kubeconfigSecret names: make it, or correct the name`;
				return { reason: 'KubeconfigNotFound', message };
			}
			if (isForbidden(error)) {
				return { reason: 'KubeconfigUnreadable', message: `you may not read Secret ${namespace}/${name}` };
			}
			throw error;
		}
		const value = secret.data?.[key];
		if (typeof value !== 'string') {
			const message = `Secret ${namespace}/${name} has no key ${key}, which kubeconfigSecret names: correct one of the two`;
			return { reason: 'KubeconfigNotFound', message };
		}
		content = Buffer.from(value, 'base64');
	}
	const read = readClusterKubeconfig(content, settings);
	if (read.ok) return read.access;
	const { reason, message } = read.problem;
	return { reason, message: `Secret ${namespace}/${name}, key ${key}: ${message}` };
}

/** What the operator wrote down about the clusters of the mesh; nothing where that may not be read. */
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
