import test from 'ava';
import fc from 'fast-check';
import { type AuthorityElsewhere, type AuthorityHere, planRotation } from './index.ts';

const hour = 3_600_000;
const workloadTtlMs = 24 * hour;

test('a fresh mesh begins with its root, and one whose root is away stays as it is', (t) => {
	const common = { elsewhere: [], workloadTtlMs, nowMs: 0 };
	t.deepEqual(planRotation({ ...common, root: 'a', here: undefined }), {
		root: 'a',
		roots: ['a'],
		stage: 'Steady',
		waitsFor: [],
		nextAt: undefined,
	});
	t.is(planRotation({ ...common, root: undefined, here: undefined }), undefined);
	const here = { root: 'a', roots: ['a'], changedAt: 0 };
	t.like(planRotation({ ...common, root: undefined, here }), { root: 'a', roots: ['a'], stage: 'Steady' });
	t.like(planRotation({ ...common, root: 'a', here, nowMs: 1e12 }), { root: 'a', roots: ['a'], stage: 'Steady' });
});

test('another root is learned everywhere, signs a life of certificates later, and the former one goes after another one', (t) => {
	const plan = (here: AuthorityHere, elsewhere: readonly AuthorityElsewhere[], nowMs: number) =>
		planRotation({ root: 'b', here, elsewhere, workloadTtlMs, nowMs });
	const eu = (root: string, roots: readonly string[], at: number) => [{ cluster: 'eu', root, roots, at }];
	t.deepEqual(plan({ root: 'a', roots: ['a'], changedAt: 0 }, eu('a', ['a'], 0), hour), {
		root: 'a',
		roots: ['a', 'b'],
		stage: 'Learning',
		waitsFor: ['eu'],
		nextAt: undefined,
	});
	const learning = { root: 'a', roots: ['a', 'b'], changedAt: hour };
	t.like(plan(learning, eu('a', ['a'], 0), 1000 * hour), { stage: 'Learning', waitsFor: ['eu'] });
	t.like(plan(learning, eu('a', ['a', 'b'], 2 * hour), 25 * hour), { root: 'a', waitsFor: [], nextAt: 26 * hour });
	t.like(plan(learning, eu('a', ['a', 'b'], 2 * hour), 26 * hour), { root: 'b', roots: ['a', 'b'], stage: 'Retiring' });
	const retiring = { root: 'b', roots: ['a', 'b'], changedAt: 26 * hour };
	t.like(plan(retiring, eu('a', ['a', 'b'], 2 * hour), 1000 * hour), { root: 'b', waitsFor: ['eu'] });
	t.like(plan(retiring, eu('b', ['a', 'b'], 27 * hour), 50 * hour), { stage: 'Retiring', nextAt: 51 * hour });
	t.deepEqual(plan(retiring, eu('b', ['a', 'b'], 27 * hour), 51 * hour)?.roots, ['b']);
});

test('whatever roots come and whoever is late, workloads of any two clusters trust each other at every moment', (t) => {
	interface Cluster extends AuthorityHere {
		/** Certificates of workloads: by whom, what they trust, until when. */
		readonly workloads: readonly { readonly root: string; readonly roots: readonly string[]; readonly until: number }[];
	}
	const steps = fc.array(
		fc.record({
			hours: fc.integer({ min: 1, max: 40 }),
			root: fc.constantFrom('a', 'b', 'c', undefined),
			reached: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
		}),
		{ maxLength: 60 },
	);
	fc.assert(
		fc.property(steps, (walk) => {
			let now = 0;
			const made = { root: 'a', roots: ['a'], changedAt: 0, workloads: [] };
			const clusters: Cluster[] = [made, made, made];
			for (const { hours, root, reached } of walk) {
				// Each workload takes a certificate twice in its life.
				for (let hoursLeft = hours; hoursLeft > 0; hoursLeft--) {
					now += hour;
					clusters.forEach((cluster, index) => {
						const { root: by, roots, workloads } = cluster;
						const valid = workloads.filter(({ until }) => until > now);
						clusters[index] = { ...cluster, workloads: [...valid, { root: by, roots, until: now + workloadTtlMs }] };
					});
				}
				const [here, ...others] = clusters;
				if (here === undefined) throw new Error('there is one');
				const elsewhere = others.map(({ changedAt, ...rest }, index) => ({
					...rest,
					cluster: `${index}`,
					at: changedAt,
				}));
				const plan = planRotation({ root, here, elsewhere, workloadTtlMs, nowMs: now });
				if (plan === undefined) throw new Error('there is a plan');
				clusters.forEach((cluster, index) => {
					if (index > 0 && reached[index - 1] === false) return;
					const canSign = plan.root === root;
					const isNew = cluster.root !== plan.root;
					if (isNew && !canSign) return;
					if (!isNew && cluster.roots.join() === plan.roots.join()) return;
					clusters[index] = { ...cluster, root: plan.root, roots: plan.roots, changedAt: now };
				});
				const all = clusters.flatMap(({ workloads }) => workloads);
				for (const { root: by } of all)
					if (!all.every(({ roots }) => roots.includes(by))) throw new Error(`${by} at ${now}`);
			}
		}),
	);
	t.pass();
});
