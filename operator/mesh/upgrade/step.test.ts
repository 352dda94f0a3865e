/** What becomes of a stage by the word of its own pods. The cluster's numbers are made up. */
import test from 'ava';
import { upgradeDespiteAnnotation } from '../../../api/v1/index.ts';
import type { Child, Workload } from '../../apply/child.ts';
import { emptyMemory } from '../../apply/installation-memory.ts';
import type { PodFacts } from '../../apply/pod-trouble.ts';
import { lines } from '../../lines/index.ts';
import { compose } from '../../plan/upgrade/compose.ts';
import { courseOf, sourceOf, type UpgradeRecord } from '../../plan/upgrade/course.ts';
import { installation } from '../../render/testing.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import { type PreparedMesh, prepare } from '../prepare.ts';
import type { Word, WordQuestion } from './own-words.ts';
import { nextStep } from './step.ts';
import type { WalkView } from './walk.ts';
import { emptyWalkMemory } from './walk-memory.ts';

function meshOf(version: string): PreparedMesh {
	const prepared = prepare(installation({ version, profile: 'default' }), { lines });
	if (!prepared.ok) throw new Error(JSON.stringify(prepared.problems));
	return prepared;
}

const [old, next] = [meshOf('1.3.8'), meshOf('1.4.10')];
const none = new Map<string, string>();

function renderingOf({ mesh }: PreparedMesh) {
	const objects = [...lines.renderCrds(mesh), ...lines.render(mesh, {})];
	return { version: mesh.release.version, objects, held: none, kept: none, delayed: none };
}

const [before, after] = [renderingOf(old), renderingOf(next)];

const startOfPilot: UpgradeRecord = {
	from: '1.3.8',
	to: '1.4.10',
	stage: 'Pilot',
	state: 'Progressing',
	since: '2026-12-05T02:00:00Z',
	startedAt: '2026-12-05T02:00:00Z',
	settings: 'same',
};

interface Stage {
	readonly record?: UpgradeRecord;
	readonly isLate?: boolean;
	readonly despite?: string;
	readonly isReady?: boolean;
}

/** One step of a mesh all of whose pods are ready. */
function stepWith(word: Word, { record = startOfPilot, isLate = false, despite = '', isReady = true }: Stage = {}) {
	const course = courseOf(record);
	const composition = compose({
		old: before,
		next: after,
		stageOf: (object) => lines.of(next.mesh).stageOf(object, { from: old.mesh.release, to: next.mesh.release }),
		sourceOf: (stage) => sourceOf(course, stage),
	});
	const workload: Workload = {
		generation: 1,
		observedGeneration: 1,
		desired: 1,
		total: 1,
		updated: isReady ? 1 : 0,
		ready: 1,
		available: 1,
		stalled: undefined,
		podsRefused: undefined,
		isRolledOut: true,
		version: undefined,
		images: [],
		secrets: [],
		configMaps: [],
		ownsReplicas: true,
		remoteSecrets: undefined,
		remoteSecretsSince: undefined,
		isReplicasSaid: true,
	};
	const pod = { name: 'a', images: [], template: 'x', isOver: false, endsAt: undefined, address: '10.0.0.1' };
	const base = installation({ version: '1.4.10', profile: 'default', upgrade: { progressDeadline: '1m' } });
	const object = {
		...(base as KubeObject),
		metadata: { name: 'default', uid: 'one', annotations: { [upgradeDespiteAnnotation]: despite } },
	} as unknown as StoredInstallation;
	const prepared = prepare(base, { lines });
	if (!prepared.ok) throw new Error(JSON.stringify(prepared.problems));
	const asked: WordQuestion[] = [];
	const memory = { apply: emptyMemory(), walk: emptyWalkMemory() };
	const pass = (ticksMs: number) =>
		nextStep({
			object,
			prepared,
			walk: { course, isNew: false, blockers: [], old, likely: undefined, next, noTarget: undefined, leading: next },
			view: { ...after, objects: composition.objects, composition } as unknown as WalkView,
			applied: { objects: 1, hash: 'all', gate: undefined, changed: [], errors: [], againInMs: undefined },
			findings: [],
			live: { get: (key) => ({ workload, key }) as unknown as Child },
			pods: {
				troubleOf: () => undefined,
				podsOf: () => [pod as unknown as PodFacts],
				isRefused: false,
			},
			clusters: [],
			restarts: undefined,
			memory,
			checks: { of: () => [], forget: () => {} },
			proxiesOf: () => ({ running: undefined, unknown: undefined }),
			words: lines.of(next.mesh).ownWords(next.mesh),
			ownWords: {
				of: (_, question) => {
					asked.push(question);
					return word;
				},
			},
			nowMs: Date.parse('2026-12-05T02:00:30Z'),
			ticksMs,
		});
	const first = pass(0);
	if (!isLate) return { ...first, asked };
	for (let seconds = 20; seconds < 60; seconds += 20) pass(seconds * 1_000);
	return { ...pass(60_000), asked };
}

