/** What a server may do over HTTP/2 that no answer shows: each flood ends the connection, after a few megabytes at most. */
import test from 'ava';
import {
	endHeaders,
	endStream,
	type Frame,
	frame,
	frameTypes,
	type RawConnection,
	startRawHttp2,
	status103,
	status200,
} from '../../../e2e/support/raw-http2.ts';
import { MisbehaviourError, TransientError } from '../errors.ts';
import { ApiServer } from './api-server.ts';
import { ConnectionBudget, SharedBudget } from './budget.ts';

const four = (value: number) => {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
};
/** Many of a small frame at once: one write for each would be no flood. */
const many = (bytes: Buffer, count = 1_000) => Buffer.concat(Array.from({ length: count }, () => bytes));
const setting = (id: number, value: number) => Buffer.concat([Buffer.from([id >> 8, id & 255]), four(value)]);
/** A header that goes into no table: `x: <value>`. */
const header = (value: string) =>
	Buffer.concat([Buffer.from([0x00, 1]), Buffer.from('x'), Buffer.from([value.length]), Buffer.from(value)]);
const origin = (name: string) => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name)]);
let counter = 0;

/** What is sent without end in answer to a request on a stream, after what is sent first. */
type Flood = (stream: number) => { readonly first?: Buffer; readonly next: () => Buffer };
const { data, headers, priority, reset, settings, push, ping, goaway, window, continuation } = frameTypes;
const answering = (stream: number) => frame(headers, endHeaders, stream, status200);

const floods: Readonly<Record<string, Flood>> = {
	pings: () => ({ next: () => many(frame(ping, 0, 0, Buffer.alloc(8))) }),
	'acknowledged pings that nobody sent': () => ({ next: () => many(frame(ping, 1, 0, Buffer.alloc(8))) }),
	settings: () => ({ next: () => many(frame(settings, 0, 0, setting(3, 100 + (counter++ % 100)))) }),
	'settings that nobody knows': () => ({ next: () => many(frame(settings, 0, 0, many(setting(0xabcd, 1), 100)), 20) }),
	priorities: (stream) => ({
		next: () => many(frame(priority, 0, stream, Buffer.concat([four(0), Buffer.from([1])]))),
	}),
	'frames that nobody knows': () => ({ next: () => frame(0xee, 0, 0, Buffer.alloc(16_384)) }),
	windows: () => ({ next: () => many(frame(window, 0, 0, four(1))) }),
	'empty pieces of an answer': (stream) => ({ first: answering(stream), next: () => many(frame(data, 0, stream)) }),
	'an answer beyond its window': (stream) => ({
		first: answering(stream),
		next: () => frame(data, 0, stream, Buffer.alloc(16_384, ' ')),
	}),
	padding: (stream) => ({
		first: answering(stream),
		next: () => frame(data, 8, stream, Buffer.concat([Buffer.from([255]), Buffer.alloc(255)])),
	}),
	'interim answers': (stream) => ({ next: () => many(frame(headers, endHeaders, stream, status103)) }),
	'a head that goes on': (stream) => ({
		first: frame(headers, 0, stream, status200),
		next: () => frame(continuation, 0, stream, many(header('y'.repeat(100)), 100)),
	}),
	'a head of empty pieces': (stream) => ({
		first: frame(headers, 0, stream, status200),
		next: () => many(frame(continuation, 0, stream)),
	}),
	'a head with thousands of headers': (stream) => ({
		next: () => frame(headers, endHeaders, stream, Buffer.concat([status200, many(header('y'), 2_000)])),
	}),
	'answers that nobody asked for': (stream) => ({
		next: () => many(frame(headers, endHeaders | endStream, stream + 2 * ++counter, status200), 100),
	}),
	'more of an answer that was broken off': (stream) => ({
		first: Buffer.concat([answering(stream), frame(reset, 0, stream, four(8))]),
		next: () => frame(data, 0, stream, Buffer.alloc(16_384)),
	}),
	promises: (stream) => ({
		next: () => frame(push, endHeaders, stream, Buffer.concat([four(2 * ++counter), status200])),
	}),
	origins: () => ({
		next: () => many(frame(frameTypes.origin, 0, 0, origin(`https://o${counter++}.example`)), 100),
	}),
	farewells: () => ({ next: () => many(frame(goaway, 0, 0, Buffer.concat([four(2 ** 31 - 1), four(0)]))) }),
	'nothing but noise': () => ({ next: () => Buffer.alloc(16_384, 0xff) }),
};

/** However busy the machine is. */
const deadlineMs = 100_000;
/** What the kernel and both ends have between them, and what is counted before it is an offence. */
const mostBytes = 24 * 1024 * 1024;

for (const [name, flood] of Object.entries(floods)) {
	// One after the other: the servers take as much of the processor as they get.
	test.serial(`${name} without end`, async (t) => {
		const poured = new Set<RawConnection>();
		const onFrame = ({ type, stream }: Frame, connection: RawConnection) => {
			if (type !== headers || poured.has(connection)) return;
			poured.add(connection);
			const { first, next } = flood(stream);
			if (first !== undefined) connection.send(first);
			connection.pour(next);
		};
		await using server = await startRawHttp2(onFrame);
		const budget = new ConnectionBudget(new SharedBudget());
		await using api = new ApiServer(
			{ url: server.url, ca: server.ca, token: 'sesame' },
			{ budget, isForeign: true, http2: 'everything', timeoutMs: deadlineMs },
		);
		const error = await t.throwsAsync(api.version());
		t.true(error instanceof MisbehaviourError || error instanceof TransientError, String(error));
		t.false(/no answer within/.test(error.message), error.message);
		// A read is tried twice.
		t.true(server.connections.length <= 2);
		for (const connection of server.connections) {
			if (budget.offence === undefined) await connection.closed;
			t.true(connection.sentBytes() < mostBytes, `${connection.sentBytes()} bytes were sent`);
		}
		t.log(error.message, server.connections.map((one) => one.sentBytes()).join());
	});
}
