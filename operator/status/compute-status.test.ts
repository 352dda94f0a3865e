import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { clusterReasons, conditionTypes, type ParsedStatus, reasons } from '../../api/v1/index.ts';
import { status as statusSchema } from '../../api/v1/schema/status.ts';
import { computeStatus, type Observation } from './compute-status.ts';
import type { Finding } from './finding.ts';
import {
	after,
	authorities,
	condition,
	inventory,
	kstatus,
	observation,
	observed,
	sequence,
	verdict,
	workload,
} from './testing.ts';

function finding(differences: Partial<Finding> = {}): Finding {
	return { condition: 'Installed', reason: 'ApplyFailed', message: 'refused', isStalled: true, ...differences };
}

const invalid = finding({ condition: 'Valid', reason: 'Invalid', message: 'spec.x: wrong' });
const incompatible = finding({
	condition: 'Compatible',
	reason: 'UnsupportedVersion',
	message: 'spec.version: unknown',
});
const unavailable = finding({ reason: 'ApiServerUnavailable', message: 'no answer', isStalled: false });
const starting = workload({ isRolledOut: false, available: 0, updated: 0, total: 0 });
const notFound = { workloads: [observed(undefined)], inventory: undefined };

const table: readonly [
	title: string,
	differences: Partial<Observation>,
	phase: string,
	Ready: string,
	Reconciling: string | undefined,
	Stalled: string | undefined,
][] = [
	['all as asked', {}, 'Ready', 'True/Ready', undefined, undefined],
	['invalid', { findings: [invalid] }, 'Invalid', 'False/Invalid', undefined, 'True/Invalid'],
	[
		'incompatible',
		{ findings: [incompatible] },
		'Incompatible',
		'False/UnsupportedVersion',
		undefined,
		'True/UnsupportedVersion',
	],
	[
		'invalid and incompatible',
		{ findings: [incompatible, invalid] },
		'Invalid',
		'False/Invalid',
		undefined,
		'True/UnsupportedVersion',
	],
	[
		'refused',
		{ findings: [finding()], inventory: undefined },
		'Stalled',
		'False/ApplyFailed',
		undefined,
		'True/ApplyFailed',
	],
	[
		'not answered',
		{ findings: [unavailable], inventory: undefined },
		'Degraded',
		'False/ApiServerUnavailable',
		'True/Progressing',
		undefined,
	],
	[
		'a gate is closed',
		{ gate: 'waiting', inventory: undefined, workloads: [observed(undefined)] },
		'Installing',
		'Unknown/Progressing',
		'True/Progressing',
		undefined,
	],
	[
		'not written yet',
		{ inventory: undefined, workloads: [] },
		'Installing',
		'Unknown/Progressing',
		'True/Progressing',
		undefined,
	],
	[
		'pods are starting',
		{ workloads: [observed(starting)] },
		'Installing',
		'Unknown/Progressing',
		'True/Progressing',
		undefined,
	],
	['not there yet', notFound, 'Installing', 'Unknown/Progressing', 'True/Progressing', undefined],
	[
		'readiness unknown',
		{ workloads: [observed('unknown')] },
		'Installing',
		'Unknown/ReadinessUnknown',
		'True/Progressing',
		undefined,
	],
	[
		'out',
		{ workloads: [observed(workload({ available: 0 }))] },
		'Degraded',
		'False/ComponentNotReady',
		undefined,
		undefined,
	],
	[
		'scaled to zero',
		{ workloads: [observed(workload({ desired: 0 }))] },
		'Degraded',
		'False/ScaledToZero',
		undefined,
		undefined,
	],
	[
		'stalled',
		{ workloads: [observed(workload({ stalled: 'ProgressDeadlineExceeded' }))] },
		'Stalled',
		'False/ProgressDeadlineExceeded',
		undefined,
		'True/ProgressDeadlineExceeded',
	],
	[
		'paused, all as rendered',
		{ paused: { differing: 0 }, inventory: undefined },
		'Paused',
		'True/Ready',
		undefined,
		undefined,
	],
	[
		'paused, something differs',
		{ paused: { differing: 2 }, inventory: undefined },
		'Paused',
		'False/Paused',
		undefined,
		undefined,
	],
	[
		'deleting, while an API server does not answer',
		{ deleting: 'waiting', findings: [{ ...unavailable, isPassing: true }] },
		'Deleting',
		'False/Deleting',
		'True/Deleting',
		undefined,
	],
	[
		'deleting, and refused',
		{ deleting: 'waiting', findings: [finding()] },
		'Deleting',
		'False/DeletionFailed',
		'True/DeletionFailed',
		undefined,
	],
];
for (const [title, differences, phase, Ready, Reconciling, Stalled] of table) {
	test(`${title}: ${phase}, Ready ${Ready}`, (t) => {
		const status = computeStatus(observation(differences));
		t.deepEqual(
			[status.phase, verdict(status, 'Ready'), verdict(status, 'Reconciling'), verdict(status, 'Stalled')],
			[phase, Ready, Reconciling, Stalled],
		);
	});
}

