/**
 * A change of version by operators each of which dies of its first write. So every write of it is the last one of some life, and
 * what is stored before a write is what was stored after the one before: the next life has nothing else to go by.
 */
import test, { type ExecutionContext } from 'ava';
import { type ParsedStatus, type UpgradeStage, upgradeDespiteAnnotation, upgradeStages } from '../../api/v1/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { playCitadel } from '../support/citadel.ts';
import { CrashStage } from '../support/crash-stage.ts';
import { eventually, longestWaitMs } from '../support/eventually.ts';
import { applyInstallation, liveChildren, readInstallation, type Spec } from '../support/installation.ts';
import { playPods } from '../support/played-pods.ts';

const settings = {
	profile: 'minimal',
	pilot: { replicas: 2 },
	gateways: { ingress: { enabled: true, replicas: 2, service: { type: 'ClusterIP' } } },
};

/** All stages have something to do. The fewest objects of Mixer, since each is a life. */
const whole = {
	...settings,
	mixer: { telemetry: { enabled: true }, adapters: [] },
	sidecarInjector: { enabled: true },
};
/** Its policy would be the one of the whole cluster. */
const mtls = { mode: 'DISABLED' };

const stageOf: Readonly<Record<string, UpgradeStage>> = {
	'istio-citadel': 'CA',
	'istio-pilot': 'Pilot',
	'istio-telemetry': 'Mixer',
	'istio-sidecar-injector': 'Injector',
	'istio-ingressgateway': 'Gateways',
};

/** No change takes more. A life that writes what another one has written already would come here. */
const mostLives = 120;

function isDone({ version, upgrade, phase }: ParsedStatus, wanted: unknown): boolean {
	return version === wanted && upgrade === undefined && phase === 'Ready';
}

async function statusOf(stage: CrashStage, name: string): Promise<ParsedStatus> {
	const { status } = await readInstallation(stage.api, name);
	if (status === undefined) throw new Error(`${name} has no status`);
	return status;
}

/** Has one operator do all of it, with pods that get ready at once. */
async function inPeace(stage: CrashStage, name: string, until: (status: ParsedStatus) => boolean): Promise<void> {
	await stage.operate();
	await eventually(`${name} is as asked`, async () => {
		await playPods(stage.api, name);
		return until(await statusOf(stage, name).catch(() => ({ observedGeneration: -1 })));
	});
	await stage.kill();
}

interface Life {
	readonly upgrade: ParsedStatus['upgrade'];
	readonly objects: ReadonlyMap<string, KubeObject>;
}

async function look(stage: CrashStage, name: string): Promise<Life> {
	const objects = new Map((await liveChildren(stage.api, name)).map((object) => [objectKey(object), object]));
	return { upgrade: (await statusOf(stage, name)).upgrade, objects };
}

/** Lives of one write each, until all is as this version renders it. */
async function inLives(t: ExecutionContext, stage: CrashStage, name: string, wanted: string): Promise<readonly Life[]> {
	const lives: Life[] = [await look(stage, name)];
	while (!isDone(await statusOf(stage, name), wanted)) {
		t.timeout(longestWaitMs + 60_000);
		if (lives.length > mostLives) throw new Error(JSON.stringify(await statusOf(stage, name)));
		await stage.liveForOneWrite();
		lives.push(await look(stage, name));
		await playPods(stage.api, name);
	}
	t.log(`${lives.length - 1} lives`);
	return lives;
}

function pairs<T>(list: readonly T[]): readonly (readonly [T, T])[] {
	return list.slice(1).flatMap((next, index) => {
		const before = list[index];
		return before === undefined ? [] : [[before, next] as const];
	});
}

function versionOf(object: KubeObject | undefined): string | undefined {
	return object?.metadata.labels?.['app.kubernetes.io/version'];
}

/**
 * From life to life: no object is less but what the new version does not have, when all stages are over; none is another one,
 * and none comes back to the version that is left.
 */
