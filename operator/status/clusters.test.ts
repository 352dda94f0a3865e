import test from 'ava';
import fc from 'fast-check';
import type { ClusterObservation, ParsedStatus } from '../../api/v1/index.ts';
import { status as statusSchema } from '../../api/v1/schema/status.ts';
import { type ClustersObservation, clustersStatus, clustersVerdict } from './clusters.ts';
import { describeTransitions } from './transitions.ts';

type ClusterStatus = NonNullable<ParsedStatus['clusters']>[number];

const first = '2026-01-01T00:00:00Z';
const later = '2026-01-01T01:00:00Z';

/** A cluster that is as it should be, but for these differences. */
function joined(differences: Partial<ClusterObservation> = {}): ClusterObservation {
	return {
		name: 'a',
		role: 'Remote',
		state: 'Joined',
		reachable: 'yes',
		latency: 'under 10ms',
		id: 'uid-a',
		serverVersion: 'v1.36.0',
		podCIDRs: ['10.1.0.0/16'],
		serviceCIDRs: ['10.2.0.0/16'],
		services: 12,
		endpoints: 30,
		problems: [],
		secret: 'istio-system/istio-remote-secret-a',
		credentials: { expire: '2026-02-01T00:00:00Z', state: 'valid' },
		inventory: { objects: 4, hash: 'h' },
		...differences,
	};
}

/** A cluster that is on its way into the mesh, with differences. */
function joining(differences: Partial<ClusterObservation> = {}): ClusterObservation {
	const { secret: _, credentials: __, ...rest } = joined({ state: 'Joining' });
	return { ...rest, ...differences };
}

function of(...seen: readonly ClusterObservation[]): ClustersObservation {
	return { listed: seen.map(({ name, role }) => ({ name, role })), seen, leaving: [], leftBehind: [] };
}

/** What the status then says. */
function told(observation: ClustersObservation | undefined, previous?: ParsedStatus, now = first): ParsedStatus {
	const clusters = clustersStatus(observation, { generation: 1, now, previous });
	const verdict = clustersVerdict(observation, clusters, previous);
	const about = { type: 'ClustersJoined', observedGeneration: 1, lastTransitionTime: now };
	return { ...clusters, ...(verdict === undefined ? {} : { conditions: [{ ...about, ...verdict }] }) };
}

function conditionsOf(status: ParsedStatus, cluster = 'a'): Readonly<Record<string, string>> {
	const { conditions = [] } = status.clusters?.find(({ name }) => name === cluster) ?? {};
	return Object.fromEntries(conditions.map(({ type, status: is, reason }) => [type, `${is}/${reason}`]));
}

function messageOf(status: ParsedStatus, type: string, cluster = 'a'): string | undefined {
	const { conditions = [] } = status.clusters?.find(({ name }) => name === cluster) ?? {};
	return conditions.find((condition) => condition.type === type)?.message;
}

const silence = { reason: 'Unreachable', message: 'silence' } as const;
const overlap = { reason: 'AddressesOverlap', message: '10.0.0.0/8 and 10.1.0.0/16 overlap.' } as const;
const refused = { reason: 'RemoteApplyFailed', message: '403' } as const;

