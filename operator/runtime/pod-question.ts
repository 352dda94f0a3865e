/** Asks one pod one question, over HTTP or HTTPS. Pods are strangers: the answer is bounded, no redirect is followed, nothing is kept open. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface PodQuestion {
	/** IP address. */
	readonly address: string;
	readonly port: number;
	readonly path: string;
	/** Asks over TLS: the authorities (PEM) and the name by which the certificate is checked. */
	readonly tls?: { readonly ca: string; readonly serverName: string };
	/** JSON to post. Without it the question is a GET. */
	readonly body?: string;
	/** A longer answer is none. */
	readonly mostBytes: number;
	/** For connection and answer together. */
	readonly deadlineMs: number;
	readonly signal: AbortSignal;
	/** Called with the text of the answer, part by part. */
	readonly onText: (text: string) => void;
}

/**
 * - `answered`: the whole answer, status 200, has been given to `onText`
 * - `unreached`: there was no connection
 * - `failed`: there was one, and no answer that counts
 */
export type PodAnswer = { readonly kind: 'answered' } | { readonly kind: 'unreached' | 'failed'; readonly why: string };

/** Errors of TLS repeat what a certificate says. */
const longestWhy = 256;

export async function askPod(question: PodQuestion): Promise<PodAnswer> {
	const { address, port, path, tls, body, mostBytes, deadlineMs, signal, onText } = question;
	const deadline = AbortSignal.timeout(deadlineMs);
	let isConnected = false;
	const refusal = (why: string): PodAnswer => ({ kind: isConnected ? 'failed' : 'unreached', why });
	return new Promise((resolve) => {
		const options = {
			host: address,
			port,
			path,
			method: body === undefined ? 'GET' : 'POST',
			headers: body === undefined ? {} : { 'content-type': 'application/json' },
			agent: false,
			signal: AbortSignal.any([signal, deadline]),
			...(tls === undefined ? {} : { ca: tls.ca, servername: tls.serverName }),
		} as const;
		const sent = tls === undefined ? httpRequest(options) : httpsRequest(options);
		const end = (answer: PodAnswer) => {
			resolve(answer);
			sent.destroy();
		};
		const fail = (error: Error) =>
			end(
				refusal(
					deadline.aborted
						? `no answer within ${deadlineMs / 1_000} s`
						: error.message.slice(0, longestWhy).toWellFormed(),
				),
			);
		sent.on('socket', (socket) => {
			socket.once('connect', () => {
				isConnected = true;
			});
		});
		sent.on('error', fail);
		sent.on('response', (response) => {
			response.on('error', fail);
			if (response.statusCode !== 200) {
				end(refusal(`it answers with status ${response.statusCode}`));
				return;
			}
			let bytes = 0;
			const decoder = new TextDecoder();
			response.on('data', (chunk: Uint8Array) => {
				bytes += chunk.byteLength;
				if (bytes > mostBytes) end(refusal(`its answer is longer than ${mostBytes} bytes`));
				else onText(decoder.decode(chunk, { stream: true }));
			});
			response.on('end', () => resolve(response.complete ? { kind: 'answered' } : refusal('its answer breaks off')));
		});
		sent.end(body);
	});
}
