/**
 * An operator in the process of the test that dies as by SIGKILL, as its API server sees it: from one moment on all its
 * connections are cut, whatever was on the way, and none comes again. That takes a twentieth of what a process takes to start.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { kubeconfigText, readKubeconfig } from '../control-plane/kubeconfig.ts';
import type { Random } from '../soak/random.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import { launchOperator, type RunningOperator, type StartOperatorOptions } from './operator.ts';

export interface MortalOperator {
	readonly started: RunningOperator['started'];
	/** Settled when nothing of it is left. */
	readonly kill: () => Promise<void>;
}

/** Begins to start an operator. Settled before its caches are filled. */
export async function startMortalOperator(
	{ cluster, kubeconfig }: Pick<MeshCluster, 'cluster' | 'kubeconfig'>,
	options: StartOperatorOptions = {},
): Promise<MortalOperator> {
	const { hostname, port: upstream } = new URL(cluster.url);
	const open = new Set<Socket>();
	const server = createServer((socket) => {
		const onward = connect(Number(upstream), hostname);
		for (const [one, other] of [
			[socket, onward],
			[onward, socket],
		] as const) {
			open.add(one);
			one.on('error', () => other.destroy());
			one.once('close', () => {
				open.delete(one);
				other.destroy();
			});
			one.pipe(other);
		}
	});
	server.listen(0, hostname);
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	const { token } = await readKubeconfig(kubeconfig);
	if (token === undefined) throw new Error(`${kubeconfig} has no token`);
	const file = path.join(cluster.directory, `mortal-${port}.kubeconfig`);
	const url = `https://${hostname}:${port}`;
	await writeFile(file, kubeconfigText(cluster.name, 'operator', { url, ca: cluster.ca, token }), { mode: 0o600 });
	const operator = launchOperator({ kubeconfig: file }, options);
	return {
		started: operator.started,
		kill: async () => {
			server.close();
			for (const socket of open) socket.destroy();
			// It can't end in order, and whatever it would still do comes nowhere.
			await operator.stop().catch(() => undefined);
		},
	};
}

export interface Lives {
	/** Settled when all but the last one have died; throws where one could not even start. */
	readonly over: Promise<void>;
	/** Ends the one that lives. */
	readonly stop: () => Promise<void>;
}

export interface LivesOptions {
	/** How many die, each after a random time of its own; the next one lives on. */
	readonly deaths: number;
	readonly longestMs: number;
	readonly random: Random;
}

/** Has operators live one after the other, each with nothing to go by but what is stored. */
export function liveAndDie(
	mesh: Pick<MeshCluster, 'cluster' | 'kubeconfig'>,
	{ deaths, longestMs, random }: LivesOptions,
): Lives {
	let operator: MortalOperator | undefined;
	let isOver = false;
	const live = async () => {
		for (let death = 0; death < deaths && !isOver; death++) {
			operator = await startMortalOperator(mesh);
			await sleep(random.whole(0, longestMs));
			await operator.kill();
		}
		if (isOver) return;
		operator = await startMortalOperator(mesh);
		await operator.started;
	};
	const over = live();
	over.catch(() => undefined);
	return {
		over,
		stop: async () => {
			isOver = true;
			await over;
			await operator?.kill();
		},
	};
}
