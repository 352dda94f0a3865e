import test from 'ava';
import type { ListPage, ListReading } from '../../runtime/client/requests.ts';
import { FakeClock, settle } from '../../runtime/clock-fake.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import type { Kind } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { LookPace } from './look-pace.ts';
import { PodsThere, type PodsThereOptions } from './pods-there.ts';

const everyMs = 300_000;

function pod(name: string, tag: string, controlPlane = 'istio-system', more: object = {}): KubeObject {
	const args = ['proxy', 'sidecar', '--discoveryAddress', `istio-pilot.${controlPlane}:15010`];
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { namespace: 'shop', name, ...more },
		spec: { containers: [{ name: 'istio-proxy', image: `docker.io/istio/proxyv2:${tag}`, args }] },
	};
}

/** A cluster with these pages of pods, and a look at it. */
class Stage {
	readonly clock = new FakeClock();
	readonly asked: (ListReading<unknown> & { readonly atMs: number })[] = [];
	readonly errors: unknown[] = [];
	readonly told: string[] = [];
	pages: readonly (readonly KubeObject[])[] | Error = [];
	/** Milliseconds of work that a page takes. */
	pageWorkMs = 10;
	readonly #budget = { workedMs: 0 };
	readonly look: PodsThere;

	constructor(pace = new LookPace()) {
		const listPage = async <T>(_: Kind, options: ListReading<T> = {}): Promise<ListPage<T>> => {
			this.asked.push({ ...options, atMs: this.clock.now() });
			const { pages } = this;
			if (pages instanceof Error) throw pages;
			this.#budget.workedMs += this.pageWorkMs;
			const at = Number(options.continue ?? 0);
			const { read = (object: KubeObject) => object as T } = options;
			const next = at + 1 < pages.length ? String(at + 1) : undefined;
			return { items: (pages[at] ?? []).map(read), resourceVersion: '1', continue: next };
		};
		this.look = new PodsThere({
			api: { listPage, budget: this.#budget } as unknown as PodsThereOptions['api'],
			namespace: 'istio-system',
			pace,
			everyMs,
			onChange: (isAwaited) => void this.told.push(isAwaited ? 'awaited' : 'changed'),
			onError: (error) => void this.errors.push(error),
			clock: this.clock,
			random: () => 0.5,
		});
	}
}

test('proxies of this mesh are counted by their images, page by page, and again after a while', async (t) => {
	const stage = new Stage();
	const { look, clock } = stage;
	stage.pages = [
		[pod('a', '1.4.10'), pod('b', '1.3.8'), pod('c', '1.4.10', 'istio-other')],
		[pod('d', '1.4.10'), pod('going', '1.4.10', 'istio-system', { deletionTimestamp: '2026-01-01T00:00:00Z' })],
	];
	t.deepEqual(look.seen, { proxies: undefined, trouble: 'its pods are not listed yet' });
	await clock.advance(everyMs / 50 + 150);
	const one = { namespace: '', controlPlane: 'istio-system', owner: undefined };
	const expected = [
		{ ...one, image: 'docker.io/istio/proxyv2:1.3.8', count: 1 },
		{ ...one, image: 'docker.io/istio/proxyv2:1.4.10', count: 2 },
	];
	t.deepEqual(look.seen.proxies, expected);
	t.true(look.isFresh);
	t.deepEqual(stage.told, ['changed']);
	await clock.advance(everyMs + 150);
	t.is(stage.asked.length, 4);
	t.deepEqual(stage.told, ['changed'], 'the same again is no news');
	t.deepEqual(stage.errors, []);
});

test('what is not fresh is looked at again when somebody needs it, and not twice at the same time', async (t) => {
	const stage = new Stage();
	const { look, clock } = stage;
	await clock.advance(everyMs / 50);
	t.true(look.isFresh);
	await clock.advance(everyMs / 5);
	t.false(look.isFresh);
	look.lookNow();
	look.lookNow();
	await clock.advance(0);
	t.true(look.isFresh);
	t.is(stage.asked.length, 2);
	t.deepEqual(stage.told, ['changed', 'awaited'], 'whoever waits learns that it is over');
});

test('looks rest after each page, and the longer the more of them go on', async (t) => {
	const pace = new LookPace();
	const stages = [new Stage(pace), new Stage(pace)];
	for (const stage of stages) stage.pages = [[pod('a', '1.4.10')], [pod('b', '1.4.10')]];
	for (const { clock } of stages) await clock.advance(everyMs / 50);
	for (const { clock } of stages) await clock.advance(1_000);
	t.deepEqual(
		stages.map(({ asked }) => asked.map(({ atMs }) => atMs - everyMs / 50)),
		[
			[0, 150],
			[0, 300],
		],
	);
});

test('what was counted stands while the cluster does not answer, and is no longer fresh', async (t) => {
	const stage = new Stage();
	const { look, clock } = stage;
	stage.pages = [[pod('a', '1.4.10')]];
	await clock.advance(everyMs / 50);
	stage.pages = new TransientError('no answer');
	await clock.advance(everyMs);
	t.is(look.seen.proxies?.length, 1);
	t.is(look.seen.trouble, 'its pods could not be listed');
	t.false(look.isFresh);
	// It is tried again sooner.
	stage.pages = [[]];
	await clock.advance(everyMs / 5);
	t.deepEqual([look.seen.proxies, look.isFresh], [[], true]);
	t.deepEqual(stage.errors, []);
	look.stop();
	t.false(look.isFresh);
	t.is(clock.pendingTimers, 0);
});

test('without the right to list pods nobody knows, whatever was counted before', async (t) => {
	const stage = new Stage();
	const { look, clock } = stage;
	stage.pages = [[pod('a', '1.4.10')]];
	await clock.advance(everyMs / 50);
	stage.pages = new RequestError('no', { status: 403, reason: 'Forbidden' });
	await clock.advance(everyMs);
	t.like(look.seen, { proxies: undefined, isRefused: true });
	t.deepEqual(stage.told, ['changed', 'changed']);
});

test('a cluster that says that it has more pods than anybody counts comes to an end, and is not taken as one without', async (t) => {
	const stage = new Stage();
	const { look, clock } = stage;
	stage.pageWorkMs = 0;
	stage.pages = Array.from({ length: 502 }, () => Array.from({ length: 100 }, () => pod('a', '1.4.10')));
	await clock.advance(everyMs / 50);
	for (let pages = 0; pages < 600 && look.seen.endedAtMs === undefined; pages++) await clock.advance(0);
	t.is(look.seen.proxies, undefined);
	t.regex(look.seen.trouble ?? '', /more than 50000 pods/);
	t.is(stage.asked.length, 501);
	t.false(look.isFresh);
});

test('however many images somebody invents, few are kept, and all are counted', async (t) => {
	const stage = new Stage();
	stage.pages = [Array.from({ length: 500 }, (_, index) => pod('a', `1.4.${index}`))];
	await stage.clock.advance(everyMs / 50);
	const { proxies = [] } = stage.look.seen;
	t.is(proxies.length, 65);
	t.is(
		proxies.reduce((sum, { count = 1 }) => sum + count, 0),
		500,
	);
});

test('a mistake of ours is told as one', async (t) => {
	const stage = new Stage();
	const mistake = new TypeError('a mistake');
	stage.pages = mistake;
	await stage.clock.advance(everyMs / 50);
	await settle();
	t.deepEqual(stage.errors, [mistake]);
});
