/** Gets tokens by which Pilot reads a cluster. Its API server issues them, and each is tried out before anybody gets it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { CallOptions } from '../../runtime/client/requests.ts';
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
	readonly reason: 'TokenUnusable' | 'TokenTooShort';
	constructor(reason: UnusableToken['reason'], message: string) {
		super(message);
		this.reason = reason;
	}
}

/** Control planes of all lines list these of every cluster when they start (`pilot/pkg/serviceregistry/kube/controller`). */
const readByPilot = ['services', 'pods', 'nodes'] as const;

/**
 * Each renewal may replace the pods that read the token, so a cluster with shorter tokens would replace them again and again.
 * No API server of Kubernetes can be set to less (kubernetes 1.36 `pkg/kubeapiserver/options/authentication.go`,
 * `service-account-max-token-expiration`).
 */
const shortestTokenMs = 60 * 60_000;
/** A life that is measured by two clocks may differ by this much from what was meant. */
const clockSkewMs = 60_000;
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
 * @param lifetimeMs life to ask for; at least `shortestTokenMs`
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
	const account = `ServiceAccount ${namespace}/${name}`;
	if (typeof token !== 'string' || token.length > longestToken || !/^[\x21-\x7e]+$/.test(token))
		throw new UnusableToken('TokenUnusable', `the API server gave no usable token for ${account}`);
	const lastsMs = grantedMs(token, expirationTimestamp, now);
	if (Number.isNaN(lastsMs))
		throw new UnusableToken(
			'TokenUnusable',
			`the API server gave a token for ${account} without an end that can be read`,
		);
	if (lastsMs < shortestTokenMs) throw new UnusableToken('TokenTooShort', tooShort(account, lastsMs));
	const issued = {
		issuedAt: now,
		lifetimeMs: Math.min(Math.floor(lastsMs / 1_000) * 1_000, longestMs),
		askedMs: Math.round(lifetimeMs / 1_000) * 1_000,
	};
	return { token, issued };
}

function tooShort(account: string, lifetimeMs: number): string {
	const given = lifetimeMs > 0 ? `that lasts ${durationText(lifetimeMs)}` : 'that has ended already';
	return `the API server gave a token for ${account} ${given}; it has to last 1h or more, because Pilot may be replaced for each new one. Set --service-account-max-token-expiration of that API server to 1h or more, or remove what shortens its tokens.`;
}

/** `59m59s`, `12s`: to the second, downwards. */
function durationText(ms: number): string {
	const seconds = Math.floor(ms / 1_000);
	return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** The life of a token in milliseconds: what token and answer agree on. NaN when neither says an end. */
function grantedMs(token: string, expirationTimestamp: unknown, now: number): number {
	const { iat, exp } = claimsOf(token);
	const told = typeof expirationTimestamp === 'string' ? Date.parse(expirationTimestamp) : Number.NaN;
	// Without the time of issue the life is measured by our clock.
	if (iat === undefined) {
		const lifetimeMs = told - now;
		return Math.abs(lifetimeMs - shortestTokenMs) <= clockSkewMs ? shortestTokenMs : lifetimeMs;
	}
	const ends = [exp, told].filter((end) => end !== undefined && !Number.isNaN(end)) as readonly number[];
	return ends.length === 0 ? Number.NaN : Math.min(...ends) - iat;
}

/** `iat` and `exp` of a JWT, in milliseconds since 1970. Without both the token is opaque, and its end is what the answer says. */
function claimsOf(token: string): { readonly iat?: number; readonly exp?: number } {
	const [, payload = ''] = token.split('.');
	try {
		const { iat, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
			readonly iat?: unknown;
			readonly exp?: unknown;
		};
		return Number.isFinite(iat) && Number.isFinite(exp) ? { iat: Number(iat) * 1_000, exp: Number(exp) * 1_000 } : {};
	} catch {
		return {};
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