const table: readonly [what: string, seen: ClusterObservation, conditions: Readonly<Record<string, string>>][] = [
	[
		'all is as asked',
		joined(),
		{
			Ready: 'True/Ready',
			Reachable: 'True/Reachable',
			Compatible: 'True/Compatible',
			Joined: 'True/Joined',
			CredentialsValid: 'True/CredentialsValid',
		},
	],
	[
		'on its way',
		joining(),
		{
			Ready: 'Unknown/Joining',
			Reachable: 'True/Reachable',
			Compatible: 'True/Compatible',
			Joined: 'False/NotJoined',
			CredentialsValid: 'False/NoCredentials',
		},
	],
	[
		'not looked at yet',
		joining({ reachable: 'unknown' }),
		{ Ready: 'Unknown/NotLookedAt', Reachable: 'Unknown/NotLookedAt' },
	],
	[
		'silent before it joined',
		joining({ reachable: 'no', reachProblem: silence }),
		{ Ready: 'False/Unreachable', Reachable: 'False/Unreachable', Joined: 'False/NotJoined' },
	],
	[
		'silent, and joined',
		joined({ reachable: 'no', reachProblem: silence }),
		{
			Ready: 'False/Unreachable',
			Reachable: 'False/Unreachable',
			Joined: 'True/Joined',
			CredentialsValid: 'True/CredentialsValid',
		},
	],
	[
		'its kubeconfig can not be read here',
		joined({ reachable: 'no', reachProblem: { reason: 'KubeconfigUnreadable', message: 'x' } }),
		{ Ready: 'Unknown/KubeconfigUnreadable', Reachable: 'Unknown/KubeconfigUnreadable', Joined: 'True/Joined' },
	],
	[
		'refused by the checks',
		joining({ problems: [overlap, { reason: 'PermissionsMissing', message: 'get nodes.' }] }),
		{ Ready: 'False/AddressesOverlap', Compatible: 'False/AddressesOverlap', Joined: 'False/NotJoined' },
	],
	[
		'a rule is broken after it joined',
		joined({ problems: [overlap] }),
		{ Ready: 'False/AddressesOverlap', Compatible: 'False/AddressesOverlap', Joined: 'True/Joined' },
	],
	[
		'not checked yet',
		joining({ problems: undefined } as never),
		{ Ready: 'Unknown/Joining', Compatible: 'Unknown/NotChecked' },
	],
	[
		'work there fails',
		joining({ joinProblem: refused }),
		{ Ready: 'False/RemoteApplyFailed', Joined: 'False/RemoteApplyFailed' },
	],
	[
		'work there fails after it joined',
		joined({ joinProblem: refused }),
		{ Ready: 'False/RemoteApplyFailed', Joined: 'True/Joined', CredentialsValid: 'True/CredentialsValid' },
	],
	[
		'paused',
		joining({ joinProblem: { reason: 'Paused', message: 'x' } }),
		{ Ready: 'False/Paused', Joined: 'False/Paused' },
	],
	[
		'a token that should have been renewed',
		joined({ credentials: { expire: later, state: 'late' } }),
		{ Ready: 'True/Ready', CredentialsValid: 'True/CredentialsExpiring' },
	],
	[
		'a token that has ended',
		joined({ credentials: { expire: later, state: 'expired' } }),
		{ Ready: 'False/CredentialsExpired', CredentialsValid: 'False/CredentialsExpired', Joined: 'True/Joined' },
	],
	[
		'a data plane that is there',
		joined({ dataPlane: {} }),
		{ Ready: 'True/Ready', DataPlaneReady: 'True/DataPlaneReady' },
	],
	[
		'a data plane that waits',
		joined({ dataPlane: { waiting: 'for its injector' } }),
		{ Ready: 'Unknown/DataPlaneProgressing', DataPlaneReady: 'Unknown/DataPlaneProgressing' },
	],
	[
		'a data plane whose pods no node takes',
		joined({ dataPlane: { waiting: 'for its pods', cause: 'PodsUnschedulable' } }),
		{ Ready: 'Unknown/PodsUnschedulable', DataPlaneReady: 'Unknown/PodsUnschedulable' },
	],
	[
		'a data plane that is out',
		joined({ dataPlane: { problem: { reason: 'DataPlaneDegraded', message: 'x' } } }),
		{ Ready: 'False/DataPlaneDegraded', DataPlaneReady: 'False/DataPlaneDegraded' },
	],
	[
		'a webhook of somebody else that is dead there',
		joined({ dataPlane: { webhooks: { dead: ['x is dead'], unseen: [] } } }),
		{ Ready: 'False/WebhookDead', DataPlaneReady: 'True/DataPlaneReady', WebhooksAnswer: 'False/WebhookDead' },
	],
	[
		'webhooks there that may not be read',
		joined({ dataPlane: { webhooks: { dead: [], unseen: ['endpointslices.discovery.k8s.io'] } } }),
		{ Ready: 'True/Ready', DataPlaneReady: 'True/DataPlaneReady', WebhooksAnswer: 'Unknown/WebhooksUnseen' },
	],
	[
		'leaving',
		joining({ state: 'Leaving', waiting: 'for Pilot' }),
		{ Ready: 'False/Leaving', Joined: 'False/Leaving', CredentialsValid: 'False/NoCredentials' },
	],
];
for (const [what, seen, conditions] of table) {
	test(`${what}: Ready is ${conditions.Ready}`, (t) => {
		const status = told(of(seen));
		t.like(conditionsOf(status), conditions);
		t.is('DataPlaneReady' in conditionsOf(status), seen.dataPlane !== undefined);
		t.notThrows(() => statusSchema.parse(status));
	});
}

