/** The operator as a process of its own, started as in a cluster and killed by SIGKILL; its log tells how far it is. */
import { type Guarded, startGuarded } from '../control-plane/guard.ts';
import { operatorBundle, shortLivedFlags } from './bundle.ts';
import { deadlineMs } from './eventually.ts';

/** Lines of the log that are kept for a failed test. */
const keptLines = 200;

export interface OperatorProcess {
	/** Waits for its end. Exit code, 128 + signal where a signal ended it; throws, with the log, when it does not end. */
	readonly exit: () => Promise<number>;
	readonly signal: Guarded['signal'];
	/** SIGKILL; settled when the process is gone. */
	readonly kill: () => Promise<void>;
	/** Number of passes over an installation that have ended. */
	readonly passesOf: (name: string) => number;
	/** The last lines of its log. */
	readonly log: () => string;
	/**
	 * Waits for a state of the process, looked at after each line of its log. Throws, with the log, when the process ends
	 * or the state does not come.
	 */
	readonly until: (what: string, holds: () => boolean) => Promise<void>;
	/** Whether it has written a log line with this message. */
	readonly hasSaid: (message: string) => boolean;
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

export async function startOperatorProcess({
	kubeconfig,
	leaderElect = false,
	namespace = 'meshwright-system',
}: OperatorProcessOptions): Promise<OperatorProcess> {
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
	const options = [
		`--kubeconfig=${kubeconfig}`,
		`--namespace=${namespace}`,
		'--metrics-address=0',
		'--health-address=0',
		'--log-level=debug',
		...(leaderElect ? ['--leader-elect'] : []),
	];
	const command = [...shortLivedFlags, await operatorBundle(), 'operator', ...options];
	const running = await startGuarded(process.execPath, command, { output: read });
	void running.exited.then(wake);
	const log = () => lines.join('\n');
	const until = async (what: string, isReached: () => boolean, mayEnd = false): Promise<void> => {
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const fail = (why: string) => reject(new Error(`${what}: ${why}\n${log()}`));
		const look = () => {
			if (isReached()) resolve();
			else if (running.hasExited() && !mayEnd) fail('the operator has ended');
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
		exit: async () => {
			await until('the operator ends', running.hasExited, true);
			return running.exited;
		},
		signal: running.signal,
		kill: running.end,
		passesOf: (name) => passes.get(name) ?? 0,
		hasSaid: (message) => said.has(message),
		log,
		until,
	};
}
