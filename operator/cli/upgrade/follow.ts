/** Follows a change of version until it is over or stands. Whoever ends it early leaves the change going. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { CommandError, explain } from '../command-error.ts';
import { toJson } from '../document.ts';
import { viewOf } from '../status-view.ts';
import { LiveLines, note, painter, print, printDocument } from '../terminal.ts';
import { changeLines, endLines, exitCodeOf, type Goal, type Progress, progressOf, stageLines } from './progress.ts';

export interface FollowOptions {
	readonly mesh: string;
	readonly goal: Goal;
	/** `json`: each event is one line of standard output. */
	readonly output: 'text' | 'json';
	/** Ctrl-C. */
	readonly signal: AbortSignal;
}

const pollMs = 500;
/** An operator that works has looked by then. */
const unseenMs = 20_000;

/** Prints one event as a line of JSON. */
export async function printEvent(type: string, data: object): Promise<void> {
	await printDocument(`${toJson({ type, time: new Date().toISOString(), ...data })}\n`);
}

/** Resolves with the exit code. */
export async function follow(api: ApiServer, options: FollowOptions): Promise<number> {
	const { mesh, goal, output, signal } = options;
	const live = new LiveLines();
	const startedAt = performance.now();
	let last: Progress | undefined;
	let isAway = false;
	let isUnseenTold = false;
	try {
		while (!signal.aborted) {
			const seen = await look(api, mesh, goal, signal);
			if ('away' in seen) {
				if (!isAway && !signal.aborted) note(`${seen.away}: waiting for it`);
				isAway = true;
			} else {
				isAway = false;
				await tell(seen, last, live, output);
				last = seen;
				if (seen.outcome !== 'going') break;
				if (seen.plan.length === 0 && !isUnseenTold && performance.now() - startedAt > unseenMs) {
					isUnseenTold = true;
					note('It takes long. Does the operator run? meshwright check says so.');
				}
			}
			await sleep(pollMs, undefined, { signal }).catch(() => undefined);
		}
	} finally {
		live.end();
	}
	const end: Progress = last ?? { outcome: 'going', stage: undefined, message: '', plan: [] };
	if (output === 'json') await printEvent('end', { mesh, outcome: end.outcome, message: end.message });
	else if (end.outcome === 'going') note(endLines(mesh, end, goal, painter('stderr')));
	else await print(endLines(mesh, end, goal, painter('stdout')));
	return exitCodeOf[end.outcome];
}

async function look(
	api: ApiServer,
	mesh: string,
	goal: Goal,
	signal: AbortSignal,
): Promise<Progress | { readonly away: string }> {
	try {
		const view = viewOf(await api.get({ ...kinds.MeshInstallation, name: mesh }, { signal }));
		if (view.version !== goal.version) {
			throw new CommandError(
				`somebody has set spec.version of MeshInstallation ${mesh} to ${view.version}, so it does not lead to ${goal.version} any more`,
				`meshwright status ${mesh} --watch follows it`,
			);
		}
		return progressOf(view, goal);
	} catch (error) {
		if (signal.aborted) return { away: '' };
		if (!(error instanceof TransientError)) throw error;
		return { away: explain(error).message };
	}
}

async function tell(
	seen: Progress,
	last: Progress | undefined,
	live: LiveLines,
	output: 'text' | 'json',
): Promise<void> {
	if (output === 'json') {
		if (JSON.stringify(seen) !== JSON.stringify(last)) {
			const { outcome: _, ...data } = seen;
			await printEvent('progress', data);
		}
	} else if (live.isLive) {
		live.update(stageLines(seen, painter('stderr')));
	} else {
		const time = new Date().toISOString().slice(11, 19);
		await print(changeLines(last, seen, painter('stdout')).map((line) => `${time} ${line}`));
	}
}