test('the conditions that say which part is why go with their findings', (t) => {
	const parts = (differences: Partial<Observation>) => {
		const status = computeStatus(observation(differences));
		return ['Valid', 'Compatible', 'Installed', 'UpToDate'].map((type) => condition(status, type)?.status);
	};
	t.deepEqual(parts({}), ['True', 'True', 'True', 'True']);
	t.deepEqual(parts({ findings: [invalid] }), ['False', 'Unknown', 'Unknown', 'Unknown']);
	t.deepEqual(parts({ findings: [incompatible] }), ['True', 'False', 'Unknown', 'Unknown']);
	t.deepEqual(parts({ findings: [finding()], inventory: undefined }), ['True', 'True', 'False', 'Unknown']);
	t.deepEqual(parts({ gate: 'x', inventory: undefined }), ['True', 'True', 'False', 'True']);
	t.deepEqual(parts({ workloads: [observed(starting)] }), ['True', 'True', 'True', 'False']);
	t.deepEqual(parts({ workloads: [observed('unknown')] }), ['True', 'True', 'True', 'Unknown']);
	t.deepEqual(parts({ paused: { differing: 1 } }), ['True', 'True', 'False', 'True']);
});

test('what keeps a deletion from going on is told with what it waits for', (t) => {
	const status = computeStatus(observation({ deleting: 'waiting for Service a/b', findings: [finding()] }));
	for (const type of ['Ready', 'Installed', 'Reconciling'])
		t.is(condition(status, type)?.message, 'waiting for Service a/b; refused');
});

test('the reason of Ready names the worst component, its message all that are in that state', (t) => {
	const components = [
		observed(workload(), { component: 'pilot' }),
		observed(starting, { component: 'mixer', object: 'Deployment a/mixer' }),
		observed(workload({ available: 0 }), { component: 'citadel', object: 'Deployment a/citadel' }),
		observed(workload({ desired: 0 }), { component: 'galley', object: 'Deployment a/galley' }),
	];
	const ready = condition(computeStatus(observation({ workloads: components })), 'Ready');
	t.is(ready?.reason, 'ComponentNotReady');
	t.regex(ready?.message ?? '', /a\/citadel.*; Deployment a\/galley/);
	const stalled = [...components, observed(workload({ stalled: 'x' }), { component: 'injector' })];
	t.is(condition(computeStatus(observation({ workloads: stalled })), 'Ready')?.reason, 'ProgressDeadlineExceeded');
	const unknown = [...stalled, observed('unknown', { component: 'gateway' })];
	t.is(verdict(computeStatus(observation({ workloads: unknown })), 'Ready'), 'Unknown/ReadinessUnknown');
});

test('the generation that was looked at is told in every state, also while invalid, paused or going', (t) => {
	for (const [title, differences] of table) {
		const status = computeStatus(observation({ ...differences, generation: 7 }));
		t.is(status.observedGeneration, 7, title);
		for (const { observedGeneration } of status.conditions ?? []) t.is(observedGeneration, 7, title);
	}
});

