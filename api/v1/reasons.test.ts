import test from 'ava';
import {
	type ClusterReasonEntry,
	clusterConditionTypes,
	clusterReasons,
	conditionTypes,
	notSupportedYet,
	type ReasonEntry,
	reasons,
	supportGap,
} from './index.ts';

for (const [reason, { condition, meaning, remedy }] of Object.entries<ReasonEntry>(reasons)) {
	test(`reason ${reason} is a word that Kubernetes takes, belongs to a condition and is explained`, (t) => {
		t.regex(reason, /^[A-Z][A-Za-z]{1,63}$/);
		t.true(conditionTypes.includes(condition));
		t.regex(meaning, /^([^a-z]|spec\.).*\.$/s);
		t.regex(remedy, /^$|^[A-Z].*\.$/s);
	});
}

for (const [reason, { condition, meaning, remedy }] of Object.entries<ClusterReasonEntry>(clusterReasons)) {
	test(`reason ${reason} of a cluster is a word that Kubernetes takes, belongs to a condition and is explained`, (t) => {
		t.regex(reason, /^[A-Z][A-Za-z]{1,63}$/);
		t.true(clusterConditionTypes.includes(condition));
		t.regex(meaning, /^([^a-z]|spec\.).*\.$/s);
		t.regex(remedy, /^$|^[A-Z].*\.$/s);
	});
}

test('a gap in support covers a field and all below it, and no other field with the same beginning', (t) => {
	const gap = 'spec.upgrade.windows';
	t.is(supportGap(gap, [gap]), gap);
	t.is(supportGap(`${gap}.seconds`, [gap]), gap);
	t.is(supportGap(`${gap}s`, [gap]), undefined);
	t.is(supportGap('spec.upgrade', [gap]), undefined);
	t.is(supportGap('spec.profile', [gap]), undefined);
});

test('no gap lies within another', (t) => {
	t.is(supportGap('spec.pilot.replicas'), undefined);
	for (const path of notSupportedYet) {
		const parent = path.slice(0, path.lastIndexOf('.'));
		t.is(supportGap(parent), undefined, path);
	}
});
