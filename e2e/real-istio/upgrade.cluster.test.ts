/**
 * Changes of version by the operator, with real istiods and real proxies: from 1.30 to 1.31 in place and back, and up again by a
 * second revision, to which the namespace moves by a tag, and back by it, and by the spec. Requests go through a gateway and through
 * sidecars all along, and a pod that is to be injected is made every 200 ms.
 */
import type { ExecutionContext } from 'ava';
import { type ParsedStatus, upgradeDespiteAnnotation } from '../../api/v1/index.ts';
import { istiodReleases } from '../../operator/releases/istiod/index.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { playNetwork } from '../control-plane/network.ts';
import { nodeOfProcesses } from '../control-plane/stages.ts';
import { randomFrom } from '../soak/random.ts';
import { eventually } from '../support/eventually.ts';
import { applyInstallation, readInstallation, untilReady } from '../support/installation.ts';
import { applyFiles, makeNamespace, startMeshCluster } from '../support/mesh-cluster.ts';
import { liveAndDie } from '../support/mortal-operator.ts';
import { watchInjection } from '../support/pod-witness.ts';
import { recordInstallation } from '../support/recording.ts';
import { istioctlIn } from './istioctl.ts';
import { playKubelet } from './kubelet.ts';
import { locateAll, type RealIstio } from './locate.ts';
import { watchRequests } from './request-witness.ts';
import { applyAsUser, gatewayHost, gatewayRoute, portsFor, serverHost, serverService, sidecars } from './routes.ts';
import { testWithAllIstio } from './test-with-istio.ts';
import { createInjected, headersSeen, notRedirected, serveHeaders } from './workload.ts';

type Installation = KubeObject & { readonly status?: ParsedStatus };

const name = 'default';
const meshNamespace = 'istio-system';
const shop = 'shop';

/** Of each of six changes so many operators die, 30 in all, each after this time at most. */
const deaths = 5;
const longestMs = 2_500;

const [old = '', next = ''] = ['1.30', '1.31'].map(
	(minor) => istiodReleases.find((release) => release.minor === minor)?.version ?? '',
);

const revision = next.replaceAll('.', '-');

/** Those who name no revision ask this one. */
function canary(to: string): object {
	return { strategy: 'Canary', inactiveRevisionGracePeriod: '2s', tags: [{ name: 'default', revision: to }] };
}

function specOf(version: string, upgrade: object = {}) {
	return {
		version,
		upgrade,
		profile: 'default',
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT' } },
		// Envoy as it is published has no filter that counts for Istio's metrics.
		mixer: { telemetry: { enabled: false } },
		sidecarInjector: { enabled: true, namespaces: [shop] },
	};
}

/**
 * What istioctl finds in objects of this test alone: pods of the former release, the gateway's Service without the ports that only a
 * process has, and namespaces that want no proxies.
 */
const ofThisTest =
	/^(Info|Warning) \[IST0(102|158|162)\] \((Namespace|Gateway) (shop|shop\/shop|default|meshwright-system)\) /;

/** istioctl sees the revisions and who leads to them, and has nothing to say against them. */
async function findsTwoRevisions(t: ExecutionContext, real: RealIstio, cluster: Cluster): Promise<void> {
	const tags = await istioctlIn(real, cluster, 'tag', 'list');
	t.regex(tags, new RegExp(`^default +${revision} `, 'm'));
	const found = await istioctlIn(real, cluster, 'analyze', '--all-namespaces');
	t.deepEqual(
		found.split('\n').filter((line) => line.trim() !== '' && !ofThisTest.test(line)),
		[],
	);
	t.regex(await istioctlIn(real, cluster, 'experimental', 'precheck'), /No issues found/);
}

testWithAllIstio(
	'from 1.30 to 1.31 in place and back, then beside, by a tag, and back, while operators die at random moments: no request fails, no pod is refused or left without a proxy',
	async (t) => {
		t.timeout(900_000);
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
		const real = (await locateAll(() => undefined)).find(({ pins }) => pins.line === '1.31');
		if (real === undefined) throw new Error('istioctl of 1.31 is not built');
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

		const states = (status: Installation['status']) =>
			(status?.revisions ?? []).map(({ name: one, state }) => `${one} ${state}`).sort();
		const changes = [
			{ what: 'up in place', version: next, proxies: next, upgrade: {}, revisions: [] },
			{ what: 'back in place', version: old, proxies: old, upgrade: {}, revisions: [] },
			{
				what: 'a revision comes beside',
				version: next,
				proxies: old,
				upgrade: canary('default'),
				revisions: [`${revision} Active`, 'default Standing'],
			},
			{
				what: 'the namespace moves to it by its tag',
				version: next,
				proxies: next,
				upgrade: canary(revision),
				revisions: [`${revision} Active`, 'default Standing'],
			},
			{
				what: 'and back by its tag',
				version: next,
				proxies: old,
				upgrade: canary('default'),
				revisions: [`${revision} Active`, 'default Standing'],
			},
			// Nobody asks it any more, so it goes.
			{ what: 'back by the spec', version: old, proxies: old, upgrade: canary('default'), revisions: [] },
		];
		for (const { what, version, proxies, upgrade, revisions } of changes) {
			const before = users.map(({ answered }) => answered());
			await lives.stop();
			const recording = await recordInstallation<Installation>(api, name);
			// Down is a way back only for who insists.
			await applyInstallation(
				api,
				name,
				specOf(version, upgrade),
				version === old ? { [upgradeDespiteAnnotation]: 'downgrade' } : {},
			);
			lives = liveAndDie(mesh, { deaths, longestMs, random: random.for(what) });
			await lives.over;
			await untilReady(api, name);
			await eventually(`${what}: revisions are ${revisions.join(', ') || 'that one alone'}`, async () => {
				const { status } = await readInstallation(api, name);
				return states(status).join() === revisions.join() && status?.upgrade === undefined;
			});
			await untilReady(api, name);
			const told = await recording.stop();
			const { status } = await readInstallation(api, name);
			t.like(status, { version, phase: 'Ready', upgrade: undefined });
			const stages = told.flatMap(({ status }) => status?.upgrade?.stage ?? []);
			t.log(what, stages.filter((stage, index) => stage !== stages[index - 1]).join(' '));
			// Those that were made before ask the istiod of this version now.
			const count = () => witness.injected.get(`docker.io/istio/proxyv2:${proxies}`) ?? 0;
			const made = count();
			await eventually(`${what}: another pod gets the proxy of ${proxies}`, () => count() > made);
			for (const [index, user] of users.entries()) t.true(user.answered() > (before[index] ?? 0));
			t.deepEqual([...users.flatMap(({ failures }) => failures), ...witness.troubles, ...kubelet.troubles], [], what);
			if (proxies === next && revisions.length > 0) await findsTwoRevisions(t, real, cluster);
		}
		const forbidden = [...kubelet.said()].flatMap(([pod, lines]) =>
			lines.filter((line) => /forbidden|unknown flag/i.test(line)).map((line) => `${pod}: ${line}`),
		);
		t.deepEqual(forbidden, []);
		t.log(`${users.map(({ answered }) => answered()).join(' + ')} requests`);
		t.log(`pods by proxy: ${[...witness.injected].map(([image, count]) => `${count} of ${image}`).join(', ')}`);
	},
);