test('what is said of webhooks there stays while it is not known, and goes when none is dead', (t) => {
	const dead = told(of(joined({ dataPlane: { webhooks: { dead: ['x is dead'], unseen: [] } } })));
	const unknown = told(of(joined({ dataPlane: {} })), dead);
	t.is(conditionsOf(unknown).WebhooksAnswer, 'False/WebhookDead');
	const well = told(of(joined({ dataPlane: { webhooks: { dead: [], unseen: [] } } })), unknown);
	t.false('WebhooksAnswer' in conditionsOf(well));
	t.is(conditionsOf(well).Ready, 'True/Ready');
});

test('all problems that the checks found are told, the first gives the reason', (t) => {
	const status = told(of(joining({ problems: [overlap, { reason: 'PermissionsMissing', message: 'get nodes.' }] })));
	t.is(messageOf(status, 'Compatible'), `${overlap.message} get nodes.`);
});

const problem = fc.constantFrom(silence, overlap, refused);
const observation: fc.Arbitrary<ClusterObservation> = fc
	.record(
		{
			state: fc.constantFrom('Joining' as const, 'Joined' as const, 'Leaving' as const),
			reachable: fc.constantFrom('unknown' as const, 'yes' as const, 'no' as const),
			reachProblem: problem,
			lastSuccess: fc.constant(first),
			latency: fc.constant('under 10ms'),
			id: fc.constant('uid'),
			serverVersion: fc.constant('v1.36.0'),
			network: fc.constant('n'),
			services: fc.nat({ max: 9 }),
			gateways: fc.constant(['1.2.3.4']),
			problems: fc.array(problem, { maxLength: 2 }),
			secret: fc.constant('istio-system/istio-remote-secret-a'),
			joinProblem: problem,
			waiting: fc.constant('waits'),
			credentials: fc.record({
				expire: fc.constant(later),
				state: fc.constantFrom('valid' as const, 'late' as const, 'expired' as const),
			}),
			dataPlane: fc.record(
				{
					problem,
					waiting: fc.constant('x'),
					note: fc.constant('y'),
					webhooks: fc.record({
						dead: fc.array(fc.constant('z'), { maxLength: 1 }),
						unseen: fc.array(fc.constant('u'), { maxLength: 1 }),
					}),
				},
				{ requiredKeys: [] },
			),
		},
		{ requiredKeys: ['state', 'reachable'] },
	)
	.map((seen) => ({ name: 'a', role: 'Remote', ...seen }));

test('an equal observation gives a deeply equal status, however much time has passed', (t) => {
	fc.assert(
		fc.property(observation, observation, (before, seen) => {
			const status = told(of(seen), told(of(before)));
			t.deepEqual(clustersStatus(of(seen), { generation: 1, now: later, previous: status }), {
				clusters: status.clusters,
				joinedClusters: status.joinedClusters,
			});
			t.deepEqual(describeTransitions(status, told(of(seen), status, later)), []);
		}),
	);
});

test('the time of a transition moves when the status of a condition does, and only then', (t) => {
	fc.assert(
		fc.property(observation, observation, (before, seen) => {
			const old = told(of(before));
			const status = told(of(seen), old, later);
			for (const { type, status: is, lastTransitionTime } of status.clusters?.[0]?.conditions ?? []) {
				const was = old.clusters?.[0]?.conditions?.find((condition) => condition.type === type);
				t.is(lastTransitionTime, was?.status === is ? first : later);
			}
		}),
	);
});

test('a status is one that the definition takes, whatever is seen', (t) => {
	fc.assert(
		fc.property(observation, observation, (before, seen) => {
			t.notThrows(() => statusSchema.parse(told(of(seen), told(of(before)), later)));
		}),
	);
});

