/** How a change of version is followed, by the status alone. Pure. */
import test from 'ava';
import type { ParsedStatus } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { viewOf } from '../status-view.ts';
import { approvalLines, approvalOf } from './approve.ts';
import { gitOwnerOf } from './change.ts';
import { changeLines, endLines, exitCodeOf, outcomes, progressOf, stageLines } from './progress.ts';
import { wayBackOf } from './rollback.ts';
import { upgradeLines } from './stage-lines.ts';

const plain = (_style: unknown, text: string): string => text;
const goal = { version: '1.4.10', generation: 3 };

function condition(type: string, status: 'True' | 'False' | 'Unknown', reason: string) {
	return { type, status, reason, message: 'because', lastTransitionTime: '2026-01-01T00:00:00Z' };
}

type Upgrade = NonNullable<ParsedStatus['upgrade']>;

const upgrade: Upgrade = {
	from: '1.3.8',
	to: '1.4.10',
	state: 'Progressing',
	stage: 'Pilot',
	waitingFor: 'istio-pilot: 1 of 2 pods updated',
	plan: [
		{ stage: 'CRDs', state: 'Done' },
		{ stage: 'Pilot', state: 'Current' },
		{ stage: 'Gateways', state: 'Next', message: 'waits for approval' },
	],
};

function mesh(status: ParsedStatus, spec: object = { version: '1.4.10' }): KubeObject {
	return {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default', generation: 3 },
		spec,
		status: { observedGeneration: 3, ...status },
	};
}

const outcomeWith = (status: ParsedStatus) => progressOf(viewOf(mesh(status)), goal).outcome;

test('each state of an upgrade is an outcome, and each outcome that ends has an exit code of its own', (t) => {
	const of = (state: Upgrade['state']) => outcomeWith({ upgrade: { ...upgrade, state } });
	t.deepEqual(
		(
			['Blocked', 'Progressing', 'WaitingForApproval', 'WaitingForWindow', 'Held', 'RollingBack', 'RolledBack'] as const
		).map(of),
		['blocked', 'going', 'waiting', 'waiting', 'held', 'going', 'rolledBack'],
	);
	t.is(new Set(Object.values(exitCodeOf)).size, outcomes.length);
});

test('it is done when no upgrade is told any more and the mesh is ready with the version, and not before the operator has looked', (t) => {
	const ready = [condition('Ready', 'True', 'Ready')];
	t.is(outcomeWith({ version: '1.4.10', conditions: ready }), 'done');
	t.is(outcomeWith({ version: '1.3.8', conditions: ready }), 'going');
	t.is(outcomeWith({ version: '1.4.10', conditions: ready, observedGeneration: 2 }), 'going');
	t.is(outcomeWith({ version: '1.4.10', conditions: [condition('Ready', 'Unknown', 'Progressing')] }), 'going');
	t.is(
		outcomeWith({ conditions: [condition('Ready', 'False', 'X'), condition('Stalled', 'True', 'RightsMissing')] }),
		'held',
	);
});

test('who goes back by the spec is done when the mesh is back, and held when the way back is', (t) => {
	const back = { version: '1.3.8', generation: 3 };
	const of = (state: Upgrade['state'], ready: 'False' | 'Unknown') =>
		progressOf(viewOf(mesh({ upgrade: { ...upgrade, state }, conditions: [condition('Ready', ready, 'X')] })), back)
			.outcome;
	t.is(of('RolledBack', 'False'), 'done');
	t.is(of('RollingBack', 'Unknown'), 'going');
	t.is(of('RollingBack', 'False'), 'held');
});

test('a terminal shows all stages, a log what is new', (t) => {
	const seen = progressOf(viewOf(mesh({ upgrade })), goal);
	t.deepEqual(stageLines(seen, plain), [
		'✔ CRDs',
		'… Pilot: istio-pilot: 1 of 2 pods updated',
		'○ Gateways: waits for approval',
	]);
	t.deepEqual(changeLines(undefined, seen, plain), ['✔ CRDs', '… Pilot: istio-pilot: 1 of 2 pods updated']);
	t.deepEqual(changeLines(seen, seen, plain), []);
	const further = { ...seen, message: 'istio-pilot: 2 of 2 pods updated' };
	t.deepEqual(changeLines(seen, further, plain), ['… Pilot: istio-pilot: 2 of 2 pods updated']);
	for (const outcome of outcomes)
		t.regex(endLines('default', { ...seen, outcome }, goal, plain)[0] ?? '', /default|istio-pilot/);
});

