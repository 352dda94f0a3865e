/**
 * Operators that are killed, and whose log tells how far they are: as a process of its own, started as in a cluster and killed by
 * SIGKILL, or in the process of the test, which takes a fourth of the processor time.
 */
import { createLogger } from '../../operator/runtime/log/logger.ts';
import { type Guarded, startGuarded } from '../control-plane/guard.ts';
import { operatorBundle, shortLivedFlags } from './bundle.ts';
import { deadlineMs } from './eventually.ts';
import { launchOperator } from './operator.ts';

/** Lines of the log that are kept for a failed test. */
const keptLines = 200;

/** What the log of an operator tells. */
interface FollowedLog {
	/** Number of passes over an installation that have ended. */
	readonly passesOf: (name: string) => number;
	/** The last lines of its log. */
	readonly log: () => string;
	/**
	 * Waits for a state of the operator, looked at after each line of its log. Throws, with the log, when the operator ends
	 * or the state does not come.
	 */
	readonly until: (what: string, holds: () => boolean) => Promise<void>;
	/** Whether it has written a log line with this message. */
	readonly hasSaid: (message: string) => boolean;
}

export interface FollowedOperator extends FollowedLog {
	/** Settled when nothing of it is left. */
	readonly kill: () => Promise<void>;
}

/** Is killed by SIGKILL. */
export interface OperatorProcess extends FollowedOperator {
	/** Waits for its end. Exit code, 128 + signal where a signal ended it; throws, with the log, when it does not end. */
	readonly exit: () => Promise<number>;
	readonly signal: Guarded['signal'];
}

export interface OperatorProcessOptions {
	readonly kubeconfig: string;
	readonly leaderElect?: boolean;
	/** Namespace of the lease. */
	readonly namespace?: string;
}

interface LogLine {
	readonly message?: string;
	readonly meshInstallation?: string;
}

interface Followed extends FollowedLog {
	readonly read: (line: string) => void;
	/** Has all that is waited for looked at again. */
	readonly wake: () => void;
	/** As `until`, for what may hold after its end. */
	readonly untilAfter: FollowedLog['until'];
}

/** @param hasEnded whether the operator has */
function follow(hasEnded: () => boolean): Followed {
	const lines: string[] = [];
	const said = new Set<string>();
	const passes = new Map<string, number>();
	const waiting = new Set<() => void>();
	const wake = () => {
		for (const look of waiting) look();
	};
	const read = (line: string) => {
		lines.push(line);
		if (lines.length > keptLines) lines.shift();
		const { message = '', meshInstallation }: LogLine = line.startsWith('{') ? JSON.parse(line) : {};
		said.add(message);
		if (meshInstallation !== undefined && (message === 'pass ends' || message === 'pass failed')) {
			passes.set(meshInstallation, (passes.get(meshInstallation) ?? 0) + 1);
		}
		wake();
	};
	const log = () => lines.join('\n');
	const wait = async (what: string, isReached: () => boolean, mayEnd: boolean): Promise<void> => {
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const fail = (why: string) => reject(new Error(`${what}: ${why}\n${log()}`));
		const look = () => {
			if (isReached()) resolve();
			else if (hasEnded() && !mayEnd) fail('the operator has ended');
		};
		const timer = setTimeout(() => fail(`not within ${deadlineMs / 1_000} s`), deadlineMs);
		waiting.add(look);
		look();
		try {
			await promise;
		} finally {
			clearTimeout(timer);
			waiting.delete(look);
		}
	};
	return {
		read,
		wake,
		log,
		passesOf: (name) => passes.get(name) ?? 0,
		hasSaid: (message) => said.has(message),
		until: (what, holds) => wait(what, holds, false),
		untilAfter: (what, holds) => wait(what, holds, true),
	};
}

export async function startOperatorProcess({
	kubeconfig,
	leaderElect = false,
	namespace = 'meshwright-system',
}: OperatorProcessOptions): Promise<OperatorProcess> {
	const options = [
		`--kubeconfig=${kubeconfig}`,
		`--namespace=${namespace}`,
		'--metrics-address=0',
		'--health-address=0',
		'--log-level=debug',
		...(leaderElect ? ['--leader-elect'] : []),
	];
	const command = [...shortLivedFlags, await operatorBundle(), 'operator', ...options];
	let running: Guarded | undefined;
	const { read, wake, untilAfter, ...followed } = follow(() => running?.hasExited() === true);
	running = await startGuarded(process.execPath, command, { output: read });
	const { exited, hasExited, signal, end } = running;
	void exited.then(wake);
	return {
		...followed,
		exit: async () => {
			await untilAfter('the operator ends', hasExited);
			return exited;
		},
		signal,
		kill: end,
	};
}

/**
 * Starts an operator in this process.
 * @param cut ends its connections, so that whatever it would still do comes nowhere
 */
export function startOperatorWithin(kubeconfig: string, cut: () => void): FollowedOperator {
	let isKilled = false;
	const { read, wake, untilAfter: _, ...followed } = follow(() => isKilled);
	const log = createLogger({
		level: 'debug',
		destination: { write: (text) => text.trimEnd().split('\n').forEach(read) },
	});
	const operator = launchOperator({ kubeconfig }, { log });
	return {
		...followed,
		kill: async () => {
			cut();
			isKilled = true;
			wake();
			// It can't end in order.
			await operator.stop().catch(() => undefined);
		},
	};
}
