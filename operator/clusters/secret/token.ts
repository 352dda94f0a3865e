/** Gets tokens by which Pilot reads a cluster. Its API server issues them, and each is tried out before anybody gets it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer, CallOptions } from '../../runtime/client/api-server.ts';
import { isForbidden } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { Issued } from './record.ts';

/** A ServiceAccount. */
export interface Account {
	readonly namespace: string;
	readonly name: string;
}

export interface IssuedToken {
	readonly token: string;
	readonly issued: Issued;
}

/** The answer to a TokenRequest is useless. The server was reached all the same. */
export class UnusableToken extends Error {
	override readonly name = 'UnusableToken';
}

/** Pilot lists these of every cluster when it starts (istio 1.0-1.4 `pilot/pkg/serviceregistry/kube/controller`). */
const readByPilot = ['services', 'endpoints', 'pods', 'nodes'] as const;

/**
 * Kubernetes gives no token less than 10 min (`kubernetes/pkg/apis/authentication/validation`). With less than half of that
 * a token would be renewed without end.
 */
const shortestMs = 5 * 60_000;
/** Nobody asks for more. A token that lasts longer is renewed as if it lasted this long. */
const longestMs = 10 * 366 * 24 * 60 * 60_000;
/** At most this many characters of a token are accepted: more than any has, and few enough for a Secret. */
const longestToken = 64 * 1024;

/** The authorizer of an API server knows a new binding only a moment after it was stored. Wait this long for it. */
const bindingPatienceMs = 5_000;

/**
 * Asks for a token (TokenRequest). Its life is what the answer says, not what was asked for, because API servers have
 * bounds of their own. The life is measured by the clock of that API server, so that a wrong clock here changes nothing.
 *
 * @param lifetimeMs life to ask for; at least 10 min
 * @param now our wall clock, milliseconds since 1970
 */
export async function issueToken(
	api: ApiServer,
	{ namespace, name }: Account,
	lifetimeMs: number,
	now: number,
	options: CallOptions,
): Promise<IssuedToken> {
	const { apiVersion, kind } = kinds.ServiceAccount;
	const { body } = await api.request<{
		readonly status?: { readonly token?: unknown; readonly expirationTimestamp?: unknown };
	}>({
		...options,
		method: 'POST',
		path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`,
		body: {
			apiVersion: 'authentication.k8s.io/v1',
			kind: 'TokenRequest',
			spec: { expirationSeconds: Math.round(lifetimeMs / 1_000) },
		},
		object: { apiVersion, kind, namespace, name },
		kind: 'TokenRequest',
	});
	const { token, expirationTimestamp } = body?.status ?? {};
	if (typeof token !== 'string' || token.length > longestToken || !/^[\x21-\x7e]+$/.test(token))
		throw new UnusableToken(`the API server gave no usable token for ServiceAccount ${namespace}/${name}`);
	const grantedMs = lifetimeOf(token) ?? Date.parse(String(expirationTimestamp)) - now;
	if (!(grantedMs >= shortestMs)) {
		const life = Number.isNaN(grantedMs) ? 'without an end that can be read' : `of ${Math.round(grantedMs / 1_000)} s`;
		throw new UnusableToken(
			`the API server gave a token ${life} for ServiceAccount ${namespace}/${name}; it has to last ${shortestMs / 60_000} min or more`,
		);
	}
	return { token, issued: { issuedAt: now, lifetimeMs: Math.min(Math.floor(grantedMs / 1_000) * 1_000, longestMs) } };
}

/** The time from `iat` to `exp` of a JWT, in milliseconds. Undefined when it is no JWT. */
function lifetimeOf(token: string): number | undefined {
	const [, payload = ''] = token.split('.');
	try {
		const { iat, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
			readonly iat?: unknown;
			readonly exp?: unknown;
		};
		return typeof iat === 'number' && typeof exp === 'number' && exp > iat ? (exp - iat) * 1_000 : undefined;
	} catch {
		// The token is opaque. Its end is what the answer says.
		return undefined;
	}
}

/** Reads with a new token what Pilot will read. Rejects with the error of the first list that fails. */
export async function proveToken(api: ApiServer, options: CallOptions): Promise<void> {
	const deadline = performance.now() + bindingPatienceMs;
	for (let waitMs = 50; ; waitMs *= 2) {
		try {
			await Promise.all(
				readByPilot.map((plural) =>
					api.request({ ...options, method: 'GET', path: `/api/v1/${plural}`, query: { limit: 1 } }),
				),
			);
			return;
		} catch (error) {
			if (!isForbidden(error) || performance.now() + waitMs > deadline) throw error;
			await sleep(waitMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
		}
	}
}