function nothingIsLost(t: ExecutionContext, lives: readonly Life[], left: string): void {
	const last = lives.at(-1)?.objects;
	for (const [before, after] of pairs(lives)) {
		for (const [key, object] of before.objects) {
			const now = after.objects.get(key);
			if (now === undefined && last?.has(key) === false) {
				t.is(after.upgrade, undefined, `${key} goes before the last stage is over`);
				continue;
			}
			t.is(now?.metadata.uid, object.metadata.uid, key);
			if (versionOf(object) !== left) t.not(versionOf(now), left, key);
		}
		const wereChanged = [...after.objects.values()].filter(
			(object) =>
				object.kind === 'Deployment' && versionOf(object) !== versionOf(before.objects.get(objectKey(object))),
		);
		t.true(wereChanged.length <= 1);
		for (const { metadata } of wereChanged)
			t.is(before.upgrade?.stage, stageOf[metadata.name], 'recorded before it is written');
	}
	const recorded = lives.map(({ upgrade }) => upgrade !== undefined);
	t.is(recorded.lastIndexOf(true) - recorded.indexOf(true) + 1, recorded.filter(Boolean).length, 'never lost');
}

function stagesOf(lives: readonly Life[]): readonly string[] {
	const all = lives.flatMap(({ upgrade }) => upgrade?.stage ?? []);
	return all.filter((stage, index) => stage !== all[index - 1]);
}

test('operators that die of each write in turn complete a change of version, and one that its owner takes back', async (t) => {
	t.timeout(longestWaitMs + 60_000);
	await using stage = await CrashStage.start();
	const specOf = (name: string, version: string, more: Spec = {}) => ({
		...settings,
		namespace: name,
		version,
		...more,
	});
	// This brings the newest CRDs, which serve 1.3.8 as well.
	const other = stage.nextName();
	await applyInstallation(stage.api, other, { profile: 'minimal', namespace: other, version: '1.4.10' });
	await inPeace(stage, other, (status) => isDone(status, '1.4.10'));

	const name = stage.nextName();
	// Its Citadel is for its own namespace.
	const all = { ...whole, citadel: { enabled: true, extraArgs: [`--listened-namespaces=${name}`] } };
	const before = specOf(name, '1.3.8', { ...all, mesh: { mtls } });
	await applyInstallation(stage.api, name, before);
	t.teardown(playCitadel(stage.api, name));
	await inPeace(stage, name, (status) => isDone(status, '1.3.8'));
	// One commit changes version and settings, as most do.
	const tracing = { sampling: 50 };
	await applyInstallation(stage.api, name, specOf(name, '1.4.10', { ...all, mesh: { mtls, tracing } }));
	const forward = await inLives(t, stage, name, '1.4.10');
	nothingIsLost(t, forward, '1.3.8');
	t.deepEqual(
		stagesOf(forward),
		// The definitions of the new version stand already, so that their stage is passed over.
		upgradeStages.filter((one) => one !== 'CRDs' && one !== 'DataPlanes' && one !== 'Workloads'),
	);
	const begun = forward.filter(({ upgrade }) => upgrade !== undefined);
	for (const { upgrade } of begun) t.deepEqual(upgrade?.previous, before);

	const back = stage.nextName();
	await applyInstallation(stage.api, back, specOf(back, '1.3.8'));
	await inPeace(stage, back, (status) => isDone(status, '1.3.8'));
	const upgrade = { pauseBefore: ['Gateways'] };
	await applyInstallation(stage.api, back, specOf(back, '1.4.10', { mesh: { tracing }, upgrade }));
	await inPeace(stage, back, (status) => status.upgrade?.state === 'WaitingForApproval');
	await applyInstallation(stage.api, back, specOf(back, '1.3.8'), { [upgradeDespiteAnnotation]: 'newer-proxies' });
	const backwards = await inLives(t, stage, back, '1.3.8');
	nothingIsLost(t, backwards, '1.4.10');
	const way = stagesOf(backwards).map((one) => upgradeStages.indexOf(one as (typeof upgradeStages)[number]));
	t.deepEqual(
		way,
		way.toSorted((a, b) => b - a),
	);
	t.is((await stage.api.list(kinds.MeshInstallation)).items.length, 3);
});
