/**
 * Requests through a mesh of istiod as it is rendered here: a real istiod under the rendered rights, and real proxies of pods as
 * the rendered webhook and templates made them. Who the proxies are to each other is read from what Envoy itself says.
 */
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { istioctlFinds } from './istioctl-finds.ts';
import { istiodDeployment } from './istiod-process.ts';
import { forwardingNode, startPortForwarding } from './port-forwarding.ts';
import { type RunningProxy, startProxy } from './proxy-process.ts';
import { meshNamespace, renderedFor, startRendered } from './rendered-mesh.ts';
import { applyAsUser, gatewayHost, gatewayRoute, portsFor, serverHost, serverService, sidecars } from './routes.ts';
import { testWithIstio } from './test-with-istio.ts';
import { headersSeen, istiodPod, makePod, notRedirected, serveHeaders } from './workload.ts';

/** Metrics are off: the filters that count them are not in Envoy as it is published. */
const spec = { citadel: { enabled: true }, mixer: { telemetry: { enabled: false } } } as const;
const sidecarAnnotations = {
	...notRedirected,
	// Envoy keeps few counters by default.
	'proxy.istio.io/config': JSON.stringify({ proxyStatsMatcher: { inclusionRegexps: ['listener.*ssl.*'] } }),
} as const;

const identity = (namespace: string, account: string) => `spiffe://cluster.local/ns/${namespace}/sa/${account}`;

/** What Envoy says of the certificate by which others know it. */
async function certificateOf(proxy: RunningProxy): Promise<readonly string[]> {
	const { certificates } = JSON.parse(await proxy.admin('/certs')) as {
		readonly certificates: readonly {
			readonly cert_chain: readonly { readonly subject_alt_names: readonly { readonly uri?: string }[] }[];
		}[];
	};
	const chains = certificates.flatMap(({ cert_chain }) => cert_chain);
	return [...new Set(chains.flatMap(({ subject_alt_names }) => subject_alt_names.flatMap(({ uri }) => uri ?? [])))];
}

