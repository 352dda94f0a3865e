/**
 * The ladder with a joined cluster: a mesh that has a data plane in a second one goes from the oldest release to the newest. In
 * both clusters pods are made all the time, and each gets its proxy. On the last rung Pilot's image can't be pulled at first:
 * the change is held, goes back to the version before, and then goes all the way.
 */
import test from 'ava';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { playNetwork } from '../control-plane/network.ts';
import { authoritySecret, makeAuthority } from '../support/certificate-authority.ts';
import { playCitadel } from '../support/citadel.ts';
import { keptThere, namespace, type Pair, startPair, withDataPlane } from '../support/data-plane.ts';
import { eventually, longestWaitMs } from '../support/eventually.ts';
import {
	applyInstallation,
	installationReference,
	liveChildren,
	readInstallation,
	type Spec,
	untilCondition,
	untilReady,
} from '../support/installation.ts';
import { startJoiningOperator, untilCluster } from '../support/joined.ts';
import { type MeshCluster, makeNamespace } from '../support/mesh-cluster.ts';
import { type ReadyPods, watchReadyPods } from '../support/observing.ts';
import type { RunningOperator } from '../support/operator.ts';
import { playInjector } from '../support/played-injector.ts';
import { watchInjection } from '../support/pod-witness.ts';
import { isMatrixWhole } from '../support/whole-matrix.ts';

const name = 'joined';
const shop = 'shop';
/** `npm test` walks the upper half, and `ladder` the lower one. */
const versions = classicReleases
	.map(({ version }) => version)
	.slice(isMatrixWhole() ? 0 : Math.floor(classicReleases.length / 2));
const [first = '', old = '', next = ''] = [versions[0], versions.at(-2), versions.at(-1)];

/** No image has it, so that no pod of the next Pilot gets ready. */
const noDigest = `sha256:${'0'.repeat(64)}`;

let pair: Pair;
let operator: RunningOperator;
/** The clock by which the operator measures progress is ahead by this, milliseconds. */
let aheadMs = 0;
/** Of a time in which it has not looked the operator counts no more than this. */
const unseenMs = 30_000;
/** More than any wait takes. */
const testMs = longestWaitMs + 60_000;

test.before(async () => {
	pair = await startPair({ parts: 'all', nodes: 2 });
	operator = await startJoiningOperator(pair.home, { monotonicClock: () => performance.now() + aheadMs });
});
test.after.always(async () => {
	await operator?.stop();
	await pair?.stop();
});

function specOf(version: string, more: Spec = {}): Spec {
	return {
		version,
		profile: 'production',
		namespace,
		citadel: { enabled: true, caSecretName: 'mesh-authority' },
		sidecarInjector: { enabled: true, namespaces: [shop] },
		gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' } } },
		...more,
		...withDataPlane(),
	};
}

/** A cluster with whoever plays its Citadel and its injectors. */
async function stage({ api, cluster }: MeshCluster) {
	const endCitadel = playCitadel(api, namespace);
	const injector = await playInjector(api, namespace);
	const network = await playNetwork(cluster, injector.network);
	await makeNamespace(api, shop);
	return {
		api,
		injector,
		stop: async () => {
			endCitadel();
			injector.stop();
			await network.stop();
		},
	};
}

/** Those that serve. Citadel is never there twice, so its pod goes first. */
const serving = ['istio-pilot', 'istio-telemetry', 'istio-sidecar-injector', 'istio-ingressgateway'];

function countsOf(pods: ReadyPods): ReadonlyMap<string, number> {
	const counts = serving.map((deployment) => [deployment, pods.of(deployment).length] as const);
	return new Map(counts.filter(([, count]) => count > 0));
}

