/** A server that speaks HTTP/2 frame by frame, so that a test can say what no library would send. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { loopbackCertificate } from './hostile-server.ts';

/** Types of frames (RFC 9113 6, RFC 8336 for `origin`). */
export const frameTypes = {
	data: 0,
	headers: 1,
	priority: 2,
	reset: 3,
	settings: 4,
	push: 5,
	ping: 6,
	goaway: 7,
	window: 8,
	continuation: 9,
	origin: 12,
} as const;
export const endStream = 1;
export const endHeaders = 4;
/** `:status: 200` and `:status: 103`, as HPACK writes them (RFC 7541). */
export const status200 = Buffer.from([0x88]);
export const status103 = Buffer.concat([Buffer.from([0x08, 3]), Buffer.from('103')]);

export interface Frame {
	readonly type: number;
	readonly flags: number;
	readonly stream: number;
	readonly payload: Buffer;
}

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
	const head = Buffer.alloc(9);
	head.writeUIntBE(payload.length, 0, 3);
	head[3] = type;
	head[4] = flags;
	head.writeUInt32BE(stream, 5);
	return Buffer.concat([head, payload]);
}

/** One connection, as the server sees it. */
export interface RawConnection {
	/** Bytes that were written to it, whether they have been read or not. */
	sentBytes(): number;
	send(...frames: readonly Buffer[]): void;
	/** Sends without end, as fast as it is read. */
	pour(next: () => Buffer): void;
	/** Ends this side in order. */
	end(): void;
	destroy(): void;
	readonly closed: Promise<void>;
}

export interface RawHttp2Server extends AsyncDisposable {
	readonly url: string;
	readonly ca: string;
	readonly connections: readonly RawConnection[];
}

const certificate = loopbackCertificate();
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

/** @param onFrame called for each frame that comes. The settings of both sides are exchanged before. */
export async function startRawHttp2(
	onFrame: (frame: Frame, connection: RawConnection) => void,
): Promise<RawHttp2Server> {
	const { ca, cert, key } = await certificate;
	const connections: RawConnection[] = [];
	const server = createServer({ cert, key, ALPNProtocols: ['h2'] }, (socket) => {
		connections.push(serveRawHttp2(socket, onFrame));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	return {
		url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
		ca,
		connections,
		async [Symbol.asyncDispose]() {
			for (const connection of connections) connection.destroy();
			server.close();
		},
	};
}

/** Speaks HTTP/2 on a connection. */
export function serveRawHttp2(
	socket: TLSSocket,
	onFrame: (frame: Frame, connection: RawConnection) => void,
): RawConnection {
	const connection = connectionOf(socket);
	connection.send(frame(frameTypes.settings, 0, 0));
	let rest = Buffer.alloc(0);
	let isPrefaceSeen = false;
	socket.on('data', (chunk: Buffer) => {
		rest = Buffer.concat([rest, chunk]);
		if (!isPrefaceSeen) {
			if (rest.length < preface.length) return;
			rest = rest.subarray(preface.length);
			isPrefaceSeen = true;
		}
		while (rest.length >= 9) {
			const length = rest.readUIntBE(0, 3);
			if (rest.length < 9 + length) return;
			const [type = 0, flags = 0] = [rest[3], rest[4]];
			const seen = { type, flags, stream: rest.readUInt32BE(5), payload: rest.subarray(9, 9 + length) };
			rest = rest.subarray(9 + length);
			if (type === frameTypes.settings && flags === 0) connection.send(frame(frameTypes.settings, 1, 0));
			onFrame(seen, connection);
		}
	});
	return connection;
}

function connectionOf(socket: TLSSocket): RawConnection {
	let sent = 0;
	const write = (bytes: Buffer) => {
		sent += bytes.length;
		return socket.write(bytes);
	};
	socket.on('error', () => undefined);
	return {
		sentBytes: () => sent,
		send: (...frames) => void write(Buffer.concat(frames)),
		pour(next) {
			const more = () => {
				while (!socket.destroyed && write(next()));
			};
			socket.on('drain', more);
			more();
		},
		end: () => void socket.end(),
		destroy: () => void socket.destroy(),
		closed: new Promise((resolve) => socket.once('close', () => resolve())),
	};
}