/** How many TLS handshakes of its listeners have succeeded. */
async function handshakes(proxy: RunningProxy): Promise<number> {
	const text = await proxy.admin('/stats?filter=^listener\\..*ssl\\.handshake$');
	return [...text.matchAll(/: (\d+)$/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

testWithIstio(
	'a gateway and two sidecars of Envoy carry requests, by mTLS with the identities of their accounts, and STRICT refuses plain text; istioctl finds all of it and nothing wrong',
	async (t, real) => {
		await using mesh = await startRendered(real, spec);
		const { api, apply, cluster, istiod } = mesh;
		await using stack = new AsyncDisposableStack();
		const application = stack.use(await serveHeaders());
		const ports = await portsFor(application.port);
		const { name: nodeName } = forwardingNode;
		const server = await makePod(api, { name: 'server', namespace: 'shop', nodeName, annotations: sidecarAnnotations });
		const client = await makePod(api, { name: 'client', namespace: 'shop', nodeName, annotations: sidecarAnnotations });
		const gateway = await makePod(api, {
			name: 'gateway',
			namespace: meshNamespace,
			nodeName,
			labels: { 'sidecar.istio.io/inject': 'true' },
			annotations: { 'inject.istio.io/templates': 'gateway' },
			image: 'auto',
		});
		const podIP = server.status?.podIP ?? '';
		for (const object of [serverService(ports), ...sidecars(ports, podIP), ...gatewayRoute(ports)])
			await applyAsUser(cluster, object);
		const start = async (pod: typeof server) =>
			stack.use(await startProxy(real, cluster, pod, istiod.ports.secureGRPCAddr));
		const [ofServer, ofClient, ofGateway] = [await start(server), await start(client), await start(gateway)];
		const proxies = { server: ofServer, client: ofClient, gateway: ofGateway };
		const said = () =>
			Object.entries(proxies)
				.map(([name, { lines }]) => `${name}:\n${lines.slice(-25).join('\n')}`)
				.join('\n');
		const carried = async (what: string, send: () => ReturnType<typeof headersSeen>) => {
			try {
				return await eventually(what, send);
			} catch (error) {
				throw new Error(said(), { cause: error });
			}
		};

		const byClient = await carried('the client’s proxy carries a request', () =>
			headersSeen(ports.service, serverHost),
		);
		const byGateway = await carried('the gateway carries a request', () => headersSeen(ports.gateway, gatewayHost));
		t.is(byGateway['x-way'], 'virtual-service');
		// The proxy of the server tells the application who it is, and who asked.
		const known = (by: string) => new RegExp(`By=${identity('shop', 'server')};.*URI=${by}$`);
		t.regex(String(byClient['x-forwarded-client-cert']), known(identity('shop', 'client')));
		t.regex(String(byGateway['x-forwarded-client-cert']), known(identity(meshNamespace, 'gateway')));
		t.true((await handshakes(ofServer)) >= 2);
		t.deepEqual(await certificateOf(ofServer), [identity('shop', 'server')]);
		t.deepEqual(await certificateOf(ofClient), [identity('shop', 'client')]);
		t.deepEqual(await certificateOf(ofGateway), [identity(meshNamespace, 'gateway')]);

		const inPlainText = () => headersSeen(ports.proxy, serverHost, podIP);
		t.is((await inPlainText())['x-forwarded-client-cert'], undefined);
		const strict = renderedFor(real, { ...spec, mesh: { mtls: { mode: 'STRICT' } } }).filter(
			({ kind }: KubeObject) => kind === 'PeerAuthentication',
		);
		t.is(strict.length, 1);
		for (const object of strict) await applyAsUser(cluster, object);
		await eventually('plain text is refused', async () => {
			const error = await inPlainText().then(
				() => undefined,
				(reason: Error & { readonly code?: string }) => reason,
			);
			return error?.code === 'ECONNRESET' || error?.code === 'UND_ERR_SOCKET';
		});
		t.regex(
			String((await headersSeen(ports.service, serverHost))['x-forwarded-client-cert']),
			known(identity('shop', 'client')),
		);
		t.is((await headersSeen(ports.gateway, gatewayHost))['x-way'], 'virtual-service');

		// A port of a gateway that no Service has cannot be reached from elsewhere, as istioctl says.
		await apply({
			apiVersion: 'v1',
			kind: 'Service',
			metadata: { name: 'gateway', namespace: meshNamespace },
			spec: { selector: { app: 'gateway' }, ports: [{ name: 'http', port: ports.gateway }] },
		} as KubeObject);
		// Nobody but the API server's own users looks at it.
		await apply({
			apiVersion: 'v1',
			kind: 'Namespace',
			metadata: { name: 'default', labels: { 'istio-injection': 'disabled' } },
		});
		const ofIstiod = await istiodPod(api, istiodDeployment(renderedFor(real, spec)), nodeName);
		const { grpcAddr, secureGRPCAddr, monitoringAddr } = istiod.ports;
		const forwarding = stack.use(
			await startPortForwarding(cluster, [
				{
					namespace: meshNamespace,
					name: ofIstiod.metadata.name,
					ports: { 15010: grpcAddr, 15012: secureGRPCAddr, 15014: monitoringAddr },
				},
				{ namespace: 'shop', name: 'server', ports: { 15000: ofServer.adminPort } },
				{ namespace: 'shop', name: 'client', ports: { 15000: ofClient.adminPort } },
				{ namespace: meshNamespace, name: 'gateway', ports: { 15000: ofGateway.adminPort } },
			]),
		);
		mesh.addresses.set(`${forwardingNode.host}:${forwardingNode.port}`, forwarding.port);
		await istioctlFinds(t, real, cluster, {
			istiods: [ofIstiod.metadata.name],
			proxies: ['client.shop', `gateway.${meshNamespace}`, 'server.shop'],
			revision: 'default',
		});

		for (const [name, { lines, hasExited }] of Object.entries(proxies)) {
			t.false(hasExited(), name);
			// What Envoy refuses of its configuration it tells istiod, and says itself.
			t.deepEqual(
				lines.filter((line) => /rejected|gRPC config .* warning/i.test(line)),
				[],
				name,
			);
		}
		t.deepEqual(
			istiod.lines.filter((line) => /forbidden|unknown flag|ADS.*error|NACK/i.test(line)),
			[],
		);
	},
);
