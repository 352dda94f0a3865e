/**
 * Measures the floor: the same bodies by raw parallel server-side apply, with nothing around it. It runs as a process of
 * its own, so that it has its own event loop, as the operator has. Started by `fork`; takes jobs as messages and answers
 * with the time.
 */
import { Pool } from 'undici';
import type { KubeObject } from '../../operator/runtime/object.ts';

export interface LoaderTarget {
	readonly url: string;
	readonly ca: string;
	readonly token: string;
}

/** One server-side apply. */
export interface FloorWrite {
	/** REST path of the object, or of a subresource of it. */
	readonly path: string;
	readonly body: KubeObject;
	/** Default: `floor`. */
	readonly fieldManager?: string;
}

export interface LoaderJob {
	/** Each stage is stored before the next begins: namespaces, then what is in them. */
	readonly stages: readonly (readonly FloorWrite[])[];
	/** Number of requests in flight. */
	readonly inFlight: number;
}

export type LoaderMessage = { readonly target: LoaderTarget } | { readonly job: LoaderJob };

export interface LoaderAnswer {
	/** From the first request sent to the last answer read. */
	readonly milliseconds: number;
	readonly error?: string;
}

/** Far longer than any run, so that a hang ends. */
const timeoutMs = 60_000;

function connect({ url, ca, token }: LoaderTarget): (write: FloorWrite) => Promise<void> {
	const pool = new Pool(url, {
		connections: 32,
		pipelining: 1,
		allowH2: false,
		connect: { ca },
		headersTimeout: timeoutMs,
		bodyTimeout: timeoutMs,
	});
	const headers = {
		authorization: `Bearer ${token}`,
		'content-type': 'application/apply-patch+yaml',
		accept: 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
	};
	return async ({ path, body: object, fieldManager = 'floor' }) => {
		const { statusCode, body } = await pool.request({
			method: 'PATCH',
			path: `${path}?fieldManager=${fieldManager}&force=true`,
			headers,
			body: JSON.stringify(object),
		});
		const text = await body.text();
		if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${text.slice(0, 500)}`);
	};
}

async function applyAll(
	writes: readonly FloorWrite[],
	inFlight: number,
	send: (write: FloorWrite) => Promise<void>,
): Promise<void> {
	const waiting = writes.values();
	await Promise.all(
		Array.from({ length: inFlight }, async () => {
			for (const write of waiting) await send(write);
		}),
	);
}

let send: ((write: FloorWrite) => Promise<void>) | undefined;

async function run({ stages, inFlight }: LoaderJob): Promise<LoaderAnswer> {
	if (send === undefined) throw new Error('no target yet');
	const startedAt = performance.now();
	for (const stage of stages) await applyAll(stage, inFlight, send);
	return { milliseconds: performance.now() - startedAt };
}

// The benchmark has ended, however that happened: nobody will ask any more.
process.on('disconnect', () => process.exit());
process.on('message', (message: LoaderMessage) => {
	if ('target' in message) {
		send = connect(message.target);
		return;
	}
	run(message.job).then(
		(answer) => process.send?.(answer),
		(error: unknown) => process.send?.({ milliseconds: Number.NaN, error: String(error) } satisfies LoaderAnswer),
	);
});
