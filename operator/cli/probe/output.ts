/**
 * Reads the output of a probe. The log of a pod in another cluster is foreign input: only lines of the exact form about
 * requested targets count, the first one for each, and none of their text goes any further.
 */
import type { MatrixCell } from '../clusters/matrix.ts';
import { type ProbeTarget, probeMark } from './script.ts';

/** At most this many bytes of a log are read. A line has some 60. */
export const longestLog = 256 * 1024;

const line = new RegExp(
	`^${probeMark} (0|[1-9][0-9]{0,3}) ([0-9]{1,3}) ?(?:([0-9]{1,3}[.,][0-9]{1,9}) ([0-9]{1,3}[.,][0-9]{1,9}) ([0-9]{1,3}[.,][0-9]{1,9}))?$`,
);

/** One cell for each target, in their order. A cell is unknown when the log does not tell. */
export function readProbeLog(log: string, targets: readonly ProbeTarget[], from: string): readonly MatrixCell[] {
	const cells = new Map<number, MatrixCell>();
	for (const text of log.slice(0, longestLog).split('\n')) {
		const match = line.exec(text.trimEnd());
		if (match === null) continue;
		const index = Number(match[1]);
		const target = targets[index];
		if (target === undefined || cells.has(index)) continue;
		const [lookedUp = 0, connected = 0, secured = 0] = match.slice(3).map((part) => seconds(part));
		cells.set(index, cellOf(target, Number(match[2]), { lookedUp, connected, secured }, from));
	}
	return targets.map(
		(_, index) =>
			cells.get(index) ?? { state: 'unknown', detail: `the probe in ${from} did not say all that it should` },
	);
}

function seconds(text: string | undefined): number {
	return Number((text ?? '0').replace(',', '.'));
}

interface Times {
	readonly lookedUp: number;
	readonly connected: number;
	readonly secured: number;
}

/** Exit codes of curl (curl 8 `man curl`, EXIT CODES) and of the shell. */
const codes = { notResolved: 6, notConnected: 7, tooLong: 28, notExecutable: 126, notFound: 127 } as const;

function cellOf({ kind, cluster }: ProbeTarget, code: number, times: Times, from: string): MatrixCell {
	const { lookedUp, connected, secured } = times;
	const isReached = kind === 'api' ? secured > 0 : connected > 0;
	if (isReached) {
		return { state: 'ok', latencyMs: Math.round(Math.max(0, connected - lookedUp) * 1e5) / 100 };
	}
	switch (code) {
		case codes.notConnected:
			return { state: 'refused' };
		case codes.tooLong:
			return { state: 'timeout' };
		case codes.notResolved:
			return { state: 'unknown', detail: `in ${from} the name of the API server of ${cluster} is not known` };
		case codes.notFound:
		case codes.notExecutable:
			return {
				state: 'unknown',
				detail: `the image of the probe in ${from} has no curl: name another with --probe-image`,
			};
		default:
			return {
				state: 'unknown',
				detail: `from ${from} ${cluster} is reached, but not by ${kind === 'api' ? 'TLS' : 'TCP'}`,
			};
	}
}