test('after a restart nothing is denied before it was looked at', (t) => {
	const before = told(of(joined({ name: 'a' }), joined({ name: 'b', reachable: 'no', reachProblem: silence })));
	const listed = [
		{ name: 'a', role: 'Remote' },
		{ name: 'b', role: 'Remote' },
		{ name: 'c', role: 'Remote' },
	];
	const status = told({ listed, seen: [], leaving: [], leftBehind: [] }, before, later);
	t.deepEqual(status.clusters?.slice(0, 2), before.clusters);
	t.is(status.joinedClusters, '2/3');
	t.deepEqual(conditionsOf(status, 'c'), { Ready: 'Unknown/NotLookedAt', Reachable: 'Unknown/NotLookedAt' });
	// A pass that did not look repeats what was said.
	t.deepEqual(told(undefined, before, later), before);
});

test('what a look did not find out stays as it was said', (t) => {
	const before = told(of(joined({ gateways: ['1.2.3.4'] })));
	const status = told(
		of({ name: 'a', role: 'Remote', state: 'Joined', reachable: 'no', reachProblem: silence }),
		before,
		later,
	);
	t.like(status.clusters?.[0], {
		id: 'uid-a',
		serverVersion: 'v1.36.0',
		latency: 'under 10ms',
		podCIDRs: ['10.1.0.0/16'],
		gateways: ['1.2.3.4'],
		services: 12,
		inventory: { objects: 4, hash: 'h' },
		reachable: false,
	});
	// But not what each look decides anew.
	t.is(status.clusters?.[0]?.secret, undefined);
	t.is(status.clusters?.[0]?.credentialsExpire, undefined);
	t.is(conditionsOf(status).Compatible, 'True/Compatible');
});

test('the last success is told while there is none', (t) => {
	const down = joined({ reachable: 'no', reachProblem: silence, lastSuccess: first });
	const status = told(of(down));
	t.is(status.clusters?.[0]?.lastSuccess, first);
	t.is(told(of(joined()), status).clusters?.[0]?.lastSuccess, undefined);
});

test('one that leaves is told until it has left, and not counted', (t) => {
	const seen = [joined({ name: 'a' }), joining({ name: 'b', state: 'Leaving', waiting: 'for Pilot' })];
	const status = told({ listed: [{ name: 'a', role: 'Remote' }], seen, leaving: ['b'], leftBehind: [] });
	t.is(status.joinedClusters, '1/1');
	t.deepEqual(
		status.clusters?.map(({ name }) => name),
		['a', 'b'],
	);
	t.like(status.conditions?.[0], { status: 'True', reason: 'ClustersLeaving', message: 'b: for Pilot' });
	t.deepEqual(
		told(of(joined({ name: 'a' })), status).clusters?.map(({ name }) => name),
		['a'],
	);
});

test('ClustersJoined tells the worst first', (t) => {
	const verdict = (...seen: readonly ClusterObservation[]) => {
		const { status, reason, message } = told(of(...seen)).conditions?.[0] ?? {};
		return `${status}/${reason}: ${message}`;
	};
	const bad = joined({ name: 'bad', problems: [overlap] });
	const open = joining({ name: 'open', waiting: 'for its token' });
	const leaving = joining({ name: 'leaving', state: 'Leaving', waiting: 'for Pilot' });
	t.is(verdict(joined()), 'True/ClustersJoined: cluster a is part of the mesh');
	t.is(verdict(joined(), open, bad, leaving), `False/ClustersNotJoined: bad: ${overlap.message}`);
	t.is(verdict(joined(), open, leaving), 'Unknown/ClustersJoining: open: for its token');
	t.is(verdict(joined(), leaving), 'True/ClustersLeaving: leaving: for Pilot');
	const withNetworks = (isPending: boolean, ...seen: readonly ClusterObservation[]) => {
		const networks = [{ network: 'n', isPending, message: 'network n has no way in' }];
		const { status, reason, message } = told({ ...of(...seen), networks }).conditions?.[0] ?? {};
		return `${status}/${reason}: ${message}`;
	};
	t.is(withNetworks(false, joined()), 'False/NetworkUnreachable: network n has no way in');
	t.is(withNetworks(true, joined()), 'Unknown/NetworkPending: network n has no way in');
	t.is(withNetworks(false, bad), `False/ClustersNotJoined: bad: ${overlap.message}; network n has no way in`);
	t.is(withNetworks(true, open), 'Unknown/ClustersJoining: open: for its token');
	t.is(told(of()).conditions, undefined);
	t.is(told(undefined, {}).conditions, undefined);
});

