import test from 'ava';
import { initialState, mostDoubt, type ReflectorEvent, type ReflectorState, step } from './reflector-state.ts';

/** Runs events from the beginning. Returns the last state, and the names of all effects of the last event. */
function run(...events: readonly ReflectorEvent[]): { state: ReflectorState; effects: readonly string[] } {
	let state = initialState;
	let effects: readonly string[] = [];
	for (const event of events) {
		const next = step(state, event);
		state = next.state;
		effects = next.effects.map((effect) => {
			switch (effect.type) {
				case 'list':
					return `list ${effect.form}${effect.continue === undefined ? '' : ` from ${effect.continue}`}`;
				case 'watch':
					return `watch from ${effect.position}`;
				case 'commit':
					return `commit ${effect.resourceVersion}`;
				case 'wait':
					return `wait after ${effect.failures}${effect.atLeastMs === 0 ? '' : `, at least ${effect.atLeastMs}`}`;
				case 'abandon':
					return 'abandon';
				case 'report':
					return `${effect.event}: ${effect.reason}`;
				default:
					return effect satisfies never;
			}
		});
	}
	return { state, effects };
}

const start: ReflectorEvent = { type: 'start' };
const page = (resourceVersion: string, next?: string): ReflectorEvent => ({
	type: 'page',
	resourceVersion,
	continue: next,
});
const opened: ReflectorEvent = { type: 'opened' };
const changed = (resourceVersion: string): ReflectorEvent => ({ type: 'changed', resourceVersion });
const bookmark = (resourceVersion: string): ReflectorEvent => ({ type: 'bookmark', resourceVersion });
const ended: ReflectorEvent = { type: 'ended' };
const due: ReflectorEvent = { type: 'due' };
const failed = (failure: (ReflectorEvent & { type: 'failed' })['failure'], retryAfterMs?: number): ReflectorEvent => ({
	type: 'failed',
	failure,
	retryAfterMs,
});
const watching = [start, page('10'), opened];

test('a watch that brought something and was over in a moment is opened again after a wait, each time', (t) => {
	const short: ReflectorEvent = { type: 'ended', isShort: true };
	t.deepEqual(run(...watching, changed('11'), short).effects, ['error: ended', 'wait after 1']);
	const again = [...watching, changed('11'), short, due, opened, changed('12')];
	t.deepEqual(run(...again, short).effects, ['error: ended', 'wait after 1']);
	t.deepEqual(run(...again, ended).effects, ['reconnect: ended', 'watch from 12'], 'one that lasted is not waited for');
	const expired: ReflectorEvent = { type: 'failed', failure: 'expired', isShort: true };
	t.deepEqual(run(...watching, changed('11'), expired).effects, ['error: expired', 'wait after 1']);
});

test('a list is read page by page, then watched from its resourceVersion', (t) => {
	t.deepEqual(run(start).effects, ['list pages']);
	t.deepEqual(run(start, page('10', 'token')).effects, ['list pages from token']);
	t.deepEqual(run(start, page('10', 'token'), page('10')).effects, ['commit 10', 'watch from 10']);
});

test('a page that expired makes the list begin anew, whole', (t) => {
	t.deepEqual(run(start, page('10', 'token'), failed('expired')).effects, ['relist: a page expired', 'list whole']);
	t.deepEqual(run(start, page('10', 'token'), failed('expired'), failed('busy'), due).effects, [
		'relist: again',
		'list pages',
	]);
});

test('a watch that the server ends is opened again at once from the last event or bookmark', (t) => {
	t.deepEqual(run(...watching, ended).effects, ['reconnect: ended', 'watch from 10']);
	t.deepEqual(run(...watching, changed('11'), ended).effects, ['reconnect: ended', 'watch from 11']);
	t.deepEqual(run(...watching, bookmark('15'), failed('cut')).effects, ['reconnect: cut', 'watch from 15']);
	t.deepEqual(run(...watching, failed('silent')).effects, ['reconnect: silent', 'watch from 10']);
});