function planned(step: ReturnType<typeof stepWith>, stage: string) {
	return step.record?.plan?.find((one) => one.stage === stage);
}

const rejects: Word = { kind: 'against', sentence: 'pod a has counted rejects' };

test('a stage whose pods say nothing against it is over; they are asked once these are ready, with their addresses', (t) => {
	const step = stepWith({ kind: 'fine' });
	t.like(step.record, { stage: 'Mixer', state: 'Progressing' });
	t.is(planned(step, 'Pilot')?.message, undefined);
	t.is(step.asked.length, 1);
	t.like(step.asked[0], { word: { stage: 'Pilot', port: 15014 }, pods: [{ name: 'a', address: '10.0.0.1' }] });
	t.deepEqual(stepWith({ kind: 'fine' }, { isReady: false }).asked, []);
});

test('while pods are asked the stage waits, and says so', (t) => {
	t.like(stepWith({ kind: 'asking' }).record, {
		stage: 'Pilot',
		state: 'Progressing',
		waitingFor: 'Deployment istio-pilot: its pods are asked themselves',
	});
});

test('a word that could not be heard holds nothing up, and the plan says why, also when the stage is over', (t) => {
	const step = stepWith({ kind: 'unheard', sentence: 'no connection' });
	t.is(step.record?.stage, 'Mixer');
	t.regex(planned(step, 'Pilot')?.message ?? '', /own word could not be heard: no connection$/);
	const later = stepWith({ kind: 'fine' }, { record: step.record ?? startOfPilot });
	t.regex(planned(later, 'Pilot')?.message ?? '', /own word could not be heard: no connection$/);
});

test('rejects let the stage wait and then be held by their own reason, unless its owner insists', (t) => {
	t.like(stepWith(rejects).record, { stage: 'Pilot', state: 'Progressing', waitingFor: rejects.sentence });
	const late = stepWith(rejects, { isLate: true });
	t.like(late.record, { stage: 'Pilot', state: 'Held' });
	t.is(late.trouble?.reason, 'ConfigurationRejected');
	t.regex(late.trouble?.message ?? '', /pod a has counted rejects/);
});

test('rejects on which its owner insists hold nothing up, and are told once in the status, for an Event of its own', (t) => {
	const { record } = stepWith(rejects, { despite: 'configuration-rejected' });
	t.is(record?.stage, 'Mixer');
	const message = /^Deployment istio-pilot: pod a has counted rejects: Mend the object/;
	t.like(record?.findings, { 0: { name: 'configuration-rejected', severity: 'Insisted' }, length: 1 });
	t.regex(record?.findings?.[0]?.message ?? '', message);
	const grown: Word = { kind: 'against', sentence: 'pod a has counted more' };
	const again = { ...(record ?? startOfPilot), stage: 'Pilot' };
	t.deepEqual(stepWith(grown, { record: again, despite: 'configuration-rejected' }).record?.findings, record?.findings);
});

test('a webhook that does not answer holds its stage, whatever its owner insists on about Pilot', (t) => {
	const record: UpgradeRecord = { ...startOfPilot, stage: 'Injector' };
	const late = stepWith(rejects, { record, isLate: true, despite: 'configuration-rejected' });
	t.like(late.record, { stage: 'Injector', state: 'Held' });
	t.is(late.trouble?.reason, 'UpgradeHeld');
	t.like(late.asked[0], { word: { kind: 'webhook', path: '/inject' } });
});

test('a stage that waits to be followed by the next one is over, and the way back asks nobody', (t) => {
	t.deepEqual(stepWith(rejects, { record: { ...startOfPilot, state: 'WaitingForApproval' } }).asked, []);
	t.deepEqual(stepWith(rejects, { record: { ...startOfPilot, state: 'RollingBack' } }).asked, []);
});
