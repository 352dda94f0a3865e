import test from 'ava';
import type { ClusterObservation } from '../../../api/v1/index.ts';
import { dataPlanesNow } from './data-planes.ts';

const names = ['east', 'north', 'west'];

function seen(name: string, fields: Partial<ClusterObservation> = {}): ClusterObservation {
	return { name, role: 'Remote', state: 'Joined', reachable: 'yes', version: '1.4.10', dataPlane: {}, ...fields };
}

function now(begun: readonly string[], clusters: readonly ClusterObservation[]) {
	return dataPlanesNow(names, begun, clusters, '1.4.10');
}

test('the clusters have their turns in the order of their names, each when those before it are ready', (t) => {
	t.is(now([], []).next, 'east');
	t.is(now(['east'], [seen('east')]).next, 'north');
	t.is(now(['east', 'north'], [seen('east'), seen('north')]).next, 'west');
	t.deepEqual(
		now(
			names,
			names.map((name) => seen(name)),
		),
		{ next: undefined, waitingFor: undefined },
	);
});

for (const [title, cluster, text] of [
	['nobody has looked at it', undefined, 'has not been looked at'],
	[
		'it is not reached',
		seen('east', { reachable: 'no', reachProblem: { reason: 'Unreachable', message: 'no answer' } }),
		'no answer',
	],
	['it still has the version before', seen('east', { version: '1.3.8' }), 'the objects of 1.4.10 are being written'],
	['its injector is not ready', seen('east', { dataPlane: { waiting: 'waiting for its injector' } }), 'its injector'],
] as const) {
	test(`the next one waits while ${title}`, (t) => {
		const { next, waitingFor } = now(['east'], cluster === undefined ? [] : [cluster]);
		t.is(next, undefined);
		t.true(waitingFor?.includes(text), waitingFor);
	});
}

test('a cluster that has left is waited for no more', (t) => {
	t.is(now(['east', 'gone'], [seen('east')]).next, 'north');
});
