/** Reads credentials from files that others rotate: again every minute, and whenever the server does not accept them. */
import { readFileSync } from 'node:fs';
import { InvalidError } from '../errors.ts';
import { authorizationOf, type BasicCredentials, type Credentials, type Grant, type TlsMaterial } from './grant.ts';

/** A text, or a file that holds it. */
export type Source = { readonly text: string } | { readonly file: string };

export interface FileCredentials {
	readonly url: string;
	readonly ca?: Source | undefined;
	readonly cert?: Source | undefined;
	readonly key?: Source | undefined;
	readonly token?: Source | undefined;
	readonly basic?: BasicCredentials | undefined;
	readonly headers?: Readonly<Record<string, string | string[]>> | undefined;
	readonly servername?: string | undefined;
	readonly insecure?: boolean | undefined;
	readonly proxyUrl?: string | undefined;
}

/** The kubelet renews a Pod's token after 80 % of its life (usually an hour). The old token stays valid for the rest. */
const rereadMs = 60_000;

/** @param now monotonic clock */
export function fileCredentials(given: FileCredentials, now: () => number = () => performance.now()): Credentials {
	const hasFiles = [given.ca, given.cert, given.key, given.token].some(
		(source) => source !== undefined && 'file' in source,
	);
	let current = readGrant(given, undefined);
	let readAt = now();
	const reread = () => {
		current = readGrant(given, current);
		readAt = now();
	};
	return {
		url: given.url,
		proxyUrl: given.proxyUrl,
		grant: () => {
			if (hasFiles && now() - readAt >= rereadMs) {
				reread();
			}
			return current;
		},
		refresh: () => {
			const before = current;
			if (hasFiles) {
				reread();
			}
			return current !== before;
		},
	};
}

/** Returns the same object as before when nothing changed, so that connections stay open. */
function readGrant(given: FileCredentials, before: Grant | undefined): Grant {
	const tls: TlsMaterial = {
		ca: read(given.ca, before?.tls.ca),
		cert: read(given.cert, before?.tls.cert),
		key: read(given.key, before?.tls.key),
		servername: given.servername,
		insecure: given.insecure,
	};
	const token = read(given.token, before?.authorization?.replace(/^Bearer /, ''))?.trim();
	const authorization = authorizationOf(token, given.basic);
	const isSameTls =
		before !== undefined && before.tls.ca === tls.ca && before.tls.cert === tls.cert && before.tls.key === tls.key;
	if (isSameTls && before.authorization === authorization) {
		return before;
	}
	return { tls: isSameTls ? before.tls : tls, authorization, headers: given.headers };
}

/** Keeps the known content while a file is missing or empty, since it may just be being replaced. */
function read(source: Source | undefined, before: string | undefined): string | undefined {
	if (source === undefined) {
		return undefined;
	}
	if ('text' in source) {
		return source.text;
	}
	let text: string;
	try {
		text = readFileSync(source.file, 'utf8');
	} catch (cause) {
		if (before !== undefined) {
			return before;
		}
		throw new InvalidError('CredentialsUnreadable', `the credentials file ${source.file} can't be read`, { cause });
	}
	if (text.trim() !== '') {
		return text;
	}
	if (before !== undefined) {
		return before;
	}
	throw new InvalidError('CredentialsUnreadable', `the credentials file ${source.file} is empty`);
}