test('256 clusters with long messages fit into one object, and say the same again', (t) => {
	const long = '😀'.repeat(20_000);
	const seen = Array.from({ length: 256 }, (_, i) =>
		joining({ name: `c${i}`, problems: [{ ...overlap, message: long }] }),
	);
	const status = told(of(...seen));
	t.notThrows(() => statusSchema.parse(status));
	const text = JSON.stringify(status);
	t.true(Buffer.byteLength(text) < 1_200_000, String(Buffer.byteLength(text)));
	t.true(text.isWellFormed());
	t.true((status.conditions?.[0]?.message.length ?? 0) <= 4_001);
	t.deepEqual(told(of(...seen), status).clusters, status.clusters);
	// The same when the next look finds out nothing.
	const unseen = seen.map(({ problems: _, ...rest }) => rest);
	t.deepEqual(told(of(...unseen), status).clusters, status.clusters);
});

const objectBytes = 1.5 * 1024 * 1024;
/** What a cluster takes in the spec and in the managed fields of whoever wrote it (`npm run bench -- --only clusters`). */
const specBytes = 300;

test('1,000 clusters fit into one object, in whatever state they are', (t) => {
	const message = 'ä'.repeat(5_000);
	for (const [what, state] of table) {
		const { reachProblem, joinProblem, problems = [], waiting, ...rest } = state;
		const long = {
			...rest,
			problems: problems.map((problem) => ({ ...problem, message })),
			...(reachProblem === undefined ? {} : { reachProblem: { ...reachProblem, message } }),
			...(joinProblem === undefined ? {} : { joinProblem: { ...joinProblem, message } }),
			...(waiting === undefined ? {} : { waiting: message }),
		};
		const seen = Array.from({ length: 1_000 }, (_, i) => ({
			...long,
			name: `cluster-${i}`,
			id: '241fb016-6860-4fa6-b364-0b56913bff3e',
			...(state.secret === undefined ? {} : { secret: `istio-system/istio-remote-secret-cluster-${i}` }),
			...(state.inventory === undefined ? {} : { inventory: { objects: 4, hash: 'woahlFEVmEMYe_nvF8cIUW' } }),
		}));
		const status = told(of(...seen));
		t.notThrows(() => statusSchema.parse(status));
		const bytes = Buffer.byteLength(JSON.stringify(status)) + 1_000 * specBytes;
		t.true(bytes < objectBytes, `${what}: ${bytes}`);
		t.deepEqual(told(of(...seen), status, later).clusters, status.clusters, what);
	}
});

test('with more than 256 clusters, what is as it should be is told in brief, and the rest as ever', (t) => {
	const many = Array.from({ length: 300 }, (_, i) => joined({ name: `c${i}` }));
	const bad = joined({
		name: 'c7',
		reachable: 'no',
		reachProblem: silence,
		credentials: { state: 'late', expire: later },
	});
	const status = told(of(...many.map((one) => (one.name === bad.name ? bad : one))));
	t.is(status.joinedClusters, '300/300');
	t.deepEqual(conditionsOf(status, 'c0'), { Ready: 'True/Ready', Reachable: 'True/Reachable', Joined: 'True/Joined' });
	t.is(messageOf(status, 'Ready', 'c0'), '');
	t.deepEqual(conditionsOf(status, 'c7'), {
		Ready: 'False/Unreachable',
		Reachable: 'False/Unreachable',
		Joined: 'True/Joined',
		CredentialsValid: 'True/CredentialsExpiring',
	});
	t.is(messageOf(status, 'Ready', 'c7'), silence.message);
	// After a restart nobody has looked yet.
	t.deepEqual(told({ ...of(...many), seen: [] }, status).clusters, status.clusters);
	t.is(told({ ...of(...many), seen: [] }, status).joinedClusters, '300/300');
	const well = told(of(...many), status, later);
	t.deepEqual(conditionsOf(well, 'c7'), conditionsOf(well, 'c0'));
	t.deepEqual(
		describeTransitions(status, well).map(({ reason }) => reason),
		['ClusterReachable'],
	);
});

