/** Credentials out of files that others rotate: read again every minute, and when the server does not know us any more. */
import { readFileSync } from 'node:fs';
import { InvalidError } from '../errors.ts';
import { authorizationOf, type BasicCredentials, type Credentials, type Grant, type TlsMaterial } from './grant.ts';

/** A text given as it is, or a file that holds it. */
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

/** The kubelet renews a Pod's token when 80 % of its life (an hour, usually) is over; the old one holds for the rest. */
const rereadMs = 60_000;

/** @param now monotonic clock, milliseconds. */
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

/** The grant of before, by identity, where nothing changed: connections live on. */
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

/** A file that is gone or empty for a moment, while it is replaced, leaves what was known. */
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
