import test from 'ava';
import { compareResourceVersions } from './resource-version.ts';

test('resourceVersions are ordered as whole numbers of any size', (t) => {
	t.is(compareResourceVersions('7', '7'), 0);
	t.true((compareResourceVersions('9', '10') ?? 0) < 0);
	t.true((compareResourceVersions('90071992547409931', '90071992547409930') ?? 0) > 0);
});

test('texts that are no such numbers have no order, but may be equal', (t) => {
	t.is(compareResourceVersions('abc', '1'), undefined);
	t.is(compareResourceVersions('', '1'), undefined);
	t.is(compareResourceVersions('01', '1'), undefined);
	t.is(compareResourceVersions('abc', 'abc'), 0);
});
