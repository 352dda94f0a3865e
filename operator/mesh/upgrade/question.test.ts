import test from 'ava';
import { lines } from '../../lines/index.ts';
import { citadelSigner } from '../../plan/classic/certificate-authority.ts';
import { checkUpgrade, findingsOf } from '../../plan/upgrade/check-upgrade.ts';
import { type Gathered, known, unknown } from '../../plan/upgrade/gathered.ts';
import { describeFinding } from '../../plan/upgrade/insist.ts';
import { FindingTally } from '../../plan/upgrade/tally.ts';
import { installation, meshOf } from '../../render/testing.ts';
import { askUpgrade } from './question.ts';
import { targetOf } from './target.ts';

const options = { lines, serverVersion: 'v1.36.0' };

function targetFor(version: string, spec: Readonly<Record<string, unknown>>, serverVersion = 'v1.36.0') {
	return { version, ...targetOf(installation({ version, ...spec }), { lines, serverVersion }) };
}

const pilotImage = [{ op: 'replace', path: '/spec/nothing', value: 1 }];
const wrongSpec = {
	profile: 'default',
	typo: true,
	pilot: { replicas: 2, extraArgs: ['--mcpServerAddrs=x'] },
	overlays: [
		{ target: { kind: 'Deployment', name: 'istio-nobody' }, mergePatch: { spec: { paused: true } } },
		{ target: { kind: 'Deployment', name: 'istio-pilot' }, patch: pilotImage },
	],
};

test('a spec that is not right still gives the mesh that it would be without what is wrong', (t) => {
	const { problems, mesh } = targetFor('1.4.10', wrongSpec, 'v1.20.0');
	t.deepEqual(
		problems.map(({ path }) => path),
		['spec.typo', 'spec.pilot.extraArgs[0]', 'spec.overlays[0].target', 'spec.overlays[1].patch[0]', ''],
	);
	t.is(mesh?.release.version, '1.4.10');
	t.deepEqual(mesh?.overlays, []);
	t.is(targetFor('1.4.99', {}).mesh, undefined);
	t.is(targetOf('nonsense', options).mesh, undefined);
	t.is(targetOf({ ...(installation({}) as object), metadata: null }, options).mesh, undefined);
});

test('all blockers are told at once, each with what it is about and a remedy', async (t) => {
	const to = targetFor('1.4.10', { ...wrongSpec, typo: undefined }, 'v1.20.0');
	const { before, after } = await askUpgrade(
		{ from: { version: '1.2.10', mesh: meshOf({ version: '1.2.10', profile: 'default' }) }, to, status: undefined },
		{ lines, api: undefined, now: new Date(0), signal: AbortSignal.timeout(1000) },
	);
	const tally = new FindingTally();
	const gathered: Gathered = {
		objects: known(tally),
		objectGaps: [{ what: 'objects of stdios.config.istio.io', why: 'the right to list them is missing' }],
		definitions: known([]),
		authority: known({ signer: citadelSigner, found: 'unreadable', source: 'Provided', secretName: 'cacerts' }),
		nodes: known([
			{ name: 'a', labels: {}, taints: [], isSchedulable: true, allocatable: { cpu: 0, memory: 0, pods: 0 } },
		]),
		pods: known({ used: new Map(), proxies: [{ version: '1.0.9', count: 1, example: 'shop/web' }] }),
		quotas: unknown('the right to list resourcequotas in namespace istio-system is missing'),
		limitRanges: unknown('the right to list limitranges in namespace istio-system is missing'),
		webhooks: known([{ title: 'webhook a', about: 'new pods', trouble: 'Service a/b does not exist' }]),
		clusters: known([{ name: 'west', role: 'Remote', trouble: 'no answer', refusal: undefined, proxies: undefined }]),
	};
	const areas = checkUpgrade({
		from: '1.2.10',
		to: '1.4.10',
		known: lines.releases.map(({ version }) => version),
		problems: to.problems,
		before,
		after,
		gathered,
		ofLine: [],
	});
	const findings = findingsOf(areas);
	const blockers = findings.filter(({ severity }) => severity === 'blocker');
	t.deepEqual(
		[...new Set(blockers.map(({ name }) => name))],
		[
			'minor-skipped',
			'setting-refused',
			'overlay-not-applicable',
			'kubernetes-too-old',
			'root-ends-soon',
			'no-room',
			'proxies-behind',
			'webhook-unanswered',
			'cluster-unreachable',
		],
	);
	for (const finding of findings) {
		t.not(finding.subject, '');
		t.not(finding.remedy, '');
		t.false(describeFinding(finding).includes('undefined'));
	}
	const gaps = findings.filter(({ name }) => name === 'not-looked-at').map(describeFinding);
	t.is(gaps.length, 4);
	t.true(gaps.some((gap) => /ResourceQuotas could not be looked at, since the right to list resourcequotas/.test(gap)));
});

test('without a cluster, spec, overlays and Kubernetes are judged, and the rest is told as not looked at', async (t) => {
	const to = targetFor('1.4.10', { overlays: wrongSpec.overlays }, 'v1.20.0');
	const { findings } = await askUpgrade(
		{ from: undefined, to, status: undefined },
		{ lines, api: undefined, now: new Date(0), signal: AbortSignal.timeout(1000) },
	);
	t.deepEqual(
		findings.filter(({ severity }) => severity === 'blocker').map(({ name }) => name),
		['kubernetes-too-old', 'overlay-not-applicable', 'overlay-not-applicable'],
	);
	t.deepEqual(findings.filter(({ severity }) => severity === 'warning').map(describeFinding), [
		'your Istio objects, CustomResourceDefinitions, the certificate authority, room on the nodes, ResourceQuotas, LimitRanges, proxies in pods, webhooks of others, joined clusters could not be looked at, since no cluster was asked: Give the right that the message names, or look yourself.',
	]);
});

for (const [from, to] of [
	['1.0.9', '1.1.17'],
	['1.1.17', '1.2.10'],
	['1.2.10', '1.3.8'],
	['1.3.8', '1.4.10'],
] as const) {
	for (const profile of ['minimal', 'default', 'production']) {
		test(`from ${from} to ${to} nothing stands against profile ${profile} by itself`, async (t) => {
			const { findings } = await askUpgrade(
				{
					from: { version: from, mesh: meshOf({ version: from, profile }) },
					to: targetFor(to, { profile }),
					status: undefined,
				},
				{ lines, api: undefined, now: new Date(0), signal: AbortSignal.timeout(1000) },
			);
			t.deepEqual(
				findings.filter(({ severity }) => severity === 'blocker'),
				[],
			);
		});
	}
}
