/**
 * The ladder: from the oldest release to the newest (`npm test`: to the middle, and `ladder-joined` walks on from there), rung by rung, with everything that a mesh can have, and with operators that die at
 * random moments. Who watches sees never fewer ready pods than before, and one stage after the other; who makes pods all the
 * time gets each of them, with its proxy.
 */
import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { playNetwork } from '../control-plane/network.ts';
import { randomFrom } from '../soak/random.ts';
import { playCitadel } from '../support/citadel.ts';
import { eventually, longestWaitMs } from '../support/eventually.ts';
import {
	applyInstallation,
	eventsAbout,
	liveChildren,
	readInstallation,
	renderedChildren,
	untilReady,
	warningEventsAbout,
} from '../support/installation.ts';
import { type MeshCluster, makeNamespace, startMeshCluster } from '../support/mesh-cluster.ts';
import { liveAndDie } from '../support/mortal-operator.ts';
import { observe, watchReadyPods } from '../support/observing.ts';
import { playInjector } from '../support/played-injector.ts';
import { watchInjection } from '../support/pod-witness.ts';
import { recordInstallation } from '../support/recording.ts';
import { isMatrixWhole } from '../support/whole-matrix.ts';

type Installation = KubeObject & { readonly status?: ParsedStatus };

const name = 'ladder';
const namespace = 'istio-ladder';

/** Each Deployment with the stage of its own, in their order. Citadel is never there twice, so its pod goes first. */
const stageOf: Readonly<Record<string, string>> = {
	'istio-citadel': 'CA',
	'istio-pilot': 'Pilot',
	'istio-policy': 'Mixer',
	'istio-telemetry': 'Mixer',
	'istio-sidecar-injector': 'Injector',
	'istio-ingressgateway': 'Gateways',
	'istio-egressgateway': 'Gateways',
};
const order = ['CRDs', 'Configuration', 'CA', 'Pilot', 'Mixer', 'Injector', 'Webhooks', 'Gateways'];
const serving = Object.keys(stageOf).filter((deployment) => deployment !== 'istio-citadel');

/** Where workloads are. */
const shop = 'shop';
/** Where the two halves of the ladder meet. */
const middle = Math.floor(classicReleases.length / 2);
const versions = classicReleases.map(({ version }) => version).slice(0, isMatrixWhole() ? undefined : middle + 1);
/** On each rung so many operators die, 32 in all on the whole ladder, each after this time at most. */
const deaths = 8;
const longestMs = 2_500;

let mesh: MeshCluster;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all', nodes: 3 });
});
test.after.always(() => mesh?.stop());

function specOf(version: string) {
	return {
		version,
		profile: 'production',
		namespace,
		mesh: { mtls: { mode: 'STRICT' } },
		sidecarInjector: { enabled: true, namespaces: [shop] },
		mixer: { policy: { enabled: true }, adapters: [{ prometheus: {} }, { stdio: {} }] },
		gateways: {
			ingress: { enabled: true, service: { type: 'ClusterIP' } },
			egress: { enabled: true },
		},
	};
}

/** The images of each Deployment's pods, as a version renders them. */
function imagesOf(version: string): ReadonlyMap<string, string> {
	const deployments = renderedChildren(name, specOf(version)).filter(({ kind }) => kind === 'Deployment');
	return new Map(deployments.map((object) => [object.metadata.name, imageIn(object)]));
}

function imageIn({ spec }: KubeObject): string {
	const { template } = spec as { template: { spec: { containers: readonly { image: string }[] } } };
	return template.spec.containers.map(({ image }) => image).join();
}

/** The Deployments whose images differ. Some releases have the injector of another one. */
function changed(from: string, to: string): readonly string[] {
	const [before, after] = [imagesOf(from), imagesOf(to)];
	return [...after.keys()].filter((deployment) => before.get(deployment) !== after.get(deployment)).sort();
}

/** The image of each Deployment's pods, in the order in which they were given another one. */
interface Turn {
	readonly deployment: string;
	readonly image: string;
}

