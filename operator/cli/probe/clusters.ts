/** Asks every cluster of a mesh whom it reaches, and joins the answers. */
import type { ClusterSettings } from '../../clusters/settings.ts';
import type { KeepingMesh } from '../../clusters/wanted-mesh.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isOperatorError } from '../../runtime/errors.ts';
import type { LookedAt } from '../clusters/look.ts';
import { here, type Matrix, type MatrixCell, type MatrixRow } from '../clusters/matrix.ts';
import { connect } from '../connection.ts';
import { readProbeLog } from './output.ts';
import { describeProbeFailure, runProbe } from './run.ts';
import type { ProbeTarget } from './script.ts';
import { apiTarget, podTarget, type TargetResult } from './targets.ts';

export interface ProbeChoices {
	readonly kubeconfig?: string;
	readonly probeImage: string;
	/** Default: the namespace of the mesh. */
	readonly probeNamespace?: string;
	/** Contexts by the name of the cluster. They replace the kubeconfig by which it is joined. */
	readonly probeContext?: ReadonlyMap<string, string>;
	/** Runs one probe. Tests replace it, because nobody runs pods there. */
	readonly run?: typeof runProbe;
}

/** The name of this cluster in the matrix. No entry can have a name with parentheses. */
export function localName({ clusterName }: Pick<KeepingMesh, 'clusterName'>): string {
	return clusterName ?? '(this cluster)';
}

/** The matrix with what this machine learned, without any probe. */
export function matrixFromHere(mesh: KeepingMesh, clusters: readonly LookedAt[], latencyMs: number): Matrix {
	const local = localName(mesh);
	const cells: readonly (readonly [string, MatrixCell])[] = [
		[local, { state: 'ok', latencyMs }],
		...clusters.map(({ entry, reach }) => [entry.name, reach] as const),
	];
	return {
		to: cells.map(([name]) => name),
		rows: [{ from: here, api: new Map(cells), pod: new Map() }],
		hasPods: false,
	};
}

interface Place {
	readonly name: string;
	/** Undefined when nothing can be run there. */
	readonly api: ApiServer | undefined;
	/** The URL by which others reach its API server. */
	readonly server: string | undefined;
}

/**
 * Adds the rows of all clusters below the row `here`. A cluster that can't be asked gets a row of unknown cells, with the
 * reason.
 */
export async function probeMatrix(
	start: Matrix,
	mesh: KeepingMesh,
	clusters: readonly LookedAt[],
	api: ApiServer,
	settings: ClusterSettings,
	choices: ProbeChoices,
	signal: AbortSignal,
): Promise<Matrix> {
	const namespace = choices.probeNamespace ?? mesh.namespace;
	await using connections = new AsyncDisposableStack();
	const contexts = new Map<string, ApiServer>();
	for (const [cluster, context] of choices.probeContext ?? []) {
		const { kubeconfig } = choices;
		const client = await connect({ context, ...(kubeconfig === undefined ? {} : { kubeconfig }) });
		contexts.set(cluster, connections.use(client));
	}
	const places: readonly Place[] = [
		{ name: localName(mesh), api, server: mesh.server ?? `https://${api.host}` },
		...clusters.map(({ entry, api: client, access, reach }) => ({
			name: entry.name,
			api: contexts.get(entry.name) ?? (reach.state === 'ok' ? client : undefined),
			server: entry.server ?? access?.server,
		})),
	];
	const targets = (await Promise.all(places.map((place) => targetsOf(place, mesh.namespace, settings)))).flat();
	// Waits for all of them, even when one has failed: the others still delete their Jobs by clients that are closed when
	// this returns.
	const asked = await Promise.allSettled(
		places.map((place) => rowOf(place, targets, { namespace, image: choices.probeImage, signal }, choices.run)),
	);
	const rows = asked.map((row) => {
		if (row.status === 'rejected') throw row.reason;
		return row.value;
	});
	return { ...start, rows: [...start.rows, ...rows], hasPods: true };
}

interface NamedTarget {
	readonly cluster: string;
	readonly kind: ProbeTarget['kind'];
	readonly result: TargetResult;
}

async function targetsOf(
	{ name, api, server }: Place,
	namespace: string,
	settings: ClusterSettings,
): Promise<readonly NamedTarget[]> {
	const notReached = { why: `${name} is not reached from here, so nothing is known of its pods` };
	const orNotReached = (error: unknown): TargetResult => {
		if (isOperatorError(error)) return notReached;
		throw error;
	};
	const pod = api === undefined ? notReached : await podTarget(api, name, namespace, settings).catch(orNotReached);
	return [
		{
			cluster: name,
			kind: 'api',
			result:
				server === undefined
					? { why: `${name} has no kubeconfig that can be used` }
					: apiTarget(name, server, settings),
		},
		{ cluster: name, kind: 'pod', result: pod },
	];
}

async function rowOf(
	{ name, api }: Place,
	targets: readonly NamedTarget[],
	{ namespace, image, signal }: { readonly namespace: string; readonly image: string; readonly signal: AbortSignal },
	run: typeof runProbe = runProbe,
): Promise<MatrixRow> {
	const others = targets.filter(({ cluster }) => cluster !== name);
	const tried = others.flatMap(({ result }) => ('why' in result ? [] : [result]));
	const cells = await ask();
	const cellOf = ({ result }: NamedTarget): MatrixCell =>
		'why' in result ? { state: 'unknown', detail: result.why } : (cells[tried.indexOf(result)] ?? { state: 'unknown' });
	const rowFor = (kind: ProbeTarget['kind']) =>
		new Map(others.filter((one) => one.kind === kind).map((one) => [one.cluster, cellOf(one)]));
	return { from: name, api: rowFor('api'), pod: rowFor('pod') };

	async function ask(): Promise<readonly MatrixCell[]> {
		if (tried.length === 0) return [];
		if (api === undefined) {
			return tried.map(() => ({ state: 'unknown', detail: `no probe runs in ${name}: it is not reached from here` }));
		}
		try {
			const log = await run(api, { cluster: name, namespace, image, targets: tried, signal });
			return readProbeLog(log, tried, name);
		} catch (error) {
			signal.throwIfAborted();
			// An error that does not come from the outside world is a defect.
			if (!isOperatorError(error)) throw error;
			return tried.map(() => ({ state: 'unknown', detail: describeProbeFailure(error, name, namespace) }));
		}
	}
}
