import test from 'ava';
import { toldOf } from './told.ts';

const byVersion = [
	{ version: '1.3.8', count: 4 },
	{ version: '1.4.10', count: 1 },
];
const proxies = { total: 5, byVersion, namespaces: [] };

test('proxies of a version are summed up over this cluster and joined ones, which are named', (t) => {
	const runningOf = (...args: Parameters<typeof toldOf>) => toldOf(...args).running;
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

test('where a status says that proxies are not seen, nobody knows of them', (t) => {
	t.is(toldOf({ proxies }, '1.4.10').unknown, undefined);
	const clusters = [{ name: 'eu', proxies: { message: 'not known: the user may not' } }];
	t.is(toldOf({ clusters }, '1.4.10').unknown, 'cluster eu: not known: the user may not');
	const unseen = {
		type: 'ProxiesSupported',
		status: 'Unknown',
		reason: 'ProxiesUnseen',
		message: 'the operator may not list pods',
		lastTransitionTime: '2026-01-01T00:00:00Z',
	} as const;
	t.is(toldOf({ conditions: [unseen] }, '1.4.10').unknown, unseen.message);
	t.is(toldOf({ conditions: [{ ...unseen, status: 'False' }] }, '1.4.10').unknown, undefined);
});
