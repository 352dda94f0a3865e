/**
 * How test files, each in a thread or process of its own, borrow clusters from the runner: over a socket, one connection for each
 * loan. The borrower says in one line what it needs, and learns in one line where it is. When the connection ends, however
 * the borrower ends, the loan does.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { apiClient } from './api-client.ts';
import { AuditLog } from './audit.ts';
import { accessTo } from './cluster-access.ts';
import type { ClusterPool, Loan, LoanOptions } from './cluster-pool.ts';
import type { Cluster, ClusterOptions } from './cluster-types.ts';
import { removeWhenOrphaned } from './guard.ts';

/** Names the socket at which the runner of this run lends clusters. */
export const lenderVariable = 'MESHWRIGHT_TEST_LENDER';

const options = z.object({ name: z.string(), parts: z.enum(['api-server', 'all']), nodes: z.number() });
const answer = z.union([
	z.object({
		place: z.object({
			name: z.string(),
			url: z.string(),
			ca: z.string(),
			adminToken: z.string(),
			directory: z.string(),
			serviceCIDR: z.string(),
			podCIDR: z.string().optional(),
			egressSocket: z.string(),
		}),
		auditLog: z.object({ file: z.string(), from: z.number() }),
	}),
	z.object({ error: z.string() }),
]);

export interface Lender {
	/** Path of the socket. */
	readonly socket: string;
	/** Ends all loans. The pool is left to whoever made it. */
	readonly stop: () => Promise<void>;
}

async function firstLine(socket: Socket): Promise<string> {
	const lines = createInterface({ input: socket });
	const gone = once(socket, 'close').then(() => Promise.reject(new Error('the connection ended')));
	gone.catch(() => undefined);
	const line = await Promise.race([once(lines, 'line'), gone]);
	return String(line[0]);
}

async function serve(pool: Pick<ClusterPool, 'lend'>, socket: Socket): Promise<void> {
	const ended = once(socket, 'close');
	let loan: Loan | undefined;
	try {
		const wanted: LoanOptions = options.parse(JSON.parse(await firstLine(socket)));
		loan = await pool.lend(wanted);
		const { place, auditLog } = loan;
		socket.write(`${JSON.stringify({ place, auditLog })}\n`);
		await ended;
	} catch (error) {
		socket.end(`${JSON.stringify({ error: error instanceof Error ? error.message : String(error) })}\n`);
	} finally {
		await loan?.giveBack();
	}
}

export async function startLending(pool: Pick<ClusterPool, 'lend'>): Promise<Lender> {
	const directory = await mkdtemp(path.join(tmpdir(), 'meshwright-lender-'));
	const removed = await removeWhenOrphaned(directory);
	const open = new Set<Socket>();
	const server = createServer((socket) => {
		open.add(socket);
		// A borrower that is killed resets its connection: its loan ends as any other.
		socket.on('error', () => socket.destroy());
		socket.once('close', () => open.delete(socket));
		void serve(pool, socket);
	});
	const socket = path.join(directory, 'lender.sock');
	server.listen(socket);
	await once(server, 'listening');
	return {
		socket,
		stop: async () => {
			server.close();
			for (const one of open) one.destroy();
			await rm(directory, { recursive: true, force: true });
			removed();
		},
	};
}

/** Whether any cluster will do, and not only one that is started for this call. */
export function canBeLent({ own, fsync, apiServerFlags, serviceCIDR, podCIDR }: ClusterOptions): boolean {
	return own !== true && fsync !== true && [apiServerFlags, serviceCIDR, podCIDR].every((value) => value === undefined);
}

function outage(): never {
	throw new Error('the API server of a cluster that is lent stays as it is: startCluster({ own: true })');
}

/** Borrows a cluster until `stop`, or until this thread or process ends. */
export async function borrowCluster(
	lender: string,
	{ name = 'meshwright', parts = 'api-server', nodes = 1 }: ClusterOptions,
): Promise<Cluster> {
	const socket = connect(lender);
	socket.on('error', () => socket.destroy());
	const closed = once(socket, 'close');
	const wanted: LoanOptions = { name, parts, nodes };
	socket.write(`${JSON.stringify(wanted)}\n`);
	const lent = answer.parse(JSON.parse(await firstLine(socket)));
	if ('error' in lent) throw new Error(lent.error);
	// It keeps nobody alive, and neither does a cluster of one's own.
	socket.unref();
	const { podCIDR, ...place } = lent.place;
	const client = apiClient({ url: place.url, ca: place.ca, token: place.adminToken });
	const log = new AuditLog(lent.auditLog.file, () => client, lent.auditLog.from);
	let stopped: Promise<void> | undefined;
	const stop = () => {
		stopped ??= (async () => {
			await client.close();
			socket.ref();
			socket.end();
			await closed;
		})();
		return stopped;
	};
	return {
		...(await accessTo({ ...place, podCIDR }, () => client)),
		stopApiServer: async () => outage(),
		startApiServer: async () => outage(),
		restartApiServer: async () => outage(),
		pauseApiServer: outage,
		resumeApiServer: outage,
		auditEvents: () => log.events(),
		stop,
		[Symbol.asyncDispose]: stop,
	};
}
