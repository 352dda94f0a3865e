/**
 * The ways in which a joined cluster's API server may misbehave, each as a way to answer requests. What a mode does not
 * answer, the real API server answers, so that all checks before joining hold.
 */
import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { frame, frameTypes, serveRawHttp2 } from '../support/raw-http2.ts';

/** A request as modes see it. */
export interface Asked {
	readonly method: string;
	readonly path: string;
	/** The namespace in the path, and the labels and the name in the selectors. */
	readonly namespace: string | undefined;
	readonly labels: Readonly<Record<string, string>>;
	readonly name: string | undefined;
	readonly isWatch: boolean;
	/** A GET of a collection that is no watch. */
	readonly isList: boolean;
	/** The connection itself, below HTTP. */
	readonly connection: Duplex;
}

/** Answers a request, or returns false. */
type Answer = (asked: Asked, response: ServerResponse) => boolean;

export interface Mode {
	/** What it does, in a few words. */
	readonly what: string;
	/** What the condition of the cluster says then. Without it, the mode is harmless: others see nothing of it. */
	readonly offence?: RegExp;
	/** Default: HTTP/2, as API servers do with whoever can. */
	readonly version?: 'HTTP/1.1';
	/** Takes over each connection over HTTP/2 as a whole, and calls back for each request on it. */
	readonly takeOver?: (socket: TLSSocket, onRequest: () => void) => void;
	readonly answer: Answer;
}

const json = { 'content-type': 'application/json' };
let counter = 1_000_000;

/** An object that matches what was asked for. */
function objectFor({ namespace, labels, name }: Asked, more: object = {}): Readonly<Record<string, unknown>> {
	const number = String(counter++);
	return {
		metadata: {
			name: name ?? `object-${number}`,
			...(namespace === undefined ? {} : { namespace }),
			uid: `uid-${number}`,
			resourceVersion: number,
			labels,
			...more,
		},
	};
}

function event(type: string, object: object): string {
	return `${JSON.stringify({ type, object })}\n`;
}

function list(items: readonly unknown[], next?: string): string {
	const metadata = { resourceVersion: '5', ...(next === undefined ? {} : { continue: next }) };
	return JSON.stringify({ kind: 'List', apiVersion: 'v1', metadata, items });
}

/** Writes as fast as the other side reads, without end. */
function pour(response: ServerResponse, next: () => string | Buffer): void {
	const more = () => {
		while (!response.destroyed && response.write(next()));
	};
	response.on('drain', more);
	more();
}

function reply(response: ServerResponse, body: string | Buffer, status = 200, headers: object = {}): true {
	response.writeHead(status, { ...json, ...headers });
	response.end(body);
	return true;
}

function stream(response: ServerResponse, next: () => string | Buffer, first: string | Buffer = ''): true {
	response.writeHead(200, json);
	if (first.length > 0) response.write(first);
	pour(response, next);
	return true;
}

/** Answers lists. */
const lists =
	(answer: Answer): Answer =>
	(asked, response) =>
		asked.isList && answer(asked, response);

/** Answers watches. */
const watches =
	(answer: Answer): Answer =>
	(asked, response) =>
		asked.isWatch && answer(asked, response);

/** Answers everything that is asked for one object, and version and reviews. */
const single =
	(answer: Answer): Answer =>
	(asked, response) =>
		!asked.isList && !asked.isWatch && answer(asked, response);

const kibibytes = (count: number, of = 'x') => Buffer.alloc(count * 1024, of);
const deep = Buffer.from(`{"metadata":{"name":"kube-system","uid":"u","x":${'['.repeat(8 * 1024 * 1024)}`);
const flat = Buffer.from(`{"metadata":{"name":"kube-system","uid":"u","x":[${'[],'.repeat(500_000)}0]}}`);
const pings = Buffer.concat(Array.from({ length: 1_000 }, () => frame(frameTypes.ping, 0, 0, Buffer.alloc(8))));
const bomb = gzipSync(kibibytes(64 * 1024, ' '));

