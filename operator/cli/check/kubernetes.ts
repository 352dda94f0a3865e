/** Whether the API server answers, whose clock is right, and whether the user may see what is looked at. */
import { isAllowed } from '../../clusters/checks/permission-review.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { ServerVersion } from '../../runtime/client/requests.ts';
import { isOperatorError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { groupOf } from '../../runtime/object.ts';
import { explain } from '../command-error.ts';
import { type CheckResult, describeUserRight, type UserRight, type Verdict } from './result.ts';

/** The server as it answered. */
export interface Server {
	readonly gitVersion: string;
	/** Its wall clock, milliseconds since 1970. The one here when it does not say. */
	readonly nowMs: number;
}

export interface Answer {
	readonly results: readonly CheckResult[];
	/** Undefined when it does not answer: then nothing else can be looked at. */
	readonly server: Server | undefined;
}

/** Clocks that differ by more make ages, leases and ends of certificates worth nothing. */
const mostSkewMs = 10_000;

export async function checkServer(
	api: ApiServer,
	wallClock: () => number,
	signal: AbortSignal | undefined,
): Promise<Answer> {
	const sentence = 'the API server answers';
	const sentAt = wallClock();
	try {
		const { body, date } = await api.request<ServerVersion>({ method: 'GET', path: '/version', signal });
		const receivedAt = wallClock();
		const { gitVersion } = body;
		return {
			results: [
				{ name: 'api-server', sentence, state: 'ok', detail: `Kubernetes ${gitVersion}` },
				{
					name: 'clock-skew',
					sentence: 'its clock and the one here agree',
					...judgeClocks(sentAt, receivedAt, Date.parse(date ?? '')),
				},
			],
			server: { gitVersion, nowMs: serverNow(receivedAt, Date.parse(date ?? '')) },
		};
	} catch (error) {
		signal?.throwIfAborted();
		if (!isOperatorError(error)) throw error;
		const { message, remedy = 'try again' } = explain(error);
		return {
			results: [{ name: 'api-server', sentence, state: 'failed', detail: message, hint: remedy }],
			server: undefined,
		};
	}
}

/**
 * Compares clocks. Pure.
 * @param sentAt when the request was sent, by the clock here
 * @param receivedAt when the answer was there
 * @param saidAt the second in which the server answered, by its clock; NaN when it did not say
 */
export function judgeClocks(sentAt: number, receivedAt: number, saidAt: number): Verdict {
	if (Number.isNaN(saidAt))
		return {
			state: 'unknown',
			detail: 'it does not say what time it is',
			hint: 'a proxy before it may take away the header Date',
		};
	// It answered at some time of that second, and between sending and receiving.
	const behind = sentAt - (saidAt + 1_000);
	const ahead = saidAt - receivedAt;
	const skewMs = Math.max(0, behind, ahead);
	if (skewMs <= mostSkewMs) return { state: 'ok' };
	return {
		state: 'failed',
		detail: `the one here is ${Math.round(skewMs / 1000)} s ${behind > 0 ? 'ahead' : 'behind'}`,
		hint: 'set the clock of this machine, or those of the cluster’s nodes, by NTP: certificates and tokens are judged by them',
	};
}

function serverNow(receivedAt: number, saidAt: number): number {
	return Number.isNaN(saidAt) || Math.abs(receivedAt - saidAt) < mostSkewMs ? receivedAt : saidAt;
}

/** Asks for the rights by which most of the rest is seen. What is missing makes single lines unknown. */
export async function checkUserRights(
	api: ApiServer,
	operatorNamespace: string,
	signal: AbortSignal | undefined,
): Promise<CheckResult> {
	const rights: readonly UserRight[] = [
		{ verb: 'list', kind: kinds.MeshInstallation },
		{ verb: 'get', kind: kinds.CustomResourceDefinition },
		{ verb: 'list', kind: kinds.Namespace },
		{ verb: 'list', kind: kinds.MutatingWebhookConfiguration },
		{ verb: 'get', kind: kinds.Deployment, namespace: operatorNamespace },
		{ verb: 'get', kind: kinds.Lease, namespace: operatorNamespace },
	];
	const named = { name: 'user-rights', sentence: 'you may see what is looked at' } as const;
	try {
		const answers = await Promise.all(rights.map((right) => mayDo(api, right, signal)));
		const missing = rights.filter((_, index) => answers[index] !== true);
		if (missing.length === 0) return { ...named, state: 'ok' };
		return {
			...named,
			state: 'unknown',
			detail: `you may not ${missing.map(describeUserRight).join(', ')}`,
			hint: 'ask the administrator of the cluster for these rights; until then the lines below that need them are unknown',
		};
	} catch (error) {
		signal?.throwIfAborted();
		if (!isOperatorError(error)) throw error;
		return { ...named, state: 'unknown', detail: explain(error).message };
	}
}

/** Whether the user has a right. */
export function mayDo(
	api: ApiServer,
	{ verb, kind, namespace }: UserRight,
	signal: AbortSignal | undefined,
): Promise<boolean> {
	const where = namespace === undefined ? {} : { namespace };
	return isAllowed(api, { verb, group: groupOf(kind.apiVersion), resource: kind.plural, ...where }, signal);
}
