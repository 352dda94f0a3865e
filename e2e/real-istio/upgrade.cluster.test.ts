/**
 * A change of version in place by the operator, with real istiods and real proxies: from 1.30 to 1.31, back, and up again. Requests go
 * through a gateway and through sidecars all along, and a pod that is to be injected is made every 200 ms.
 */
import { type ParsedStatus, upgradeDespiteAnnotation } from '../../api/v1/index.ts';
import { istiodReleases } from '../../operator/releases/istiod/index.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { playNetwork } from '../control-plane/network.ts';
import { nodeOfProcesses } from '../control-plane/stages.ts';
import { randomFrom } from '../soak/random.ts';
import { eventually } from '../support/eventually.ts';
import { applyInstallation, readInstallation, untilReady } from '../support/installation.ts';
import { applyFiles, makeNamespace, startMeshCluster } from '../support/mesh-cluster.ts';
import { liveAndDie } from '../support/mortal-operator.ts';
import { watchInjection } from '../support/pod-witness.ts';
import { recordInstallation } from '../support/recording.ts';
import { playKubelet } from './kubelet.ts';
import { watchRequests } from './request-witness.ts';
import { applyAsUser, gatewayHost, gatewayRoute, portsFor, serverHost, serverService, sidecars } from './routes.ts';
import { testWithAllIstio } from './test-with-istio.ts';
import { createInjected, headersSeen, notRedirected, serveHeaders } from './workload.ts';

type Installation = KubeObject & { readonly status?: ParsedStatus };

const name = 'default';
const meshNamespace = 'istio-system';
const shop = 'shop';

/** Of each change so many operators die, 30 in all, each after this time at most. */
const deaths = 10;
const longestMs = 2_500;

const [old = '', next = ''] = ['1.30', '1.31'].map(
	(minor) => istiodReleases.find((release) => release.minor === minor)?.version ?? '',
);

function specOf(version: string) {
	return {
		version,
		profile: 'default',
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT' } },
		// Envoy as it is published has no filter that counts for Istio's metrics.
		mixer: { telemetry: { enabled: false } },
		sidecarInjector: { enabled: true, namespaces: [shop] },
	};
}

testWithAllIstio(
	'from 1.30 to 1.31 in place, back, and up again, while operators die at random moments: no request fails, no pod is refused or left without a proxy',
	async (t) => {
		t.timeout(600_000);
		const seed = process.env.MESHWRIGHT_SEED ?? String(Date.now());
		t.log(`MESHWRIGHT_SEED=${seed}`);
		const random = randomFrom(seed);
		await using mesh = await startMeshCluster({ parts: 'all', nodes: 0 });
		const { api, cluster } = mesh;
		for (const namespace of [meshNamespace, shop]) await makeNamespace(api, namespace);
		await applyFiles(
			api,
			'deploy/components/istiod/rbac.generated.yaml',
			'deploy/components/injection/rbac.generated.yaml',
		);
		await using kubelet = await playKubelet(mesh, [meshNamespace, shop]);
		await using stack = new AsyncDisposableStack();
		stack.use(await playNetwork(cluster, kubelet.network));
		let lives = liveAndDie(mesh, { deaths: 0, longestMs, random });
		stack.defer(() => lives.stop());
		await applyInstallation(api, name, specOf(old));
		await untilReady(api, name);

		const application = stack.use(await serveHeaders());
		const ports = await portsFor(application.port);
		const make = (pod: string, namespace: string, more: object) =>
			createInjected(api, { name: pod, namespace, nodeName: nodeOfProcesses, ...more });
		await make('server', shop, { annotations: notRedirected });
		await make('client', shop, { annotations: notRedirected });
		await make('gateway', meshNamespace, {
			labels: { 'sidecar.istio.io/inject': 'true' },
			annotations: { 'inject.istio.io/templates': 'gateway' },
			image: 'auto',
		});
		const podIP = await eventually('the server has an address', () => kubelet.addressOf(shop, 'server'));
		for (const object of [serverService(ports), ...sidecars(ports, podIP), ...gatewayRoute(ports)])
			await applyAsUser(cluster, object);
		const ways = {
			'by the sidecar': () => headersSeen(ports.service, serverHost),
			'by the gateway': () => headersSeen(ports.gateway, gatewayHost),
		};
		for (const [what, send] of Object.entries(ways)) await eventually(`a request goes ${what}`, send);
		const users = Object.entries(ways).map(([what, send]) => watchRequests(what, send));
		for (const user of users) stack.defer(user.stop);
		const witness = await watchInjection(api, shop);
		stack.defer(witness.stop);

		for (const version of [next, old, next]) {
			const before = users.map(({ answered }) => answered());
			await lives.stop();
			const recording = await recordInstallation<Installation>(api, name);
			// Down is a way back only for who insists.
			await applyInstallation(
				api,
				name,
				specOf(version),
				version === old ? { [upgradeDespiteAnnotation]: 'downgrade' } : {},
			);
			lives = liveAndDie(mesh, { deaths, longestMs, random: random.for(version) });
			await lives.over;
			await untilReady(api, name);
			const told = await recording.stop();
			const { status } = await readInstallation(api, name);
			t.like(status, { version, phase: 'Ready', upgrade: undefined });
			const stages = told.flatMap(({ status }) => status?.upgrade?.stage ?? []);
			t.log(version, stages.filter((stage, index) => stage !== stages[index - 1]).join(' '));
			// Those that were made before ask the istiod of this version now.
			const made = witness.injected.get(`docker.io/istio/proxyv2:${version}`) ?? 0;
			await eventually(
				`another pod gets the proxy of ${version}`,
				() => (witness.injected.get(`docker.io/istio/proxyv2:${version}`) ?? 0) > made,
			);
			for (const [index, user] of users.entries()) t.true(user.answered() > (before[index] ?? 0));
			t.deepEqual(
				[...users.flatMap(({ failures }) => failures), ...witness.troubles, ...kubelet.troubles],
				[],
				version,
			);
		}
		const forbidden = [...kubelet.said()].flatMap(([pod, lines]) =>
			lines.filter((line) => /forbidden|unknown flag/i.test(line)).map((line) => `${pod}: ${line}`),
		);
		t.deepEqual(forbidden, []);
		t.log(`${users.map(({ answered }) => answered()).join(' + ')} requests`);
		t.log(`pods by proxy: ${[...witness.injected].map(([image, count]) => `${count} of ${image}`).join(', ')}`);
	},
);
