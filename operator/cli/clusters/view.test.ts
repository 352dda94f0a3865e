import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import { table } from '../output.ts';
import { clusterRows, clustersOf, leftBehindLines, reasonLines } from './view.ts';

const now = Date.parse('2026-03-01T00:00:00Z');

function condition(type: string, status: string, reason: string, message = '') {
	return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

const installation: KubeObject = {
	apiVersion: 'meshwright.io/v1',
	kind: 'MeshInstallation',
	metadata: { name: 'default' },
	spec: {
		multiCluster: { clusters: [{ name: 'eu', network: 'n2' }, { name: 'us', role: 'Primary' }, { name: 'new' }] },
	},
	status: {
		clusters: [
			{
				name: 'eu',
				role: 'Remote',
				reachable: true,
				serverVersion: 'v1.36.3',
				credentialsExpire: '2026-03-30T00:00:00Z',
				secret: 'istio-system/istio-remote-secret-eu',
				network: 'n2',
				conditions: [condition('Ready', 'True', 'Ready')],
			},
			{
				name: 'us',
				role: 'Primary',
				reachable: false,
				credentialsExpire: '2026-02-28T00:00:00Z',
				conditions: [
					condition('Ready', 'False', 'Unreachable', 'no answer'),
					condition('Reachable', 'False', 'Unreachable', 'no answer'),
					condition('CredentialsValid', 'False', 'CredentialsExpired', 'it\nended'),
				],
			},
			{ name: 'old', role: 'Remote', conditions: [condition('Ready', 'False', 'Leaving', 'waiting for Pilot')] },
		],
		leftBehind: [
			{ cluster: 'gone', since: '2026-01-01T00:00:00Z', reason: 'no answer', objects: ['ServiceAccount a/b'] },
		],
	},
};

test('listed clusters come in their order, then those that leave, as a table', (t) => {
	t.is(
		table(clusterRows(clustersOf(installation), now, false)),
		`NAME   ROLE      NETWORK   SECRET                                REACHABLE   READY   EXPIRES   VERSION
eu     Remote    n2        istio-system/istio-remote-secret-eu   yes         yes     29d       v1.36.3
us     Primary                                                   no          no      over
new    Remote                                                    unknown     no
old    Remote                                                    unknown     no`,
	);
	t.is(clusterRows(clustersOf(installation), now, true)[1]?.[0], 'default');
});

test('each reason of what is not ready is told once, on one line', (t) => {
	t.deepEqual(reasonLines(clustersOf(installation)), [
		'us: Unreachable: no answer',
		'us: CredentialsExpired: it ended',
		'new: the operator has not looked at it yet',
		'old: Leaving: waiting for Pilot',
	]);
	t.deepEqual(leftBehindLines(installation), [
		'gone was left without being cleaned (no answer); left there: ServiceAccount a/b',
	]);
});

test('nothing that another cluster says moves the terminal', (t) => {
	const hostile = '\u001b[2Jv1\n\u202egood';
	const conditions = [condition('Ready', 'False', 'Unreachable', hostile)];
	const clusters = clustersOf({
		...installation,
		spec: {},
		status: { clusters: [{ name: 'eu', serverVersion: hostile, conditions }] },
	});
	const text = JSON.stringify([clusterRows(clusters, now, false), reasonLines(clusters)]);
	t.notRegex(text, /\\u001b|\\n|\u202e/);
});

test('an installation without clusters, or with a spec that is none, has none', (t) => {
	for (const spec of [undefined, {}, { multiCluster: { clusters: 'many' } }, { multiCluster: { clusters: [{}, 7] } }]) {
		t.deepEqual(clustersOf({ ...installation, spec, status: undefined }), []);
	}
});
