import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import type { Amounts, SeenNode } from './gathered.ts';
import { mayRunOn, requestsOf, rolledOf } from './pods-of.ts';
import { checkLimitRanges, checkNodes, checkQuotas } from './room.ts';

const resources = { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: '2', memory: '4Gi' } };

function deployment(
	spec: Readonly<Record<string, unknown>> = {},
	pod: Readonly<Record<string, unknown>> = {},
): KubeObject {
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'pilot', namespace: 'mesh' },
		spec: { template: { spec: { containers: [{ name: 'pilot', resources }], ...pod } }, ...spec },
	};
}

function node(allocatable: Partial<Amounts> = {}, rest: Partial<SeenNode> = {}): SeenNode {
	return {
		name: 'one',
		labels: {},
		taints: [],
		isSchedulable: true,
		allocatable: { cpu: 4, memory: 8 * 2 ** 30, pods: 10, ...allocatable },
		...rest,
	};
}

const used = (amounts: Partial<Amounts>) => new Map([['one', { cpu: 0, memory: 0, pods: 0, ...amounts }]]);

for (const [title, nodes, taken, fits] of [
	['enough of all', [node()], {}, true],
	['exactly enough CPU', [node()], { cpu: 3.5 }, true],
	['not enough CPU', [node()], { cpu: 3.6 }, false],
	['not enough memory', [node()], { memory: 6.5 * 2 ** 30 }, false],
	['no place for another pod', [node()], { pods: 10 }, false],
	['room on another node', [node(), node({}, { name: 'two' })], { cpu: 4 }, true],
	['room on a cordoned node alone', [node({}, { isSchedulable: false })], {}, false],
	['room on a tainted node alone', [node({}, { taints: [{ key: 'a', value: '', effect: 'NoSchedule' }] })], {}, false],
	[
		'a taint that is only preferred',
		[node({}, { taints: [{ key: 'a', value: '', effect: 'PreferNoSchedule' }] })],
		{},
		true,
	],
] as const) {
	test(`${title}: ${fits ? 'there is room' : 'no-room'}`, (t) => {
		const findings = checkNodes(rolledOf([deployment()]), nodes, used(taken));
		t.deepEqual(
			findings.map(({ name, subject }) => `${name} ${subject}`),
			fits ? [] : ['no-room Deployment mesh/pilot'],
		);
	});
}

test('of a cluster without nodes nothing is known', (t) => {
	t.deepEqual(
		checkNodes(rolledOf([deployment()]), [], new Map()).map(({ name }) => name),
		['not-looked-at'],
	);
});

test('a Deployment that replaces its pods needs no room beside them', (t) => {
	const full = used({ cpu: 4 });
	t.deepEqual(checkNodes(rolledOf([deployment({ strategy: { type: 'Recreate' } })]), [node()], full), []);
	const noSurge = deployment({
		strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
	});
	t.deepEqual(checkNodes(rolledOf([noSurge]), [node()], full), []);
	t.is(checkNodes(rolledOf([deployment({ strategy: {} })]), [node()], full).length, 1);
});

test('a pod asks for the sum of its containers, or for the largest init container', (t) => {
	const container = (cpu: string, more = {}) => ({ resources: { requests: { cpu } }, ...more });
	const cpuOf = (pod: Readonly<Record<string, unknown>>) => requestsOf(pod).cpu;
	t.is(cpuOf({ containers: [container('1'), container('500m')] }), 1.5);
	t.is(cpuOf({ containers: [container('1')], initContainers: [container('3'), container('2')] }), 3);
	t.is(cpuOf({ containers: [container('1')], initContainers: [container('500m', { restartPolicy: 'Always' })] }), 1.5);
	t.is(cpuOf({ containers: [{}, container('nonsense'), null], overhead: { cpu: '250m' } }), 0.25);
});

