/**
 * A connection whose bytes are counted as they come, and whose work is measured. Frames that are part of no answer (settings,
 * pings, heads, windows) cost time without anybody but the library seeing them. While the server has taken its part of the
 * time, nothing is read at all.
 */
import { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Timer } from '../clock.ts';
import { type ConnectionBudget, workTimeMs } from './budget.ts';

export class MeteredSocket extends Duplex {
	readonly #socket: TLSSocket;
	readonly #budget: ConnectionBudget;
	#wanted = false;
	#isAtEnd = false;
	#timer: Timer | undefined;
	#heldBackMs = 0;
	#heldBackSince: number | undefined;

	constructor(socket: TLSSocket, budget: ConnectionBudget) {
		super({ readableHighWaterMark: 0, emitClose: true });
		this.#socket = socket;
		this.#budget = budget;
		socket.pause();
		socket.on('data', (chunk: Buffer) => this.#arrived(chunk));
		socket.once('end', () => this.#arrivedAll());
		socket.once('error', (error) => this.destroy(error));
		socket.once('close', () => this.destroy());
	}

	/** Whether nothing is read now, because the server has taken its part. */
	get isHeld(): boolean {
		return this.#timer !== undefined;
	}

	/** How long nothing was read for that. Milliseconds. */
	get heldBackMs(): number {
		const { clock } = this.#budget;
		return this.#heldBackMs + (this.#heldBackSince === undefined ? 0 : clock.now() - this.#heldBackSince);
	}

	override _read(): void {
		this.#wanted = true;
		// What had come before the end has been taken in.
		if (this.#isAtEnd) this.destroy();
		else if (this.#timer === undefined) this.#socket.resume();
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
		this.#socket.write(chunk, callback);
	}

	override _final(callback: () => void): void {
		this.#socket.end(callback);
	}

	override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
		this.#timer?.cancel();
		this.#socket.destroy();
		callback(error);
	}

	#arrived(chunk: Buffer): void {
		if (this.destroyed) return;
		const budget = this.#budget;
		const startedAt = workTimeMs();
		const workedMs = budget.workedMs;
		try {
			budget.received(chunk.length);
			this.#wanted = false;
			if (!this.push(chunk) && !this.#wanted) this.#socket.pause();
			// What the answers have told of it is counted already.
			budget.worked(Math.max(0, workTimeMs() - startedAt - (budget.workedMs - workedMs)));
			this.#holdBack();
		} catch (error) {
			this.destroy(error instanceof Error ? error : new Error(String(error)));
		}
	}

	/**
	 * A server that has ended its side gives no answer any more, so that the connection is of no use. If it were passed on as an
	 * end, Node's wrapper of this stream would end the other side too, and throw at whatever HTTP/2 writes until that is done
	 * (nodejs v24 `lib/internal/js_stream_socket.js`, `doWrite`): where nobody catches it.
	 */
	#arrivedAll(): void {
		this.#isAtEnd = true;
		if (this.readableLength === 0) this.destroy();
	}

	#holdBack(): void {
		const { clock } = this.#budget;
		const waitMs = this.#budget.waitMs();
		if (waitMs <= 0 || this.#timer !== undefined || this.destroyed) return;
		this.#socket.pause();
		this.#heldBackSince = clock.now();
		this.#timer = clock.setTimer(() => {
			this.#timer = undefined;
			this.#heldBackMs = this.heldBackMs;
			this.#heldBackSince = undefined;
			this.#holdBack();
			if (this.#timer === undefined && this.#wanted) this.#socket.resume();
		}, waitMs);
	}
}
