import test from 'ava';
import { found } from '../../plan/upgrade/catalogue.ts';
import { known, unknown } from '../../plan/upgrade/gathered.ts';
import { judge } from '../../plan/upgrade/insist.ts';
import type { UpgradePlan } from '../../plan/upgrade/plan.ts';
import { planData, planLines } from './view.ts';

const findings = [
	found('no-room', 'Deployment mesh/pilot', 'needs 1'),
	found('downgrade', 'spec.version', 'leads down'),
];

const plan: UpgradePlan = {
	mesh: 'default',
	from: '1.3.8',
	to: '1.4.10',
	components: [
		{
			name: 'pilot',
			before: ['a/pilot:1.3.8', 'a/proxy:1.3.8'],
			after: ['a/pilot:1.4.10', 'a/proxy:1.4.10'],
			rolls: true,
		},
		{ name: 'old', before: ['a/old:1.3.8@sha256:ab'], after: [], rolls: true },
		{ name: 'new', before: [], after: ['a/new:1.4.10'], rolls: true },
		{ name: 'pinned', before: ['a/b@sha256:ab'], after: ['a/b@sha256:ab'], rolls: false },
	],
	stages: [
		{ stage: 'CRDs', objects: 1, rolls: [], clusters: [], isPaused: false },
		{ stage: 'Pilot', objects: 3, rolls: ['pilot'], clusters: [], isPaused: true },
		{ stage: 'DataPlanes', objects: 0, rolls: [], clusters: ['east', 'west'], isPaused: false },
	],
	proxies: known([{ version: '1.3.8', count: 40, example: 'shop/web' }]),
	areas: [
		{ what: 'the way', findings: findings.slice(1) },
		{ what: 'room', findings: findings.slice(0, 1) },
		{ what: 'webhooks', findings: [] },
	],
	judgement: judge(findings, 'downgrade'),
};

const plain = (_: unknown, text: string) => text;

test('a plan is told as a table, a line for each check, and how it goes on', (t) => {
	t.deepEqual(planLines(plan, ['go on'], plain), [
		'MeshInstallation default: 1.3.8 → 1.4.10',
		'',
		'COMPONENT   CURRENT         NEXT            PODS       IMAGES',
		'pilot       1.3.8           1.4.10          replaced   a/pilot:1.4.10, a/proxy:1.4.10',
		'old         1.3.8           –               deleted',
		'new         –               1.4.10          new        a/new:1.4.10',
		'pinned      a/b@sha256:ab   a/b@sha256:ab   stay       a/b@sha256:ab',
		'',
		'40 pods have a proxy of 1.3.8 (shop/web …) and keep it until restarted',
		'',
		'STAGE        WHAT IT DOES',
		'CRDs         1 object changes',
		'Pilot        waits for an approval; 3 objects change; replaces the pods of pilot',
		'DataPlanes   east, west, one after the other',
		'',
		'✔ webhooks',
		'» downgrade (insisted on): spec.version leads down',
		`    do: ${findings[1]?.remedy}`,
		'✘ no-room: Deployment mesh/pilot needs 1',
		`    do: ${findings[0]?.remedy}`,
		'',
		'One blocker keeps the mesh at its version.',
		'docs/upgrade-checks.md says what each is, and how to insist.',
	]);
	const free = planLines({ ...plan, judgement: judge(findings, 'downgrade,no-room') }, ['go on'], plain);
	t.is(free.at(-1), 'go on');
});

test('a program gets the same', (t) => {
	const data = planData({ ...plan, proxies: unknown('nobody may list pods') });
	t.like(data, { mesh: 'default', from: '1.3.8', to: '1.4.10', blocked: true });
	t.false('proxies' in data);
	t.deepEqual(
		(data as { findings: { name: string; severity: string }[] }).findings.map(({ name, severity }) => [name, severity]),
		[
			['no-room', 'Blocker'],
			['downgrade', 'Insisted'],
		],
	);
});
