/** Shows who reaches whom among the clusters of a mesh: API servers, and pods. Pure. */
import { table } from '../output.ts';

/**
 * - `ok`: a connection was made; for an API server with TLS.
 * - `refused`: somebody refused it, or no route leads there.
 * - `timeout`: nobody answered.
 * - `unknown`: it was not tried, or the answer is unclear.
 */
export type CellState = 'ok' | 'refused' | 'timeout' | 'unknown';

export interface MatrixCell {
	readonly state: CellState;
	readonly latencyMs?: number;
	/** Why the state is unknown, for a line below the table. */
	readonly detail?: string;
}

export type TargetKind = 'api' | 'pod';

export interface MatrixRow {
	readonly from: string;
	/** By the name of the target cluster. */
	readonly api: ReadonlyMap<string, MatrixCell>;
	readonly pod: ReadonlyMap<string, MatrixCell>;
}

export interface Matrix {
	/** Names of all clusters, this one's first. */
	readonly to: readonly string[];
	readonly rows: readonly MatrixRow[];
	/** Whether pods were tried at all. */
	readonly hasPods: boolean;
}

/** The row of the machine that runs the command. */
export const here = 'here';

const titles: Readonly<Record<TargetKind, string>> = { api: 'API SERVERS', pod: 'PODS' };

function cellText(cell: MatrixCell | undefined): string {
	const { state, latencyMs } = cell ?? { state: 'unknown' };
	return latencyMs === undefined ? state : `${state} ${latencyText(latencyMs)}`;
}

function latencyText(ms: number): string {
	return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)}ms`;
}

function tableOf(kind: TargetKind, { to, rows }: Matrix): string {
	const shown = kind === 'pod' ? rows.filter(({ from }) => from !== here) : rows;
	return table([
		[titles[kind], ...to],
		...shown.map((row) => [row.from, ...to.map((name) => (name === row.from ? '-' : cellText(row[kind].get(name))))]),
	]);
}

/** A table for API servers and, when pods were tried, one for pods. Each row is a source, each column a target. */
export function matrixLines(matrix: Matrix): readonly string[] {
	return [tableOf('api', matrix), ...(matrix.hasPods ? ['', tableOf('pod', matrix)] : [])].flatMap((text) =>
		text.split('\n'),
	);
}

/** What decides who has to reach whom. */
export interface MatrixNeeds {
	/** Clusters with a control plane, which reads all others. */
	readonly primaries: ReadonlySet<string>;
	/** Network of each cluster, by its name. */
	readonly networks: ReadonlyMap<string, string | undefined>;
}

/**
 * Whether the mesh needs this connection: a control plane reads every cluster, and pods of one network reach each other.
 */
function isNeeded(kind: TargetKind, from: string, to: string, { primaries, networks }: MatrixNeeds): boolean {
	if (from === here) {
		return kind === 'api';
	}
	return kind === 'api' ? primaries.has(from) : networks.get(from) === networks.get(to);
}

/** The needed connections that don't work, a sentence each. */
export function matrixGaps(matrix: Matrix, needs: MatrixNeeds): readonly string[] {
	return eachCell(matrix).flatMap(({ kind, from, to, cell }) =>
		(cell.state === 'refused' || cell.state === 'timeout') && isNeeded(kind, from, to, needs)
			? [`${from} does not reach ${kind === 'api' ? 'the API server' : 'pods'} of ${to}: ${cell.state}`]
			: [],
	);
}

/** Why cells are unknown. Each reason is listed once. */
export function matrixNotes(matrix: Matrix): readonly string[] {
	const notes = eachCell(matrix).flatMap(({ cell: { state, detail } }) =>
		state === 'unknown' && detail !== undefined ? [detail] : [],
	);
	return [...new Set(notes)];
}

function eachCell({ rows, hasPods }: Matrix) {
	const tried: readonly TargetKind[] = hasPods ? ['api', 'pod'] : ['api'];
	return tried.flatMap((kind) =>
		rows.flatMap(({ from, [kind]: cells }) => [...cells].map(([to, cell]) => ({ kind, from, to, cell }))),
	);
}

/** The matrix for programs. */
export function matrixData(matrix: Matrix): object {
	return eachCell(matrix).map(({ kind, from, to, cell }) => ({
		from,
		to,
		what: kind === 'api' ? 'apiServer' : 'pod',
		...cell,
	}));
}
