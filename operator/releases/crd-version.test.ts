import test from 'ava';
import { crdVersionOrder, isDowngrade } from './crd-version.ts';

const cases = [
	{ what: 'a newer minor in the cluster', live: '1.4.10', desired: '1.3.8', order: 'older' },
	{ what: 'a newer patch in the cluster', live: '1.4.10', desired: '1.4.9', order: 'older' },
	{ what: 'the same release', live: '1.4.10', desired: '1.4.10', order: 'same' },
	{ what: 'an older minor in the cluster', live: '1.3.8', desired: '1.4.10', order: 'newer' },
	{ what: 'an older patch in the cluster', live: '1.4.9', desired: '1.4.10', order: 'newer' },
	{ what: 'no annotation', live: undefined, desired: '1.4.10', order: 'unknown' },
	{ what: 'an empty annotation', live: '', desired: '1.4.10', order: 'unknown' },
	{ what: 'an annotation that is no version', live: 'v1.5', desired: '1.4.10', order: 'unknown' },
] as const;

for (const { what, live, desired, order } of cases) {
	test(`with ${what}, ours is ${order}`, (t) => {
		t.is(crdVersionOrder(live, desired), order);
		t.is(isDowngrade(live, desired), order === 'older');
	});
}

test('a version of ours that is none is a defect', (t) => {
	t.throws(() => crdVersionOrder('1.4.10', '1.4'), { instanceOf: RangeError });
});
