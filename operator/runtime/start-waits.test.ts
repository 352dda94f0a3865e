import test from 'ava';
import { FakeClock, settle } from './clock-fake.ts';
import { InvalidError, RequestError, TransientError } from './errors.ts';
import { describeWaits, StartWaits } from './start-waits.ts';

const forbidden = new RequestError('GET /api/v1/secrets: 403 Forbidden: hush', { status: 403, reason: 'Forbidden' });
const busy = (retryAfterMs: number) => new TransientError('busy', { status: 429, retryAfterMs });

function waiting() {
	const clock = new FakeClock();
	const errors: unknown[] = [];
	const waits = new StartWaits({ clock, random: () => 0.5, onError: (error) => errors.push(error) });
	return { clock, errors, waits, end: new AbortController() };
}

test('what a server refuses or fails to answer is asked for again, less and less often, and told meanwhile', async (t) => {
	const { clock, errors, waits, end } = waiting();
	const answers = [forbidden, new TransientError('no answer'), 'here'];
	const asked = waits.until(end.signal)('the list of Secret', async () => {
		const answer = answers.shift();
		if (answer instanceof Error) throw answer;
		return answer;
	});
	t.deepEqual(waits.pending, [{ what: 'the list of Secret', failure: undefined }]);
	await settle();
	t.deepEqual(waits.pending, [{ what: 'the list of Secret', failure: forbidden }]);
	await clock.advance(799);
	t.is(answers.length, 2);
	await clock.advance(1);
	t.is(answers.length, 1);
	await clock.advance(1_600);
	t.is(await asked, 'here');
	t.deepEqual(waits.pending, []);
	t.is(errors.length, 2);
});

test('a server is obeyed when it asks for a wait', async (t) => {
	const { clock, waits, end } = waiting();
	const answers = [busy(10_000), 'here'];
	const asked = waits.until(end.signal)('it', async () => {
		const answer = answers.shift();
		if (answer instanceof Error) throw answer;
		return answer;
	});
	await settle();
	await clock.advance(9_999);
	t.is(answers.length, 1);
	await clock.advance(1);
	t.is(await asked, 'here');
});

test('an error that no server caused ends the wait, and so does the signal', async (t) => {
	const { errors, waits, end } = waiting();
	const invalid = new InvalidError('KubeconfigInvalid', 'no such program');
	await t.throwsAsync(
		waits.until(end.signal)('it', () => Promise.reject(invalid)),
		{ is: invalid },
	);
	const asked = waits.until(end.signal)('it', () => Promise.reject(forbidden));
	const failed = t.throwsAsync(asked, { message: 'SIGTERM' });
	await settle();
	end.abort(new Error('SIGTERM'));
	await failed;
	t.deepEqual([waits.pending, errors], [[], [forbidden]]);
});

test('waits for the same reason are told together, without the words of a server', (t) => {
	t.is(describeWaits([]), undefined);
	t.is(
		describeWaits([
			{ what: 'the list of Secret', failure: forbidden },
			{ what: 'the version', failure: undefined },
			{ what: 'the list of Role', failure: forbidden },
		]),
		'waits for the list of Secret, the list of Role (403 Forbidden: the role that allows it is missing); the version',
	);
});