test('a watch that ends again before anything came waits, longer each time, and keeps the position', (t) => {
	const twice = [...watching, ended, opened, ended];
	t.deepEqual(run(...twice).effects, ['error: ended', 'wait after 2']);
	t.deepEqual(run(...twice, due).effects, ['reconnect: again', 'watch from 10']);
	t.deepEqual(run(...twice, due, opened, ended).effects, ['error: ended', 'wait after 3']);
	t.deepEqual(run(...twice, due, opened, changed('11'), ended).effects, ['reconnect: ended', 'watch from 11']);
});

for (const failure of ['unreachable', 'busy', 'refused', 'unsupported'] as const) {
	test(`a watch that can't be opened (${failure}) backs off and keeps the position`, (t) => {
		t.deepEqual(run(start, page('10'), failed(failure)).effects, [`error: ${failure}`, 'wait after 1']);
		t.deepEqual(run(start, page('10'), failed(failure), due).effects, ['reconnect: again', 'watch from 10']);
	});
}

test('the server decides the shortest wait', (t) => {
	t.deepEqual(run(start, page('10'), failed('busy', 5000)).effects, ['error: busy', 'wait after 1, at least 5000']);
});

test('an outage of any length never costs a list', (t) => {
	const outage = Array.from({ length: 50 }, () => [failed('unreachable'), due]).flat();
	t.deepEqual(run(...watching, failed('cut'), ...outage).effects, ['reconnect: again', 'watch from 10']);
});

test('a position that expired costs a list at once, one that expires again and again waits', (t) => {
	const once = [...watching, failed('expired')];
	t.deepEqual(run(...once).effects, ['relist: expired', 'list pages']);
	const twice = [...once, page('20'), failed('expired')];
	t.deepEqual(run(...twice).effects, ['error: expired', 'wait after 1']);
	const thrice = [...twice, due, page('30'), opened, failed('expired')];
	t.deepEqual(run(...thrice).effects, ['error: expired', 'wait after 2']);
	t.deepEqual(run(...thrice, due, page('40'), opened, changed('41'), failed('expired')).effects, [
		'relist: expired',
		'list pages',
	]);
});

test('a server that answers but never for our position is asked for a list in the end', (t) => {
	const refusals = Array.from({ length: mostDoubt - 1 }, () => [failed('refused'), due]).flat();
	t.deepEqual(run(start, page('10'), ...refusals).effects, ['reconnect: again', 'watch from 10']);
	t.deepEqual(run(start, page('10'), ...refusals, failed('refused'), due).effects, ['relist: again', 'list pages']);
});

test('silence without bookmarks twice in a row asks for a list', (t) => {
	const silent = [...watching, failed('silent'), opened, failed('silent')];
	t.deepEqual(run(...silent, due).effects, ['relist: again', 'list pages']);
});

test('a failed list backs off and begins from the first page', (t) => {
	t.deepEqual(run(start, page('10', 'token'), failed('refused')).effects, ['error: refused', 'wait after 1']);
	t.deepEqual(run(start, page('10', 'token'), failed('refused'), due).effects, ['relist: again', 'list pages']);
});

test('a new list can be asked for at any time but before the start', (t) => {
	t.deepEqual(run({ type: 'relist' }).effects, []);
	t.deepEqual(run(...watching, { type: 'relist' }).effects, ['abandon', 'relist: asked for', 'list pages']);
	t.deepEqual(run(start, failed('busy'), { type: 'relist' }).effects, ['abandon', 'relist: asked for', 'list pages']);
});

test('events that do not fit the state change nothing', (t) => {
	for (const event of [due, opened, page('99'), changed('99'), ended, failed('cut')]) {
		t.deepEqual(run(event), { state: initialState, effects: [] });
	}
	const { state } = run(...watching);
	for (const event of [due, page('99'), start]) {
		t.deepEqual(run(...watching, event), { state, effects: [] });
	}
});