test('who was left behind is told until a cluster of that name has joined again', (t) => {
	const left = { cluster: 'gone', since: first, reason: 'silence', objects: ['ServiceAccount x/y'] };
	const status = told({ ...of(joined()), leftBehind: [left] });
	t.deepEqual(status.leftBehind, [left]);
	// Another process runs by now.
	t.deepEqual(told(of(joined()), status).leftBehind, [left]);
	t.deepEqual(told(of(joined(), joining({ name: 'gone' })), status).leftBehind, [left]);
	t.is(told(of(joined(), joined({ name: 'gone' })), status).leftBehind, undefined);
	// The cluster was given up once more: the entry is of this time.
	const again = { ...left, since: later };
	t.deepEqual(told({ ...of(joined()), leftBehind: [again] }, status).leftBehind, [again]);
	const many = Array.from({ length: 300 }, (_, i) => ({ ...left, cluster: `c${i}` }));
	const all = told({ ...of(joined()), leftBehind: many });
	t.notThrows(() => statusSchema.parse(all));
});

function events(before: ClusterObservation, after: ClusterObservation): readonly string[] {
	const old = told(of(before));
	return describeTransitions(old, told(of(after), old, later)).map(
		({ type, reason, message }) => `${type} ${reason}: ${message}`,
	);
}

test('Events tell what has changed, once', (t) => {
	const down = joined({ reachable: 'no', reachProblem: silence });
	t.deepEqual(events(joined(), down), ['Warning Unreachable: cluster a: silence']);
	t.deepEqual(events(down, joined({ ...down, reachProblem: { ...silence, message: 'still silence' } })), []);
	t.deepEqual(events(down, joined()), ['Normal ClusterReachable: cluster a answers again']);
	t.deepEqual(events(joining({ reachable: 'unknown' }), joining()), []);
	t.deepEqual(events(joining(), joined()), [
		'Normal ClusterJoined: cluster a: Pilot reads it by Secret istio-system/istio-remote-secret-a, whose token was used successfully',
	]);
	t.deepEqual(events(joined(), joined({ problems: [overlap] })), [
		`Warning AddressesOverlap: cluster a: ${overlap.message}`,
	]);
	t.deepEqual(events(joined({ problems: [overlap] }), joined()), []);
	t.deepEqual(events(joining(), joining({ joinProblem: refused })), ['Warning RemoteApplyFailed: cluster a: 403']);
	t.deepEqual(events(joined(), joined({ joinProblem: refused })), ['Warning RemoteApplyFailed: cluster a: 403']);
	t.deepEqual(events(joined({ joinProblem: refused }), joined()), []);
	t.deepEqual(events(joining(), joining({ waiting: 'for something else' })), []);
	t.is(events(joined(), joined({ credentials: { expire: later, state: 'late' } })).length, 1);
	t.is(events(joined(), joined({ credentials: { expire: later, state: 'expired' } })).length, 1);
	t.deepEqual(events(joined(), joining({ state: 'Leaving' })), []);
	t.deepEqual(events(joined({ dataPlane: {} }), joined({ dataPlane: { waiting: 'x' } })), []);
	t.is(
		events(joined({ dataPlane: {} }), joined({ dataPlane: { problem: { reason: 'DataPlaneDegraded', message: 'x' } } }))
			.length,
		1,
	);
});

test('without a transition there is no Event, whatever is seen', (t) => {
	fc.assert(
		fc.property(observation, observation, (before, seen) => {
			const old = told(of(before));
			const status = told(of(seen), old, later);
			const wordsOf = ({ conditions = [] }: ClusterStatus) =>
				conditions.map(({ type, status: is, reason }) => `${type} ${is} ${reason}`);
			const changed = (status.clusters ?? [])
				.flatMap(wordsOf)
				.filter((words) => !(old.clusters ?? []).flatMap(wordsOf).includes(words));
			t.true(describeTransitions(old, status).length <= changed.length);
		}),
	);
});