test('a first installation goes from Installing to Ready, and no tool takes it for ready before or for failed', (t) => {
	const statuses = sequence(
		{ gate: 'waiting for CRDs', inventory: undefined, workloads: [observed(undefined)] },
		notFound,
		{
			workloads: [
				observed(workload({ observedGeneration: 0, isRolledOut: false, updated: 0, total: 0, available: 0 })),
			],
		},
		{ workloads: [observed(starting)] },
		{ workloads: [observed(workload({ isRolledOut: false, available: 0 }))] },
		{ workloads: [observed(workload({ isRolledOut: false, desired: 2, available: 1 }))] },
		{},
	);
	t.deepEqual(
		statuses.map(({ phase }) => phase),
		[...Array.from({ length: 6 }, () => 'Installing'), 'Ready'],
	);
	t.deepEqual(
		statuses.map((status) => kstatus(1, status)),
		[...Array.from({ length: 6 }, () => 'InProgress'), 'Current'],
	);
	t.deepEqual(
		[undefined, { observedGeneration: -1 }].map((status) => kstatus(1, status)),
		['InProgress', 'InProgress'],
	);
	t.true(statuses.slice(0, -1).every(({ version }) => version === undefined));
	t.is(statuses.at(-1)?.version, '1.4.10');
});

test('what was ready and degrades is not ready, with the reason; it stays so through the comings and goings of its pods', (t) => {
	const statuses = sequence(
		{},
		{ workloads: [observed(workload({ available: 0, updated: 0, total: 0 }))] },
		{ workloads: [observed(workload({ available: 0 }))] },
		{},
		{ workloads: [observed(workload({ desired: 2, available: 1 }))] },
		{ workloads: [observed(undefined)] },
		{},
	);
	t.deepEqual(
		statuses.map((status) => verdict(status, 'Ready')),
		[
			'True/Ready',
			'False/ComponentNotReady',
			'False/ComponentNotReady',
			'True/Ready',
			'False/PartlyReady',
			'False/DeploymentNotFound',
			'True/Ready',
		],
	);
	t.true(statuses.every((status) => kstatus(1, status) !== 'Failed'));
});

test('pods that an autoscaler adds are progress, not a failure', (t) => {
	const [, growing, started] = sequence(
		{ workloads: [observed(workload({ desired: 2 }))] },
		{ workloads: [observed(workload({ desired: 3, updated: 2, total: 2, available: 2 }))] },
		{ workloads: [observed(workload({ desired: 3, available: 2 }))] },
	);
	for (const status of [growing, started]) t.is(status && verdict(status, 'Ready'), 'Unknown/Progressing');
});

test('an upgrade tells the version that runs until all components run the new one', (t) => {
	const step = { generation: 2, version: '1.4.10' };
	const old = {
		version: '1.3.8',
		workloads: [observed(workload({ images: ['i:1.3.8'] }), { image: 'i:1.3.8', version: '1.3.8' })],
	};
	const rolling = workload({ generation: 2, observedGeneration: 2, isRolledOut: false, desired: 2, updated: 1 });
	const statuses = sequence(
		old,
		{ ...step, workloads: [observed(workload({ generation: 2 }))] },
		{ ...step, workloads: [observed(rolling)] },
		{ ...step, workloads: [observed(workload({ generation: 2, observedGeneration: 2, desired: 2 }))] },
	);
	t.deepEqual(
		statuses.map(({ version, phase }) => `${version} ${phase}`),
		['1.3.8 Ready', '1.3.8 Updating', '1.3.8 Updating', '1.4.10 Ready'],
	);
	t.deepEqual(
		statuses.map((status) => verdict(status, 'UpToDate')),
		['True/UpToDate', 'False/Outdated', 'False/Outdated', 'True/UpToDate'],
	);
});

test('lastTransitionTime moves when the status of a condition changes, and at no other time', (t) => {
	const [first, refused, again, healed] = sequence({}, { findings: [finding()] }, { findings: [unavailable] }, {});
	const since = (status: ParsedStatus | undefined, type: string) =>
		status === undefined ? undefined : condition(status, type)?.lastTransitionTime;
	t.is(since(first, 'Ready'), '2026-01-01T00:00:00Z');
	t.is(since(refused, 'Ready'), '2026-01-01T00:01:00Z');
	t.is(since(again, 'Ready'), '2026-01-01T00:01:00Z', 'another reason, the same status');
	t.is(again && verdict(again, 'Ready'), 'False/ApiServerUnavailable');
	t.is(since(healed, 'Ready'), '2026-01-01T00:03:00Z');
	for (const status of [first, refused, again, healed]) t.is(since(status, 'Valid'), '2026-01-01T00:00:00Z');
});

