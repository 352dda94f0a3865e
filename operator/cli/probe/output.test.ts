import test from 'ava';
import type { MatrixCell } from '../clusters/matrix.ts';
import { longestLog, readProbeLog } from './output.ts';
import type { ProbeTarget } from './script.ts';

const targets: readonly ProbeTarget[] = [
	{ kind: 'api', cluster: 'eu', url: 'https://eu.example:6443/version' },
	{ kind: 'pod', cluster: 'eu', url: 'http://10.1.2.3:15010/' },
];
const read = (...lines: readonly string[]): readonly MatrixCell[] => readProbeLog(lines.join('\n'), targets, 'home');
const first = (line: string): MatrixCell | undefined => read(`meshwright-probe/1 0 ${line}`)[0];
const second = (line: string): MatrixCell | undefined => read(`meshwright-probe/1 1 ${line}`)[1];

test('an API server counts when TLS came about, a pod when it took the connection; names are not part of the latency', (t) => {
	t.deepEqual(first('0 0.010000 0.023456 0.050000'), { state: 'ok', latencyMs: 13.46 });
	t.deepEqual(
		second('52 0.000010 0.001000 0.000000'),
		{ state: 'ok', latencyMs: 0.99 },
		'an empty answer is a connection',
	);
	t.deepEqual(
		second('28 0,000010 0,001000 0,000000'),
		{ state: 'ok', latencyMs: 0.99 },
		'silence after it, and a comma',
	);
});

test('a refusal and silence are told apart', (t) => {
	t.deepEqual(first('7 0.000010 0.000000 0.000000'), { state: 'refused' });
	t.deepEqual(first('28 0.000010 0.000000 0.000000'), { state: 'timeout' });
	t.deepEqual(first('28 0.000010 0.001000 0.000000'), { state: 'timeout' }, 'no TLS within its time');
	t.deepEqual(second('7 0.000010 0.000000 0.000000'), { state: 'refused' });
});

test('what is neither has a reason', (t) => {
	t.regex(first('6 0.000000 0.000000 0.000000')?.detail ?? '', /name of the API server of eu is not known/);
	t.regex(first('127 ')?.detail ?? '', /no curl: name another with --probe-image/);
	t.regex(first('127')?.detail ?? '', /no curl/);
	t.regex(first('35 0.000010 0.001000 0.000000')?.detail ?? '', /from home eu is reached, but not by TLS/);
	t.deepEqual(
		read().map(({ state, detail }) => [state, detail]),
		targets.map(() => ['unknown', 'the probe in home did not say all that it should']),
	);
});

test('nothing of a hostile log counts or gets any further', (t) => {
	const good = 'meshwright-probe/1 0 0 0.000010 0.001000 0.002000';
	for (const line of [
		` ${good}`,
		`x ${good}`,
		`${good} x`,
		good.replace('/1 0', '/2 0'),
		good.replace('/1 0', '/1 7'),
		good.replace('/1 0', '/1 -1'),
		good.replace('/1 0', '/1 00'),
		good.replace('/1 0', '/1 1e0'),
		good.replace('/1 0', '/1 99999'),
		good.replace('0.001000', '1e9'),
		good.replace('0.001000', 'NaN'),
		good.replace('0.001000', '-1.0'),
		good.replaceAll(' ', '\u00a0'),
		'meshwright-probe/1 __proto__ 0 0.000010 0.001000 0.002000',
		'meshwright-probe/1 0 0 0.1 0.1 0.1\u001b[31mred',
	]) {
		const [cell] = read(line);
		t.is(cell?.state, 'unknown', JSON.stringify(line));
		t.is(cell?.detail, 'the probe in home did not say all that it should');
	}
	// The first word counts, whatever comes after it.
	t.is(read(good, 'meshwright-probe/1 0 7 0.000010 0.000000 0.000000')[0]?.state, 'ok');
	// Whatever comes after the limit does not count.
	t.is(readProbeLog(`${'x'.repeat(longestLog)}\n${good}`, targets, 'home')[0]?.state, 'unknown');
});