test('selectors, required affinity and tolerations choose nodes as the scheduler does', (t) => {
	const arm = node({}, { labels: { 'kubernetes.io/arch': 'arm64' } });
	const tainted = node({}, { taints: [{ key: 'dedicated', value: 'mesh', effect: 'NoExecute' }] });
	const affinity = (operator: string, values?: readonly string[]) => ({
		affinity: {
			nodeAffinity: {
				requiredDuringSchedulingIgnoredDuringExecution: {
					nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/arch', operator, values }] }],
				},
			},
		},
	});
	t.false(mayRunOn({ nodeSelector: { 'kubernetes.io/arch': 'amd64' } }, arm));
	t.true(mayRunOn({ nodeSelector: { 'kubernetes.io/arch': 'arm64' } }, arm));
	t.false(mayRunOn(affinity('In', ['amd64']), arm));
	t.true(mayRunOn(affinity('In', ['amd64', 'arm64']), arm));
	t.true(mayRunOn(affinity('NotIn', ['amd64']), arm));
	t.true(mayRunOn(affinity('Exists'), arm));
	t.false(mayRunOn(affinity('DoesNotExist'), arm));
	t.false(mayRunOn({}, tainted));
	t.true(mayRunOn({ tolerations: [{ operator: 'Exists' }] }, tainted));
	t.true(mayRunOn({ tolerations: [{ key: 'dedicated', value: 'mesh' }] }, tainted));
	t.false(mayRunOn({ tolerations: [{ key: 'dedicated', value: 'other' }] }, tainted));
	t.false(mayRunOn({ tolerations: [{ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' }] }, tainted));
});

function quota(hard: Readonly<Record<string, string>>, taken: Readonly<Record<string, string>>, spec = {}): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'ResourceQuota',
		metadata: { name: 'quota', namespace: 'mesh' },
		spec: { hard, ...spec },
		status: { hard, used: taken },
	};
}

for (const [title, given, fits] of [
	['room for one more', quota({ 'requests.cpu': '1' }, { 'requests.cpu': '500m' }), true],
	['requests of CPU used up', quota({ 'requests.cpu': '1' }, { 'requests.cpu': '600m' }), false],
	['the short form', quota({ memory: '3Gi' }, { memory: '2Gi' }), false],
	['limits used up', quota({ 'limits.cpu': '2' }, { 'limits.cpu': '1' }), false],
	['pods used up', quota({ pods: '3' }, { pods: '3' }), false],
	['something that pods do not use', quota({ services: '1' }, { services: '1' }), true],
	['nothing used yet', quota({ pods: '1' }, {}), true],
	['other pods alone', quota({ pods: '0' }, {}, { scopes: ['BestEffort'] }), true],
	['pods that run on', quota({ pods: '0' }, {}, { scopes: ['NotTerminating'] }), false],
] as const) {
	test(`a quota with ${title}: ${fits ? 'fits' : 'quota-exceeded'}`, (t) => {
		const findings = checkQuotas(rolledOf([deployment()]), [given]);
		t.is(findings.length, fits ? 0 : 1);
		for (const { message, subject } of findings) {
			t.is(subject, 'ResourceQuota mesh/quota');
			t.regex(message, /Deployment mesh\/pilot/);
		}
	});
}

function range(limit: Readonly<Record<string, unknown>>): KubeObject {
	return {
		apiVersion: 'v1',
		kind: 'LimitRange',
		metadata: { name: 'range', namespace: 'mesh' },
		spec: { limits: [limit] },
	};
}

for (const [title, limit, fits] of [
	['wide enough', { type: 'Container', max: { cpu: '2' }, min: { cpu: '100m' } }, true],
	['a maximum below the limit', { type: 'Container', max: { cpu: '1' } }, false],
	['a minimum above the request', { type: 'Container', min: { memory: '3Gi' } }, false],
	['a maximum for the pod below its limits', { type: 'Pod', max: { memory: '3Gi' } }, false],
	['a minimum for the pod', { type: 'Pod', min: { cpu: '1' } }, false],
	['claims', { type: 'PersistentVolumeClaim', max: { storage: '1' } }, true],
] as const) {
	test(`a LimitRange, ${title}: ${fits ? 'fits' : 'limit-range'}`, (t) => {
		t.is(checkLimitRanges(rolledOf([deployment()]), [range(limit)]).length, fits ? 0 : 1);
	});
}

test('what a LimitRange fills in counts', (t) => {
	const bare = deployment({}, { containers: [{ name: 'bare' }] });
	t.is(
		checkLimitRanges(rolledOf([bare]), [
			range({ type: 'Container', defaultRequest: { cpu: '50m' }, min: { cpu: '100m' } }),
		]).length,
		1,
	);
	t.is(
		checkLimitRanges(rolledOf([bare]), [range({ type: 'Container', default: { cpu: '1' }, max: { cpu: '2' } })]).length,
		0,
	);
});