test('counts are sums over all components, and absent where one could not be counted', (t) => {
	const ready = (...lives: Parameters<typeof observed>[0][]) =>
		computeStatus(observation({ workloads: lives.map((live, index) => observed(live, { component: `c${index}` })) }));
	t.is(ready(workload({ desired: 2 }), workload({ desired: 3, available: 1 })).ready, '3/5');
	t.false('ready' in ready(workload(), undefined));
	t.false('ready' in ready(workload(), 'unknown'));
	t.false('ready' in computeStatus(observation({ workloads: undefined })));
});

test('where nothing can be rendered, what the status said of components and inventory stays', (t) => {
	const first = computeStatus(observation());
	const second = computeStatus(after(first, { findings: [invalid], workloads: undefined, inventory: undefined }));
	t.deepEqual(second.components, first.components);
	t.deepEqual(second.inventory, inventory);
	t.is(second.version, '1.4.10');
	t.is(second.ready, '1/1');
});

const anyFinding = fc.record({
	condition: fc.constantFrom('Valid', 'Compatible', 'Installed'),
	reason: fc.constantFrom('Invalid', 'UnsupportedVersion', 'ForeignObject', 'ApiServerUnavailable'),
	message: fc.constantFrom('a', 'b'),
	isStalled: fc.boolean(),
}) satisfies fc.Arbitrary<Finding>;
const count = fc.nat(2);
const anyWorkload = fc.record({
	generation: count,
	observedGeneration: count,
	desired: count,
	total: count,
	updated: count,
	ready: count,
	available: count,
	stalled: fc.constantFrom(undefined, 'ProgressDeadlineExceeded'),
	podsRefused: fc.constantFrom(undefined, 'exceeded quota'),
	isRolledOut: fc.boolean(),
	images: fc.constantFrom(['istio/pilot:1.4.10'], ['mirror.example/istio/pilot:1.4.10'], ['istio/pilot:1.3.8']),
});
const anyTrouble = fc.constantFrom(undefined, { reason: 'ContainerCrashes', message: 'exit code 1' });
const anyWorkloads = fc.array(fc.oneof(anyWorkload, fc.constantFrom(undefined, 'unknown' as const)), { maxLength: 3 });
const anyStep: fc.Arbitrary<Partial<Observation>> = fc.record(
	{
		generation: fc.integer({ min: 1, max: 2 }),
		findings: fc.array(anyFinding, { maxLength: 2 }),
		gate: fc.constantFrom(undefined, 'waiting'),
		paused: fc.option(fc.record({ differing: count }), { nil: undefined }),
		deleting: fc.option(fc.constant('going'), { nil: undefined, freq: 5 }),
		version: fc.constantFrom(undefined, '1.4.10'),
		changed: fc.constantFrom(undefined, 'something at admission changes what is written'),
		webhooks: fc.constantFrom(undefined, [], ['MutatingWebhookConfiguration old does not answer']),
		wrongObjects: fc.constantFrom(undefined, { count: 0, names: [] }, { count: 2, names: ['VirtualService shop/web'] }),
		certificateAuthority: fc.constantFrom(undefined, 'none' as const, ...authorities),
		inventory: fc.constantFrom(undefined, inventory),
		workloads: fc.option(
			fc
				.tuple(anyWorkloads, anyTrouble)
				.map(([lives, podTrouble]) =>
					lives.map((live, index) => observed(live, { component: `c${index}`, podTrouble })),
				),
			{ nil: undefined, freq: 5 },
		),
	},
	{ requiredKeys: [] },
);
const anyHistory = fc.array(anyStep, { minLength: 1, maxLength: 4 });

