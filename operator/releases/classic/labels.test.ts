import test from 'ava';
import { labelsByRule } from '../label-rule.ts';
import { crdsOf } from './crds.ts';
import { classicReleases } from './releases.ts';

test('definitions are found by Istio’s own labels, as the charts gave them', (t) => {
	const found = (minor: '1.0' | '1.4', label: string, value: string) =>
		crdsOf({ minor })
			.filter(({ labels }) => labels[label] === value)
			.map(({ plural }) => plural);
	t.deepEqual(found('1.4', 'istio', 'mixer-adapter'), ['adapters']);
	t.true(found('1.0', 'istio', 'mixer-adapter').includes('prometheuses'));
	t.deepEqual(found('1.4', 'package', 'istio.io.mixer'), [
		'attributemanifests',
		'rbacconfigs',
		'rules',
		'servicerolebindings',
		'serviceroles',
	]);
});

test('where several rules have a label, the last one counts; a kind or component without a rule has none', (t) => {
	const rules = [
		{ components: ['pilot'], labels: { app: 'pilot' } },
		{ components: ['pilot'], kinds: ['Service'], labels: { app: 'istio-pilot', istio: 'pilot' } },
	];
	t.deepEqual(labelsByRule(rules, 'Service', 'pilot'), { app: 'istio-pilot', istio: 'pilot' });
	t.deepEqual(labelsByRule(rules, 'Deployment', 'pilot'), { app: 'pilot' });
	t.deepEqual(labelsByRule(rules, 'Deployment', 'citadel'), {});
});

test('1.0 calls some objects by other names than its successors', (t) => {
	const app = (minor: string, kind: string, component: string) =>
		labelsByRule(classicReleases.find((release) => release.minor === minor)?.labels ?? [], kind, component).app;
	t.is(app('1.0', 'Service', 'pilot'), 'istio-pilot');
	t.is(app('1.1', 'Service', 'pilot'), 'pilot');
	t.is(app('1.0', 'Service', 'citadel'), 'istio-citadel');
	t.is(app('1.4', 'Service', 'citadel'), 'security');
});
