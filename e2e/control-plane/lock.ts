/** A lock between processes and threads that cannot be left behind: who holds it listens on a socket, which ends with its process. */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

/**
 * On Linux a name that no file stands for, elsewhere a path, limited to about 100 bytes: hence a short hash in the
 * directory for temporary files.
 */
function socketPath(name: string): string {
	const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
	const base = `meshwright-${process.getuid?.() ?? 0}-${hash}.lock`;
	return process.platform === 'linux' ? `\0${base}` : path.join(tmpdir(), base);
}

function listen(file: string): Promise<Server | undefined> {
	return new Promise((resolve, reject) => {
		const server = createServer();
		server.once('error', (error: NodeJS.ErrnoException) => {
			if (error.code === 'EADDRINUSE') {
				resolve(undefined);
			} else {
				reject(error);
			}
		});
		server.listen(file, () => resolve(server));
	});
}

/** Settled when the holder is gone: `released` after a wait, `stale` when nobody has been there any more. */
function waitForHolder(file: string): Promise<'released' | 'stale'> {
	return new Promise((resolve, reject) => {
		let connected = false;
		const socket = connect(file, () => {
			connected = true;
		});
		socket.resume();
		socket.once('error', (error: NodeJS.ErrnoException) => {
			if (error.code === 'ECONNREFUSED') {
				resolve('stale');
			} else if (connected || error.code === 'ENOENT' || error.code === 'ECONNRESET') {
				resolve('released');
			} else {
				reject(error);
			}
		});
		socket.once('close', () => resolve('released'));
	});
}

/**
 * Runs `work` while holding the lock of that name on this machine; waits for as long as another holds it, after having
 * called `onWait`. Two contenders that find the same stale socket at the same moment may both get in: what is locked must
 * stand that (a build ends with a rename, the first one wins).
 */
export async function withLock<Result>(name: string, onWait: () => void, work: () => Promise<Result>): Promise<Result> {
	const file = socketPath(name);
	for (;;) {
		const server = await listen(file);
		if (server !== undefined) {
			const waiting = new Set<{ destroy(): unknown }>();
			server.on('connection', (socket) => {
				waiting.add(socket);
				socket.on('error', () => socket.destroy());
				socket.once('close', () => waiting.delete(socket));
			});
			try {
				return await work();
			} finally {
				server.close();
				for (const socket of waiting) {
					socket.destroy();
				}
			}
		}
		onWait();
		if ((await waitForHolder(file)) === 'stale' && !file.startsWith('\0')) {
			await rm(file, { force: true });
		}
	}
}
