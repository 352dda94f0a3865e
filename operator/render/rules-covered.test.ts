import test from 'ava';
import { describeRight, type RuleLike, rightsNotCovered } from './rules-covered.ts';

const lacking = (owned: readonly RuleLike[], wanted: readonly RuleLike[]): readonly string[] =>
	rightsNotCovered(owned, wanted).map(describeRight);

const pods: RuleLike = { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] };

test('rules cover themselves and every part of themselves', (t) => {
	t.deepEqual(lacking([pods], [pods]), []);
	t.deepEqual(lacking([pods], [{ ...pods, verbs: ['get'] }]), []);
	t.deepEqual(lacking([pods], []), []);
	t.deepEqual(lacking([], []), []);
});

test('each right that is more is named alone', (t) => {
	t.deepEqual(lacking([pods], [{ apiGroups: ['', 'apps'], resources: ['pods', 'secrets'], verbs: ['get', 'watch'] }]), [
		'get secrets',
		'get pods.apps',
		'get secrets.apps',
		'watch pods',
		'watch secrets',
		'watch pods.apps',
		'watch secrets.apps',
	]);
});

test('several rules may cover one together', (t) => {
	const watch: RuleLike = { ...pods, verbs: ['watch'] };
	t.deepEqual(lacking([pods, watch], [{ ...pods, verbs: ['get', 'watch'] }]), []);
});

test('a star covers everything of its list, and only a star covers a star', (t) => {
	const all: RuleLike = { apiGroups: ['*'], resources: ['*'], verbs: ['*'] };
	t.deepEqual(lacking([all], [pods, all]), []);
	t.deepEqual(lacking([pods], [{ ...pods, verbs: ['*'] }]), ['* pods']);
	t.deepEqual(lacking([pods], [{ ...pods, resources: ['*'], verbs: ['get'] }]), ['get *']);
	t.deepEqual(lacking([pods], [{ ...pods, apiGroups: ['*'], verbs: ['get'] }]), ['get pods.*']);
});

test('a name narrows, and its absence is more', (t) => {
	const one: RuleLike = { ...pods, resourceNames: ['a'], verbs: ['get'] };
	t.deepEqual(lacking([pods], [one]), []);
	t.deepEqual(lacking([one], [{ ...one, resourceNames: [] }]), ['get pods']);
	t.deepEqual(lacking([one], [{ ...one, resourceNames: ['a', 'b'] }]), ['get pods b']);
});

test('a resource does not cover its subresources, and a star before one covers it everywhere', (t) => {
	const log: RuleLike = { ...pods, resources: ['pods/log'], verbs: ['get'] };
	t.deepEqual(lacking([pods], [log]), ['get pods/log']);
	t.deepEqual(lacking([{ ...log, resources: ['*/log'] }], [log]), []);
	t.deepEqual(lacking([{ ...log, resources: ['*/exec'] }], [log]), ['get pods/log']);
	t.deepEqual(lacking([{ ...log, resources: ['*/log'] }], [pods]), ['get pods', 'list pods']);
});

test('URLs are covered by themselves and by a star at the end', (t) => {
	const url = (...nonResourceURLs: readonly string[]): RuleLike => ({ nonResourceURLs, verbs: ['get'] });
	t.deepEqual(lacking([url('/metrics')], [url('/metrics', '/healthz')]), ['get /healthz']);
	t.deepEqual(lacking([url('/healthz*')], [url('/healthz', '/healthz/etcd', '/metrics')]), ['get /metrics']);
	t.deepEqual(lacking([url('*')], [url('/metrics')]), []);
	t.deepEqual(lacking([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], [url('/metrics')]), ['get /metrics']);
	t.deepEqual(lacking([url('*')], [pods]), ['get pods', 'list pods']);
});

test('rules that multiply without end are left as soon as enough is known', (t) => {
	const many = Array.from({ length: 20_000 }, (_, index) => `x${index}`);
	const hostile: RuleLike = { apiGroups: many, resources: many, resourceNames: many, verbs: many };
	t.is(rightsNotCovered([pods], [hostile], { atMost: 3 }).length, 3);
	const again: RuleLike = {
		apiGroups: Array(20_000).fill(''),
		resources: Array(20_000).fill('pods'),
		verbs: Array(20_000).fill('get'),
	};
	t.deepEqual(rightsNotCovered([pods], [again]), []);
});
