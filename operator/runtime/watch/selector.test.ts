import test from 'ava';
import { matchesSelector } from './selector.ts';

test('equality, inequality and existence are decided as the API server does', (t) => {
	const labels = { 'app.kubernetes.io/managed-by': 'meshwright', tier: '' };
	for (const selector of [
		undefined,
		'',
		'tier',
		'tier=',
		'!other',
		'other!=x',
		'app.kubernetes.io/managed-by=meshwright',
		'app.kubernetes.io/managed-by==meshwright, tier',
	]) {
		t.true(matchesSelector(selector, labels), selector);
	}
	for (const selector of ['other', 'other=', '!tier', 'tier!=', 'tier=x', 'tier,other', 'toString']) {
		t.false(matchesSelector(selector, labels), selector);
	}
});

test('a form that is not decided here matches nothing', (t) => {
	t.false(matchesSelector('a in (b,c)', { a: 'b' }));
	t.false(matchesSelector('a>1', { a: '2' }));
});

test('an object without labels matches only selectors that ask for absence', (t) => {
	t.true(matchesSelector('!a', undefined));
	t.false(matchesSelector('a', undefined));
});
