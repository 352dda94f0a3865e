import test from 'ava';
import { Misbehaviour } from './misbehaviour.ts';
import { randomFrom } from './random.ts';

const get = { method: 'GET', path: '/api/v1/secrets', isWatch: false };
const put = { method: 'PUT', path: '/api/v1/namespaces/a/secrets/b', isWatch: false };

test('a tenth of all requests goes wrong, in every way', (t) => {
	const misbehaviour = new Misbehaviour(randomFrom('1'));
	const faults = Array.from({ length: 5_000 }, () => misbehaviour.decide(put));
	const met = faults.filter((fault) => fault !== undefined);
	t.true(met.length > 400 && met.length < 600, String(met.length));
	const kinds = new Set(met.map((fault) => (fault.type === 'answer' ? String(fault.status) : fault.type)));
	t.deepEqual([...kinds].sort(), ['409', '429', '500', '503', 'cut', 'drop', 'drop-answer', 'hang', 'truncate'].sort());
});

test('what happens to a request does not depend on requests of others', (t) => {
	const one = new Misbehaviour(randomFrom('1'));
	const other = new Misbehaviour(randomFrom('1'));
	const alone = Array.from({ length: 100 }, () => one.decide(get));
	const amongOthers = Array.from({ length: 100 }, () => {
		other.decide(put);
		return other.decide(get);
	});
	t.deepEqual(alone, amongOthers);
});

test('when it is away nothing passes, and when it is calm everything does', (t) => {
	const misbehaviour = new Misbehaviour(randomFrom('1'));
	misbehaviour.isAway = true;
	t.deepEqual(misbehaviour.decide(get), { type: 'drop' });
	misbehaviour.isAway = false;
	misbehaviour.isOn = false;
	t.true(Array.from({ length: 100 }, () => misbehaviour.decide(get)).every((fault) => fault === undefined));
});
