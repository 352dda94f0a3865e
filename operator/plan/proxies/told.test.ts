import test from 'ava';
import { runningOf } from './told.ts';

const byVersion = [
	{ version: '1.3.8', count: 4 },
	{ version: '1.4.10', count: 1 },
];
const proxies = { total: 5, byVersion, namespaces: [] };

test('proxies of a version are summed up over this cluster and joined ones, which are named', (t) => {
	t.is(runningOf({}, '1.4.10'), undefined);
	t.is(runningOf({ proxies, clusters: [{ name: 'eu' }, { name: 'us', proxies: { total: 0 } }] }, '1.2.10'), undefined);
	t.is(runningOf({ proxies }, '1.4.10'), '1 pod has a proxy of 1.4.10');
	t.is(
		runningOf({ proxies, clusters: [{ name: 'eu', proxies: { total: 5, byVersion } }] }, '1.3.8'),
		'8 pods have proxies of 1.3.8, of them 4 in cluster eu',
	);
	const clusters = Array.from({ length: 7 }, (_, index) => ({ name: `c${index}`, proxies: { byVersion } }));
	t.regex(runningOf({ clusters }, '1.4.10') ?? '', /^7 pods .* 1 in cluster c4, more in 2 other clusters$/);
});