test('an approval is for the next stage, for what another version of the operator changes, or for both', (t) => {
	t.is(approvalOf({ upgrade }), undefined);
	t.deepEqual(approvalOf({ upgrade: { ...upgrade, state: 'WaitingForApproval' } }), {
		version: '1.4.10',
		stage: 'Gateways',
	});
	const operatorUpgrade = { from: '0.1.0', to: '0.2.0', objects: 1, state: 'Held', message: '' } as const;
	t.deepEqual(approvalOf({ operatorUpgrade }), { operator: '0.2.0' });
	t.deepEqual(approvalLines({ version: '1.4.10', stage: 'Gateways' }), [
		'spec:',
		'  upgrade:',
		'    approved:',
		'      version: "1.4.10"',
		'      stage: "Gateways"',
	]);
});

test('a field is kept by Git when the manager of such a tool owns it, or something in it', (t) => {
	const managed = (manager: string, fields: object): KubeObject => {
		const object = mesh({});
		return {
			...object,
			metadata: { ...object.metadata, managedFields: [{ manager, fieldsV1: fields as Record<string, unknown> }] },
		};
	};
	const version = { 'f:spec': { 'f:version': {} } };
	t.is(gitOwnerOf(managed('argocd-controller', version), ['spec', 'version']), 'argocd-controller');
	t.is(gitOwnerOf(managed('kustomize-controller', version), ['spec']), 'kustomize-controller');
	t.is(gitOwnerOf(managed('kubectl', version), ['spec', 'version']), undefined);
	t.is(gitOwnerOf(managed('argocd-controller', { 'f:spec': { 'f:profile': {} } }), ['spec', 'version']), undefined);
	t.is(gitOwnerOf(mesh({}), ['spec', 'version']), undefined);
});

test('the way back changes the version alone where the settings are those of before, and otherwise the settings too', (t) => {
	const spec = { version: '1.4.10', profile: 'default', paused: false };
	const of = (status: ParsedStatus, given: object = spec, despite: readonly string[] = []) =>
		wayBackOf(mesh(status, given), status, despite);
	const version = { op: 'replace', path: '/spec/version', value: '1.3.8' };
	t.deepEqual(of({ upgrade: { ...upgrade, previous: { profile: 'default', version: '1.3.8' } } }), {
		to: '1.3.8',
		operations: [version],
	});
	t.deepEqual(of({ upgrade }), { to: '1.3.8', operations: [version] });
	t.deepEqual(of({ upgrade }, { ...spec, version: '1.3.8' }), { to: '1.3.8', operations: [] });
	t.deepEqual(of({ upgrade: { ...upgrade, previous: { profile: 'minimal', version: '1.3.8' } } }), {
		to: '1.3.8',
		operations: [{ op: 'replace', path: '/spec', value: { profile: 'minimal', paused: false, version: '1.3.8' } }],
	});
});

test('the way back is refused where nothing goes on, and where proxies of the new version run, unless that is insisted on', (t) => {
	const none = wayBackOf(mesh({}), {}, []);
	t.regex('why' in none ? none.why : '', /no change of version/);
	const byVersion = [{ version: '1.4.10', count: 2 }];
	const late = { upgrade: { ...upgrade, stage: 'Gateways' }, proxies: { total: 2, byVersion, namespaces: [] } };
	const refused = wayBackOf(mesh(late), late, []);
	t.regex('why' in refused ? `${refused.why} ${refused.remedy}` : '', /proxies of 1\.4\.10.*--despite newer-proxies/);
	const insisted = wayBackOf(mesh(late), late, ['newer-proxies']);
	t.deepEqual('operations' in insisted ? insisted.operations.map(({ path }) => path) : [], [
		'/metadata/annotations',
		'/metadata/annotations/meshwright.io~1upgrade-despite',
		'/spec/version',
	]);
});

test('the status shows the stages, and what is held of another version of the operator', (t) => {
	const operatorUpgrade = {
		from: '0.1.0',
		to: '0.2.0',
		objects: 1,
		state: 'Held',
		message: '1 object differs',
	} as const;
	t.deepEqual(upgradeLines({ upgrade, operatorUpgrade }, plain), [
		'upgrade 1.3.8 → 1.4.10: Progressing',
		'  ✔ CRDs',
		'  … Pilot: istio-pilot: 1 of 2 pods updated',
		'  ○ Gateways: waits for approval',
		'operator 0.1.0 → 0.2.0: Held',
		'  1 object differs',
	]);
	t.deepEqual(upgradeLines({ operatorUpgrade: { ...operatorUpgrade, state: 'Applied' } }, plain), []);
});