test('wrong objects of users are told, and the mesh is as ready as before; what is not known stays as it was said', (t) => {
	const wrongObjects = { count: 7, names: ['VirtualService shop/web', 'Gateway shop/edge'] };
	const [clean, told, unknown, mended] = sequence({}, { wrongObjects }, {}, { wrongObjects: { count: 0, names: [] } });
	t.is(
		clean?.conditions?.find(({ type }) => type === 'ObjectsValid'),
		undefined,
	);
	for (const status of [told, unknown]) {
		t.like(
			status?.conditions?.find(({ type }) => type === 'ObjectsValid'),
			{ status: 'False', reason: 'ObjectsWrong' },
		);
		t.is(status?.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
	}
	t.regex(
		told?.conditions?.find(({ type }) => type === 'ObjectsValid')?.message ?? '',
		/^VirtualService shop\/web, Gateway shop\/edge, and 5 more: .*meshwright validate/,
	);
	t.is(
		mended?.conditions?.find(({ type }) => type === 'ObjectsValid'),
		undefined,
	);
});

test('the same observation again gives a deeply equal status, whatever came before', (t) => {
	fc.assert(
		fc.property(anyHistory, (steps) => {
			const last = sequence(...steps).at(-1);
			const step = steps.at(-1);
			if (last === undefined || step === undefined) return;
			t.deepEqual(computeStatus(after(last, { ...step, now: '2030-01-01T00:00:00Z' })), last);
		}),
		{ numRuns: 500 },
	);
});

test('every status fits the API, uses listed reasons and types, and keeps the rules of kstatus', (t) => {
	fc.assert(
		fc.property(anyHistory, (steps) => {
			for (const [index, status] of sequence(...steps).entries()) {
				const step = observation(steps[index]);
				t.true(statusSchema.safeParse(status).success);
				const types = (status.conditions ?? []).map(({ type }) => type);
				t.is(new Set(types).size, types.length);
				for (const entry of status.conditions ?? []) {
					t.true((conditionTypes as readonly string[]).includes(entry.type));
					t.true(Object.hasOwn(reasons, entry.reason), entry.reason);
					t.not(entry.message, '');
				}
				for (const { reason } of status.components ?? [])
					t.true(reason === undefined || Object.hasOwn(reasons, reason));
				const [ready, reconciling, stalled] = ['Ready', 'Reconciling', 'Stalled'].map(
					(type) => condition(status, type)?.status,
				);
				t.true([undefined, 'True'].includes(reconciling) && [undefined, 'True'].includes(stalled));
				t.false(reconciling === 'True' && stalled === 'True');
				t.is(ready === 'True', kstatus(step.generation, status) === 'Current');
				const upToDate = condition(status, 'UpToDate')?.status;
				t.false(ready === 'True' && upToDate === 'False', 'Ready and UpToDate tell one story');
				if (ready === 'True') {
					t.is(reconciling ?? stalled, undefined);
					t.deepEqual(step.findings, []);
					t.true(step.gate === undefined || step.paused !== undefined);
				}
				if (ready === 'Unknown' && step.paused === undefined && stalled === undefined) t.is(reconciling, 'True');
				if (kstatus(step.generation, status) === 'Failed') {
					const isStuck = step.findings.some(({ isStalled }) => isStalled);
					const lives = (step.workloads ?? []).map(({ live }) => live);
					t.true(isStuck || lives.some((live) => typeof live === 'object' && live.stalled !== undefined));
				}
			}
		}),
		{ numRuns: 500 },
	);
});

test('every reason in the code that writes conditions is in the table of reasons', (t) => {
	const folder = join(import.meta.dirname, '..');
	const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
		.filter((file) => /^(apply|status|plan|releases|clusters|mesh)\/.*\.ts$/.test(file))
		.filter((file) => !/\.test\.ts$|testing\.ts$|status\/(transitions|upgrade-events)\.ts$/.test(file));
	const used = new Set<string>();
	for (const file of files) {
		const source = readFileSync(join(folder, file), 'utf8');
		for (const [, reason] of source.matchAll(/reason: '([A-Z][A-Za-z]+)'/g)) used.add(reason ?? '');
		for (const [, reason] of source.matchAll(/new (?:Invalid|Blocked)Error\(\s*'([A-Z][A-Za-z]+)'/g))
			used.add(reason ?? '');
	}
	t.true(used.has('ForeignObject') && used.has('NamespaceTaken') && used.has('LoopDetected') && used.size > 15);
	// These are reasons of Events, not of conditions.
	const ofEvents = [
		'DriftRepaired',
		'ClusterLeaving',
		'ClusterLeft',
		'ClusterLeftBehind',
		'ClusterPublished',
		'CredentialsRotated',
	];
	const known = [...Object.keys(reasons), ...Object.keys(clusterReasons), ...ofEvents];
	t.deepEqual(
		[...used].filter((reason) => !known.includes(reason)),
		[],
	);
});
