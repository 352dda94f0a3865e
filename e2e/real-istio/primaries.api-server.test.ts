/**
 * Two clusters, each with an istiod of its own, of one line each: their authorities are issued from one root as the operator does,
 * and each is told of the other cluster. Who runs in the one calls a server of the other by mutual TLS.
 */

import { issueIntermediate, type RootAuthority, readRootAuthority } from '../../operator/certificates/index.ts';
import { authoritySecret } from '../../operator/clusters/authority.ts';
import { lines } from '../../operator/lines/index.ts';
import { istiodMeshOf } from '../../operator/lines/istiod-testing.ts';
import { applySetId } from '../../operator/render/index.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { makeAuthority } from '../support/certificate-authority.ts';
import { eventually } from '../support/eventually.ts';
import { person } from '../support/mesh-cluster.ts';
import type { RealIstio } from './locate.ts';
import { startProxy } from './proxy-process.ts';
import { meshNamespace, type RenderedMesh, startRendered } from './rendered-mesh.ts';
import { applyAsUser, portsFor, serverHost, serverService, sidecars } from './routes.ts';
import { testWithAllIstio } from './test-with-istio.ts';
import { publishedSecret, syncStatus, tokenBoundTo } from './told-cluster.ts';
import { headersSeen, makePod, serveHeaders } from './workload.ts';

const hourMs = 3_600_000;
const rootSecret = { namespace: 'meshwright-system', name: 'mesh-root' };

function specOf(name: string, other: string) {
	return {
		citadel: { enabled: true, intermediates: { rootSecret } },
		mixer: { telemetry: { enabled: false } },
		multiCluster: {
			clusterName: name,
			clusters: [{ name: other, role: 'Primary', kubeconfigSecret: { name: other, namespace: 'meshwright-system' } }],
		},
	} as const;
}

async function startPrimary(real: RealIstio, root: RootAuthority, name: string, other: string): Promise<RenderedMesh> {
	const options = { cluster: name, trustDomain: 'cluster.local', lifetimeMs: 24 * hourMs, now: new Date() };
	const { certificate, key } = await issueIntermediate(root, options);
	const files = {
		'ca-cert.pem': certificate,
		'ca-key.pem': key,
		'cert-chain.pem': certificate,
		'root-cert.pem': root.certificate,
	};
	const secret = authoritySecret({ name: 'default', namespace: meshNamespace }, 'cacerts', files, Date.now());
	return startRendered(real, specOf(name, other), [secret]);
}

/** The account by which `by` reads a cluster. */
function readerOf(by: string, of: string): readonly KubeObject[] {
	const mesh = istiodMeshOf({ version: '1.31.4', profile: 'default', ...specOf(by, of) });
	return lines.renderReader(mesh, { readBy: by, applySet: applySetId(`${by}/default`) });
}

testWithAllIstio(
	'two istiods of different lines under one root, each told of the other cluster: a server in the one is called from the other by mutual TLS',
	async (t, [one, two]) => {
		if (one === undefined || two === undefined) return t.fail();
		const { certificate, key } = await makeAuthority({ organisation: 'the root', keyType: 'ec' });
		const read = readRootAuthority({ certificate, key }, { now: new Date(), lifetimeMs: 24 * hourMs });
		if ('problem' in read) return t.fail(read.problem.reason);
		await using stack = new AsyncDisposableStack();
		const near = stack.use(await startPrimary(one, read.root, 'near', 'far'));
		const far = stack.use(await startPrimary(two, read.root, 'far', 'near'));
		for (const [name, here, other, there] of [
			['near', near, 'far', far],
			['far', far, 'near', near],
		] as const) {
			for (const object of readerOf(name, other)) if (object.kind !== 'Namespace') await there.apply(object);
			const token = await tokenBoundTo(there.api, name, 'reader');
			await here.apply(publishedSecret({ cluster: other, role: 'Primary' }, there.cluster, token));
			const metadata = { name: 'shop', labels: { 'istio-injection': 'enabled' } };
			await here.api.apply({ apiVersion: 'v1', kind: 'Namespace', metadata }, { fieldManager: person });
		}
		for (const [{ istiod }, other] of [
			[near, 'far'],
			[far, 'near'],
		] as const)
			await eventually(`${other} is read`, async () => (await syncStatus(istiod, other)) === 'synced');

		const application = stack.use(await serveHeaders());
		const ports = await portsFor(application.port);
		const annotations = { 'sidecar.istio.io/interceptionMode': 'NONE' };
		const server = await makePod(far.api, { name: 'server', namespace: 'shop', annotations });
		const client = await makePod(near.api, { name: 'client', namespace: 'shop', annotations });
		const podIP = server.status?.podIP ?? '';
		const [ofServer, ofClient] = sidecars(ports, podIP);
		if (ofServer === undefined || ofClient === undefined) return t.fail();
		await applyAsUser(far.cluster, ofServer);
		await applyAsUser(near.cluster, ofClient);
		// By a label of pods, which istiod sees in both clusters: API servers take no address of the loopback as that of a Service.
		await applyAsUser(near.cluster, serverService(ports));
		const proxies = [
			stack.use(await startProxy(two, far.cluster, server, far.istiod.ports.secureGRPCAddr)),
			stack.use(await startProxy(one, near.cluster, client, near.istiod.ports.secureGRPCAddr)),
		];
		try {
			const call = () => headersSeen(ports.service, serverHost);
			const seen = await eventually('the server of the other cluster is called', call, 30_000);
			t.regex(
				String(seen['x-forwarded-client-cert']),
				/By=spiffe:\/\/cluster\.local\/ns\/shop\/sa\/server;.*sa\/client$/,
			);
		} catch (error) {
			throw new Error(proxies.map(({ lines: said }) => said.slice(-25).join('\n')).join('\n\n'), { cause: error });
		}
		for (const { istiod } of [near, far])
			t.deepEqual(
				istiod.lines.filter((line) => /forbidden|NACK/i.test(line)),
				[],
			);
		return t.pass();
	},
);
