/** `meshwright clusters check` and `matrix`: look at the clusters of a mesh from the user's machine. */
import type { ClusterSettings } from '../../clusters/settings.ts';
import type { KeepingMesh } from '../../clusters/wanted-mesh.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { type Format, formatValue } from '../output.ts';
import { localName, matrixFromHere, type ProbeChoices, probeMatrix } from '../probe/clusters.ts';
import { note, type Paint, painter, print, printDocument } from '../terminal.ts';
import { type LookedAt, lookAtClusters, toHundredths } from './look.ts';
import { type Matrix, matrixData, matrixGaps, matrixLines, matrixNotes } from './matrix.ts';
import { readClustersMesh, wantedForChecks } from './mesh.ts';

export interface AccessChoices {
	/** The operator's flag of the same name. */
	readonly allowLoopbackClusters: boolean;
	readonly allowClusterProxies?: boolean;
}

export interface ClustersCheckOptions extends ConnectionOptions, AccessChoices, ProbeChoices {
	readonly cluster?: string;
	readonly probe: boolean;
	readonly output: Format;
}

export function settingsOf({ allowLoopbackClusters, allowClusterProxies = false }: AccessChoices): ClusterSettings {
	return { allowLoopback: allowLoopbackClusters, allowProxies: allowClusterProxies };
}

export async function clustersCheck(name: string | undefined, options: ClustersCheckOptions): Promise<number> {
	return run(name, options, async ({ mesh, clusters, matrix, gaps }) => {
		if (options.output === 'text') {
			const paint = painter('stdout');
			const lines = clusters.flatMap((cluster) => findingLines(cluster, paint));
			await print([...lines, '', ...matrixText(matrix, gaps)]);
		} else {
			const data = { mesh: mesh.name, clusters: clusters.map(findingData), matrix: matrixData(matrix), gaps };
			await printDocument(formatValue(data, options.output));
		}
		return clusters.every(({ problems }) => problems.length === 0) && gaps.length === 0
			? exitCodes.ok
			: exitCodes.differs;
	});
}

export type ClustersMatrixOptions = Omit<ClustersCheckOptions, 'cluster' | 'probe'>;

export async function clustersMatrix(name: string | undefined, options: ClustersMatrixOptions): Promise<number> {
	return run(name, { ...options, probe: true }, async ({ matrix, gaps }) => {
		if (options.output === 'text') await print(matrixText(matrix, gaps));
		else await printDocument(formatValue({ matrix: matrixData(matrix), gaps }, options.output));
		return gaps.length === 0 ? exitCodes.ok : exitCodes.differs;
	});
}

interface Findings {
	readonly mesh: KeepingMesh;
	readonly clusters: readonly LookedAt[];
	readonly matrix: Matrix;
	readonly gaps: readonly string[];
}

function run(
	name: string | undefined,
	options: ClustersCheckOptions,
	report: (findings: Findings) => Promise<number>,
): Promise<number> {
	const begin = options.probe ? interruptible : uninterrupted;
	return begin(async (signal) => {
		await using api = await connect(options);
		const mesh = wantedForChecks(await readClustersMesh(api, name));
		if (mesh.clusters.length === 0) {
			if (options.output === 'text') await print(`MeshInstallation ${mesh.name} lists no clusters.`);
			else await report({ mesh, clusters: [], matrix: { to: [], rows: [], hasPods: false }, gaps: [] });
			return exitCodes.ok;
		}
		const { cluster } = options;
		if (cluster !== undefined && !mesh.clusters.some((entry) => entry.name === cluster)) {
			throw new CommandError(
				`MeshInstallation ${mesh.name} lists no cluster ${cluster}`,
				`choose one of: ${mesh.clusters.map((entry) => entry.name).join(', ')}`,
			);
		}
		assertContextsAreUsed(mesh, options);
		const settings = settingsOf(options);
		await using looking = await lookAtClusters({ api, mesh, settings, only: cluster, signal });
		signal.throwIfAborted();
		const started = performance.now();
		await api.version();
		const { clusters } = looking;
		const fromHere = matrixFromHere(mesh, clusters, toHundredths(performance.now() - started));
		if (options.probe) note(`A probe runs in ${clusters.length + 1} clusters; Ctrl-C ends it and takes it away …`);
		const matrix = options.probe
			? await probeMatrix(fromHere, mesh, clusters, api, settings, options, signal)
			: fromHere;
		return await report({ mesh, clusters, matrix, gaps: matrixGaps(matrix, needsOf(mesh)) });
	});
}

/**
 * Refuses a context for an unknown cluster. Otherwise it would be ignored without a word, and the probe would run with the
 * operator's rights.
 */
function assertContextsAreUsed(
	{ name, clusters }: KeepingMesh,
	{ probe, probeContext, probeNamespace }: ClustersCheckOptions,
): void {
	const [unknown] = [...(probeContext?.keys() ?? [])].filter((one) => !clusters.some((entry) => entry.name === one));
	if (unknown !== undefined) {
		throw new CommandError(
			`MeshInstallation ${name} lists no cluster ${unknown}, for which --probe-context names a context`,
			`choose one of: ${clusters.map((entry) => entry.name).join(', ')}`,
		);
	}
	const given = probeContext === undefined ? '--probe-namespace' : '--probe-context';
	if (!probe && (probeContext !== undefined || probeNamespace !== undefined)) {
		throw new CommandError(`${given} is for probes, and none was asked for`, 'add --probe, or leave it away');
	}
}

/** Nothing has to be cleaned up, so Ctrl-C ends this as it ends everything. */
function uninterrupted(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
	return work(new AbortController().signal);
}

function needsOf(mesh: KeepingMesh) {
	const local = localName(mesh);
	const primaries = mesh.clusters.filter(({ role }) => role === 'Primary').map(({ name }) => name);
	return {
		primaries: new Set([local, ...primaries]),
		networks: new Map([
			[local, mesh.network],
			// A cluster without a network is in the network of this one.
			...mesh.clusters.map(({ name, network }) => [name, network ?? mesh.network] as const),
		]),
	};
}

function matrixText(matrix: Matrix, gaps: readonly string[]): readonly string[] {
	const below = [...gaps, ...matrixNotes(matrix)];
	return [...matrixLines(matrix), ...(below.length === 0 ? [] : ['', ...below])];
}

/** One line for the cluster, and one for each finding. */
export function findingLines(
	{ entry, facts, problems, reach }: Pick<LookedAt, 'entry' | 'facts' | 'problems' | 'reach'>,
	paint: Paint,
): readonly string[] {
	const parts =
		facts === undefined
			? []
			: [
					`Kubernetes ${facts.serverVersion}`,
					...(reach.latencyMs === undefined ? [] : [`${Math.ceil(reach.latencyMs)}ms`]),
					`pods ${facts.podCIDRs?.join(', ') ?? 'unknown'}`,
					`Services ${facts.serviceCIDRs?.join(', ') ?? 'unknown'}`,
				];
	const mark = problems.length === 0 ? paint('green', '✔') : paint('red', '✘');
	return [
		`${mark} ${entry.name} (${entry.role})${parts.length === 0 ? '' : `: ${parts.join('; ')}`}`,
		...problems.map(({ reason, message }) => `    ${reason}: ${message}`),
	];
}

function findingData({ entry, facts, problems, reach }: LookedAt): object {
	const { id, serverVersion, podCIDRs, serviceCIDRs } = facts ?? {};
	return {
		name: entry.name,
		role: entry.role,
		reach,
		...(facts === undefined ? {} : { id, serverVersion, podCIDRs, serviceCIDRs }),
		problems,
	};
}