test(`from ${versions[0]} to ${versions.at(-1)} while operators die at random moments: stage after stage, never fewer ready pods, no pod refused, nothing of the release before left`, async (t) => {
	const { api } = mesh;
	const seed = process.env.MESHWRIGHT_SEED ?? String(Date.now());
	t.log(`MESHWRIGHT_SEED=${seed}`);
	const random = randomFrom(seed);
	t.teardown(playCitadel(api, namespace));
	const injector = await playInjector(api, namespace);
	t.teardown(injector.stop);
	const network = await playNetwork(mesh.cluster, injector.network);
	t.teardown(network.stop);
	await makeNamespace(api, shop);
	const [first = '', ...rungs] = versions;
	let lives = liveAndDie(mesh, { deaths: 0, longestMs, random });
	t.teardown(() => lives.stop());
	await applyInstallation(api, name, specOf(first));
	await untilReady(api, name);
	const witness = await watchInjection(api, shop);
	t.teardown(witness.stop);

	const pods = await watchReadyPods(api, namespace);
	t.teardown(pods.stop);
	const turns: Turn[] = [];
	const images = new Map<string, string>();
	const deployments = await observe<KubeObject>(api, kinds.Deployment, namespace, ({ type, object }) => {
		const image = imageIn(object);
		const deployment = object.metadata.name;
		if (type !== 'present' || images.get(deployment) === image) return;
		images.set(deployment, image);
		turns.push({ deployment, image });
	});
	t.teardown(deployments.stop);

	let former = first;
	for (const version of rungs) {
		const before = new Map(serving.map((deployment) => [deployment, pods.of(deployment).length]));
		pods.forget();
		turns.length = 0;
		t.timeout(longestWaitMs + 60_000);
		const recording = await recordInstallation<Installation>(api, name);
		await lives.stop();
		await applyInstallation(api, name, specOf(version));
		lives = liveAndDie(mesh, { deaths, longestMs, random: random.for(version) });
		await lives.over;
		await untilReady(api, name);
		const told = await recording.stop();
		await Promise.all([pods.caughtUp(), deployments.caughtUp()]);
		await witness.untilInjected(version);
		t.deepEqual([...injector.refusals, ...witness.troubles], [], version);

		const stages = told.flatMap(({ status }) => status?.upgrade?.stage ?? []);
		t.deepEqual(
			stages.filter((stage, index) => stage !== stages[index - 1]),
			order,
			version,
		);
		// Each Deployment whose image changes changed it once, those of a stage after all of the stages before.
		t.deepEqual(turns.map(({ deployment }) => deployment).sort(), changed(former, version), version);
		former = version;
		const turnStages = turns.map(({ deployment }) => order.indexOf(stageOf[deployment] ?? ''));
		t.deepEqual(turnStages, turnStages.toSorted(), version);
		for (const [deployment, count] of before)
			t.true(pods.fewest(deployment) >= count, `${version}: ${pods.fewest(deployment)} of ${count} ${deployment}`);

		const { status } = await readInstallation(api, name);
		t.like(status, { version, phase: 'Ready', upgrade: undefined });
		const rendered = renderedChildren(name, specOf(version)).map(objectKey).sort();
		const live = await eventually('what is rendered is what stands', async () => {
			const found = await liveChildren(api, name);
			return found.map(objectKey).sort().join() === rendered.join() && found;
		});
		for (const object of live) t.is(object.metadata.labels?.['app.kubernetes.io/version'], version, objectKey(object));
	}
	t.deepEqual(await warningEventsAbout(api, name), []);
	const begun = (await eventsAbout(api, name)).filter(({ reason }) => reason === 'UpgradeFinished');
	t.true(begun.length > 0);
	t.log(`pods by proxy: ${[...witness.injected].map(([image, count]) => `${count} of ${image}`).join(', ')}`);
	t.deepEqual(
		[...witness.injected.keys()].map((image) => image.split(':').at(-1)),
		[first, ...rungs],
	);
});