export const modes = {
	'endless pages': {
		what: 'each page of a list has a token for another one',
		offence: /sent a list of \w+ that|more than \d+ objects|would have to be kept/,
		answer: lists((asked, response) =>
			reply(
				response,
				list(
					Array.from({ length: 500 }, () => objectFor(asked)),
					randomBytes(8).toString('hex'),
				),
			),
		),
	},
	'the same page': {
		what: 'the token of each page leads to the same page',
		offence: /goes on with the same page/,
		answer: lists((asked, response) => reply(response, list([objectFor(asked)], 'again'))),
	},
	'empty pages': {
		what: 'pages without objects, each with a token for another one',
		offence: /pages that have nothing in them/,
		answer: lists((_asked, response) => reply(response, list([], randomBytes(8).toString('hex')))),
	},
	'huge objects': {
		what: 'a list without end of objects with more than a mebibyte of annotations',
		offence:
			/(object|answer) that is longer than|the operator reads from one cluster|would have to be kept|more than \d+ objects/,
		answer: lists((asked, response) =>
			stream(
				response,
				() => `${JSON.stringify(objectFor(asked, { annotations: { x: 'y'.repeat(1_900_000) } }))},`,
				'{"metadata":{"resourceVersion":"5"},"items":[',
			),
		),
	},
	'many objects': {
		what: 'a list without end of small objects that match',
		offence: /more than \d+ objects|would have to be kept|answer that is longer than/,
		answer: lists((asked, response) =>
			stream(
				response,
				() => Array.from({ length: 100 }, () => `${JSON.stringify(objectFor(asked))},`).join(''),
				'{"metadata":{"resourceVersion":"5"},"items":[',
			),
		),
	},
	'foreign objects': {
		what: 'lists of objects that match no selector',
		offence: /that were not asked for/,
		answer: lists((asked, response) =>
			reply(
				response,
				list(
					Array.from({ length: 5_000 }, () =>
						objectFor({ ...asked, name: undefined, labels: { a: 'b' }, namespace: 'elsewhere' }),
					),
				),
			),
		),
	},
	'foreign events': {
		what: 'events about objects that match no selector',
		offence: /that were not asked for|more than \d+ events/,
		answer: watches((asked, response) =>
			stream(response, () =>
				event('ADDED', objectFor({ ...asked, name: undefined, labels: {}, namespace: 'elsewhere' })),
			),
		),
	},
	'long lines': {
		what: 'an event of 32 MiB on each watch',
		offence: /an event that (is longer|has more|nests)/,
		answer: watches((_asked, response) => {
			let left = 32;
			return stream(response, () => (left-- > 0 ? kibibytes(1024) : '\n'), '{"type":"ADDED","object":{"x":"');
		}),
	},
	'events without end': {
		what: 'tens of thousands of events in a second, each about a change of one of our objects',
		offence: /more than \d+ events/,
		answer: watches((asked, response) =>
			stream(response, () =>
				event('MODIFIED', objectFor({ ...asked, name: asked.name ?? 'one' }, { managedFields: [owned()] })),
			),
		),
	},
	'bookmarks without end': {
		what: 'bookmarks as fast as they are read',
		offence: /more than \d+ events/,
		answer: watches((_asked, response) =>
			stream(response, () => event('BOOKMARK', { metadata: { resourceVersion: String(counter++) } })),
		),
	},
	'nested JSON': {
		what: '8 MB of brackets',
		offence: /nests deeper|is longer than/,
		answer: single((_asked, response) => reply(response, deep)),
	},
	'many values': {
		what: 'one and a half megabytes of empty lists',
		offence: /has more than \d+ values/,
		answer: single((_asked, response) => reply(response, flat)),
	},
	'an answer without end': {
		what: 'an answer that never ends',
		offence: /an answer that is longer/,
		answer: single((_asked, response) => stream(response, () => kibibytes(64, ' '), '{"metadata":{')),
	},
	'a slow event': {
		what: 'an event that comes byte by byte',
		offence: /did not end within/,
		answer: watches((_asked, response) => {
			response.writeHead(200, json);
			const timer = setInterval(() => response.write('x'), 5);
			response.on('close', () => clearInterval(timer));
			return true;
		}),
	},
	'slow answers': {
		what: 'answers that come byte by byte',
		answer: single((_asked, response) => {
			response.writeHead(200, json);
			const timer = setInterval(() => response.write(' '), 5);
			response.on('close', () => clearInterval(timer));
			return true;
		}),
	},
	'interim answers': {
		what: 'answers with status 103 without end, and no other',
		offence: /interim answers/,
		version: 'HTTP/1.1',
		answer: single(({ connection }) => raw(connection, () => 'HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n')),
	},
	'headers without end': {
		what: 'one header after the other',
		version: 'HTTP/1.1',
		answer: single(({ connection }) => {
			connection.write('HTTP/1.1 200 OK\r\n');
			return raw(connection, () => `x-${counter++}: ${'y'.repeat(1_000)}\r\n`);
		}),
	},
	'chunk extensions': {
		what: 'the extension of a chunk without end, which no reader of a body sees',
		offence: /bytes that are part of no answer/,
		version: 'HTTP/1.1',
		answer: single(({ connection }) => {
			connection.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;x=');
			return raw(connection, () => kibibytes(16));
		}),
	},
	pings: {
		what: 'PING frames of HTTP/2 without end, each of which has to be answered',
		offence: /bytes that are part of no answer/,
		takeOver: (socket, onRequest) => {
			serveRawHttp2(socket, ({ type }, connection) => {
				if (type !== frameTypes.headers) return;
				onRequest();
				connection.pour(() => pings);
			});
		},
		answer: () => false,
	},
	resets: {
		what: 'each stream of HTTP/2 is broken off as soon as it begins',
		answer: (_asked, response) => {
			response.destroy();
			return true;
		},
	},
	'compressed bombs': {
		what: 'a body that nobody asked to be compressed, which would be a thousand times as large',
		answer: single((_asked, response) => reply(response, bomb, 200, { 'content-encoding': 'gzip' })),
	},
	'retry in years': {
		what: '429 with Retry-After of thousands of years',
		answer: (_asked, response) => reply(response, '', 429, { 'retry-after': '99999999999' }),
	},
	redirections: {
		what: 'each answer leads elsewhere',
		answer: (asked, response) => reply(response, '', 307, { location: `https://127.0.0.1:1${asked.path}` }),
	},
	'expired for ever': {
		what: '410 to each list and each watch',
		answer: (asked, response) =>
			(asked.isList || asked.isWatch) &&
			reply(response, JSON.stringify({ kind: 'Status', code: 410, reason: 'Expired' }), 410),
	},
	'watches that end': {
		what: 'each watch ends at once',
		answer: watches((_asked, response) => reply(response, '')),
	},
	'another object': {
		what: 'the answer is about another object than the question',
		offence: /with something else/,
		answer: single((asked, response) => reply(response, JSON.stringify(objectFor({ ...asked, name: 'another' })))),
	},
	'strange values': {
		what: 'numbers of a million digits, keys twice, keys of prototypes, and names of a megabyte',
		offence: /with something else|none of Kubernetes/,
		answer: (asked, response) => {
			const number = `{"metadata":{"name":"${'n'.repeat(1_000_000)}","__proto__":{"uid":"x"},"generation":${'9'.repeat(900_000)}}}`;
			if (asked.isWatch) return stream(response, () => `{"type":"ADDED","type":"ADDED","object":${number}}\n`);
			return reply(response, asked.isList ? `{"metadata":{},"items":[${number}],"items":[${number}]}` : number);
		},
	},
	silence: {
		what: 'requests are taken and never answered',
		answer: () => true,
	},
} as const satisfies Readonly<Record<string, Mode>>;

export type ModeName = keyof typeof modes;

/** An entry of managed fields that differs each time: what we own seems to have changed. */
function owned(): object {
	return {
		manager: 'meshwright',
		operation: 'Apply',
		apiVersion: 'v1',
		fieldsType: 'FieldsV1',
		fieldsV1: { 'f:metadata': { 'f:labels': { [`f:${counter++}`]: {} } } },
	};
}

/** Writes without end beside HTTP. */
function raw(connection: Duplex, next: () => string | Buffer): true {
	const more = () => {
		while (!connection.destroyed && connection.write(next()));
	};
	connection.on('drain', more);
	connection.on('error', () => undefined);
	more();
	return true;
}
