/**
 * The network of a simulated cluster, as its API server sees it. Webhooks and aggregated APIs of Services and the `proxy`
 * subresources of Services and pods have addresses that nobody can reach. So the API server asks at a socket for each such connection, as
 * it does where a Konnectivity server stands between (kubernetes 1.36 `apiserver/pkg/server/egressselector`, HTTPConnect):
 * whoever listens there is the network. Where nobody does, each is refused at once. Webhooks by URL are called without it
 * (`apiserver/pkg/util/webhook/authentication.go`).
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type NetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';

/** The content of kube-apiserver's `--egress-selector-config-file`. */
export function egressText(socket: string): string {
	return JSON.stringify({
		apiVersion: 'apiserver.k8s.io/v1beta1',
		kind: 'EgressSelectorConfiguration',
		egressSelections: [
			{
				name: 'cluster',
				connection: { proxyProtocol: 'HTTPConnect', transport: { uds: { udsName: socket } } },
			},
		],
	});
}

export interface Destination {
	/** The address of a Service (ClusterIP) or of a pod; of a pod too where the API server runs with `--enable-aggregator-routing`. */
	readonly host: string;
	readonly port: number;
}

/** Takes the connections to a destination. Servers of Node do so by `server.emit('connection', connection)`. */
export type Taker = (connection: Duplex) => void;

/** Who takes connections to a destination at this moment; undefined where nobody does, so that they are refused. */
export type Network = (to: Destination) => Taker | undefined;

export interface PlayedNetwork extends AsyncDisposable {
	/** Ends all connections. */
	readonly stop: () => Promise<void>;
}

/** Forwards connections to another address, such as one of 127.0.0.1. */
export function forwardTo(options: NetConnectOpts): Taker {
	return (connection) => {
		const onward = connect(options);
		for (const [one, other] of [
			[connection, onward],
			[onward, connection],
		] as const) {
			one.pipe(other);
			one.on('error', () => other.destroy());
			one.on('close', () => other.destroy());
		}
	};
}

function destinationOf(text: string): Destination {
	const colon = text.lastIndexOf(':');
	return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

/** Is the network of a cluster until it is stopped. Throws where the cluster is not one that tests have started. */
export async function playNetwork(
	{ egressSocket }: { readonly egressSocket: string | undefined },
	network: Network,
): Promise<PlayedNetwork> {
	if (egressSocket === undefined)
		throw new Error('the network of a cluster that runs already is its own: unset MESHWRIGHT_TEST_KUBECONFIG');
	const open = new Set<Duplex>();
	const server = createServer();
	server.on('connect', ({ url = '' }, connection: Duplex) => {
		open.add(connection);
		connection.on('error', () => connection.destroy());
		connection.once('close', () => open.delete(connection));
		const take = network(destinationOf(url));
		if (take === undefined) {
			connection.end('HTTP/1.1 502 Connection refused\r\n\r\n');
			return;
		}
		connection.write('HTTP/1.1 200 OK\r\n\r\n');
		take(connection);
	});
	// Of a network whose process was killed.
	await rm(egressSocket, { force: true });
	server.listen(egressSocket);
	await once(server, 'listening');
	// It keeps nobody alive, as the cluster itself does not.
	server.unref();
	const stop = async () => {
		for (const connection of open) connection.destroy();
		if (!server.listening) return;
		server.close();
		await once(server, 'close');
	};
	return { stop, [Symbol.asyncDispose]: stop };
}
