/** Reads the log of a pod. It is text that nobody vouches for, so its length is bounded. */

import { errorOfAnswer } from '../../runtime/client/answer.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { TransientError } from '../../runtime/errors.ts';
import type { ObjectName } from '../../runtime/object.ts';
import { longestLog } from './output.ts';

const timeoutMs = 15_000;

/** What the pod has written so far, up to the bound. Rejects as `ApiServer.request` does. */
export async function readPodLog(
	api: ApiServer,
	{ namespace, name }: ObjectName,
	signal: AbortSignal,
): Promise<string> {
	const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/log`;
	const { promise, resolve, reject } = Promise.withResolvers<string>();
	const chunks: Buffer[] = [];
	let length = 0;
	let status = 0;
	const text = () => Buffer.concat(chunks, length).toString('utf8').slice(0, longestLog);
	signal.throwIfAborted();
	const request = await api.stream(
		{ path, query: { limitBytes: longestLog }, accept: '*/*' },
		{
			start: (answered) => {
				status = answered;
			},
			data: (chunk) => {
				// Cuts off an API server that does not keep to the limit.
				if (length > longestLog) return;
				chunks.push(chunk);
				length += chunk.length;
			},
			end: () => {
				if (status < 300) resolve(text());
				else
					reject(
						errorOfAnswer(
							{ method: 'GET', path, isForeign: api.isForeign },
							status,
							undefined,
							Buffer.concat(chunks, length),
						),
					);
			},
			fail: reject,
		},
	);
	const timer = setTimeout(
		() => request.fail(new TransientError(`GET ${path}: no answer within ${timeoutMs / 1_000} s`)),
		timeoutMs,
	);
	const onAbort = () => request.fail(signal.reason);
	signal.addEventListener('abort', onAbort, { once: true });
	// The signal may have aborted while the stream was being opened.
	if (signal.aborted) onAbort();
	try {
		return await promise;
	} finally {
		clearTimeout(timer);
		signal.removeEventListener('abort', onAbort);
	}
}
