/**
 * A proxy as Pilot sees one: a stream of the aggregated discovery service, version 2 (envoy
 * `envoy/service/discovery/v2/ads.proto`), by HTTP/2 and the few messages of `envoy/api/v2/discovery.proto`. It can refuse what it
 * gets, and be deaf to it.
 */
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';

const types = {
	clusters: 'type.googleapis.com/envoy.api.v2.Cluster',
	endpoints: 'type.googleapis.com/envoy.api.v2.ClusterLoadAssignment',
	listeners: 'type.googleapis.com/envoy.api.v2.Listener',
	routes: 'type.googleapis.com/envoy.api.v2.RouteConfiguration',
} as const;

export type Resources = keyof typeof types;

export interface PlayedProxyOptions {
	/** `sidecar~10.0.0.7~reviews-0.shop~shop.svc.cluster.local` */
	readonly id: string;
	/** Refuses everything that it gets. */
	readonly refuses?: boolean;
	/** Takes nothing that is sent to it. */
	readonly isDeaf?: boolean;
}

export class PlayedProxy implements AsyncDisposable {
	readonly #options: PlayedProxyOptions;
	readonly #session: ClientHttp2Session;
	readonly #stream: ClientHttp2Stream;
	/** How many resources came last, by kind. */
	readonly got = new Map<Resources, number>();
	#rest = Buffer.alloc(0);
	#names: readonly string[] = [];

	/** Connects to Pilot's plain port on the loopback. */
	constructor(port: number, options: PlayedProxyOptions) {
		this.#options = options;
		const settings = options.isDeaf === true ? { initialWindowSize: 0 } : {};
		this.#session = connect(`http://127.0.0.1:${port}`, { settings });
		// Whoever waits for an answer has a deadline.
		this.#session.on('error', () => undefined);
		this.#stream = this.#session.request({
			':method': 'POST',
			':path': '/envoy.service.discovery.v2.AggregatedDiscoveryService/StreamAggregatedResources',
			'content-type': 'application/grpc',
			te: 'trailers',
		});
		this.#stream.on('error', () => undefined);
		this.#stream.on('data', (chunk: Buffer) => this.#read(chunk));
	}

	/** Asks for all clusters or listeners, or for routes or endpoints by their names. */
	ask(what: Resources, names: readonly string[] = []): void {
		if (what === 'routes') this.#names = names;
		this.#send([...names.map((name) => field(3, name)), field(4, types[what])]);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		if (this.#session.destroyed) return;
		const closed = once(this.#session, 'close');
		this.#session.destroy();
		await closed;
	}

	#send(fields: readonly Buffer[]): void {
		const node = Buffer.concat([field(1, this.#options.id), field(2, 'played')]);
		const message = Buffer.concat([field(2, node), ...fields]);
		const frame = Buffer.alloc(5);
		frame.writeUInt32BE(message.length, 1);
		this.#stream.write(Buffer.concat([frame, message]));
	}

	#read(chunk: Buffer): void {
		this.#rest = Buffer.concat([this.#rest, chunk]);
		while (this.#rest.length >= 5) {
			const end = 5 + this.#rest.readUInt32BE(1);
			if (this.#rest.length < end) return;
			this.#take(this.#rest.subarray(5, end));
			this.#rest = this.#rest.subarray(end);
		}
	}

	#take(response: Buffer): void {
		const fields = fieldsOf(response);
		const text = (number: number) => fields.findLast((one) => one.number === number)?.bytes.toString() ?? '';
		const [version, type, nonce] = [text(1), text(4), text(5)];
		const what = (Object.keys(types) as Resources[]).find((one) => types[one] === type);
		if (what === undefined) return;
		this.got.set(what, fields.filter(({ number }) => number === 2).length);
		const names = what === 'routes' ? this.#names : [];
		const answer = [...names.map((name) => field(3, name)), field(4, type), field(5, nonce)];
		const invalidArgument = Buffer.from([1 << 3, 3]);
		const refusal = field(6, Buffer.concat([invalidArgument, field(2, 'the played proxy refuses everything')]));
		this.#send(this.#options.refuses === true ? [...answer, refusal] : [field(1, version), ...answer]);
	}
}

/** A field of a message: its bytes, length before them. */
function field(number: number, value: string | Buffer): Buffer {
	const bytes = Buffer.from(value);
	return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
	return Buffer.from([...bytes, rest]);
}

/** The fields of a message that have a length; others are left out. */
function fieldsOf(message: Buffer): readonly { readonly number: number; readonly bytes: Buffer }[] {
	const found: { readonly number: number; readonly bytes: Buffer }[] = [];
	let at = 0;
	const next = () => {
		let value = 0;
		for (let shift = 0; ; shift += 7) {
			const byte = message[at++] ?? 0;
			value |= (byte & 127) << shift;
			if (byte < 128) return value;
		}
	};
	while (at < message.length) {
		const tag = next();
		const length = next();
		if ((tag & 7) !== 2) continue;
		found.push({ number: tag >> 3, bytes: message.subarray(at, at + length) });
		at += length;
	}
	return found;
}
