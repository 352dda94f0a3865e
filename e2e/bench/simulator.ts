/** Controls the process of simulated clusters for the benchmark. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type {
	Death,
	RequestCounts,
	SimulatedAddress,
	SimulatorAnswer,
	SimulatorCommand,
} from './simulated-clusters.ts';
import { endChild, killAtExit } from './stage.ts';

export interface Simulator extends AsyncDisposable {
	readonly clusters: readonly SimulatedAddress[];
	/** Number of requests so far to all clusters together. */
	count(): Promise<RequestCounts>;
	kill(deaths: readonly { readonly index: number; readonly how: Death }[]): Promise<void>;
	/** Revives all dead clusters. */
	revive(): Promise<void>;
}

/** Deadline of a command. They run one at a time, and none takes long. */
const deadlineMs = 60_000;

export async function startSimulator(count: number): Promise<Simulator> {
	const child = fork(fileURLToPath(new URL('simulated-clusters.ts', import.meta.url)), { detached: true });
	killAtExit(child);
	try {
		const clusters = await ask<readonly SimulatedAddress[]>(child, { type: 'start', count });
		return {
			clusters,
			count: () => ask<RequestCounts>(child, { type: 'count' }),
			kill: (deaths) => ask<void>(child, { type: 'kill', deaths }),
			revive: () => ask<void>(child, { type: 'revive' }),
			[Symbol.asyncDispose]: () => endChild(child),
		};
	} catch (error) {
		await endChild(child);
		throw error;
	}
}

async function ask<T>(child: ChildProcess, command: SimulatorCommand): Promise<T> {
	child.send(command);
	const [answer] = (await once(child, 'message', { signal: AbortSignal.timeout(deadlineMs) })) as [SimulatorAnswer];
	if ('error' in answer) throw new Error(`simulated clusters: ${answer.error}`);
	return answer.value as T;
}