test(`from ${first} to ${next}, on the last rung held by a broken image, rolled back, mended and finished, in a joined cluster too: never fewer ready pods, no pod refused, nothing of the release before left`, async (t) => {
	t.timeout(testMs);
	const { home, other } = pair;
	const authority = await makeAuthority({ organisation: 'common' });
	for (const { api } of [home, other]) {
		await makeNamespace(api, namespace);
		await api.create(authoritySecret(namespace, 'mesh-authority', authority));
	}
	const clusters = await Promise.all([home, other].map(stage));
	for (const { stop } of clusters) t.teardown(stop);
	await applyInstallation(home.api, name, specOf(first));
	await untilReady(home.api, name);
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	const watched = await Promise.all(
		clusters.map(async ({ api, injector }) => {
			const witness = await watchInjection(api, shop);
			t.teardown(witness.stop);
			const pods = await watchReadyPods(api, namespace);
			t.teardown(pods.stop);
			const before = countsOf(pods);
			pods.forget();
			return { injector, witness, pods, before };
		}),
	);
	t.deepEqual(
		watched.map(({ before }) => [...before.keys()]),
		[serving, ['istio-sidecar-injector']],
	);
	const isWhole = async (what: string) => {
		for (const { injector, witness, pods, before } of watched) {
			await pods.caughtUp();
			t.deepEqual([...injector.refusals, ...witness.troubles], [], what);
			for (const [deployment, count] of before) t.true(pods.fewest(deployment) >= count, `${what}: ${deployment}`);
		}
	};
	// The injector's files of the version before stay as long as a pod of it may run.
	const onlyStands = (version: string) =>
		eventually(`nothing stands that is not of ${version}`, async () => {
			const objects = [...(await liveChildren(home.api, name)), ...(await keptThere(pair, name))];
			// With what Pilot reads the other cluster is of no version.
			const labels = objects.flatMap((object) => object.metadata.labels?.['app.kubernetes.io/version'] ?? []);
			return labels.every((label) => label === version);
		});
	/** The operator's timers don't follow the clock that runs ahead. Whoever waits for what comes of it learns of a failure. */
	const lookAgain = () => {
		const annotations = { 'example.com/looked-at': String(performance.now()) };
		return home.api
			.patch(installationReference(name), { metadata: { annotations } }, { type: 'merge' })
			.catch(() => undefined);
	};
	const goTo = async (version: string, more?: Spec) => {
		t.timeout(testMs);
		await applyInstallation(home.api, name, specOf(version, more));
		await untilReady(home.api, name);
		await untilCluster(home.api, name, 'eu', 'Ready', 'True');
		for (const { witness } of watched) await witness.untilInjected(version);
		await isWhole(version);
		t.like((await readInstallation(home.api, name)).status, { version, phase: 'Ready', upgrade: undefined });
		await onlyStands(version);
	};
	for (const version of versions.slice(1, -1)) await goTo(version);

	t.timeout(testMs);
	const upgrade = { progressDeadline: '1m' };
	const broken = { images: { digests: { pilot: noDigest } } };
	await applyInstallation(home.api, name, specOf(next, { ...broken, upgrade }));
	await untilCondition(home.api, name, 'Ready', 'Unknown', 'ImageNotPulled');
	const hurrying = setInterval(() => {
		aheadMs += unseenMs;
		void lookAgain();
	}, 3_000);
	const held = await untilCondition(home.api, name, 'Stalled', 'True', 'ImageNotPulled').finally(() =>
		clearInterval(hurrying),
	);
	t.regex(held.message, /is held: stage Pilot made no progress for 1m: .*pod istio-pilot-.*its image is not pulled/);
	await isWhole('held');

	await applyInstallation(home.api, name, specOf(next, { ...broken, upgrade: { ...upgrade, onFailure: 'Rollback' } }));
	const back = await untilCondition(home.api, name, 'Stalled', 'True', 'RolledBack');
	t.true(back.message.startsWith(`runs ${old} again: stage Pilot`), back.message);
	await isWhole('rolled back');
	await onlyStands(old);

	await goTo(next, { upgrade });
	for (const { witness } of watched)
		t.deepEqual(
			[...witness.injected.keys()].map((image) => image.split(':').at(-1)),
			versions,
		);
	t.log(watched.map(({ witness }) => JSON.stringify([...witness.injected])).join());
});
