import test from 'ava';
import { type Matrix, type MatrixCell, matrixData, matrixGaps, matrixLines, matrixNotes } from './matrix.ts';

const cells = (of: Readonly<Record<string, MatrixCell>>) => new Map(Object.entries(of));

const matrix: Matrix = {
	to: ['home', 'eu', 'us'],
	hasPods: true,
	rows: [
		{
			from: 'here',
			api: cells({
				home: { state: 'ok', latencyMs: 2.34 },
				eu: { state: 'ok', latencyMs: 81.7 },
				us: { state: 'timeout' },
			}),
			pod: cells({}),
		},
		{
			from: 'home',
			api: cells({ eu: { state: 'ok', latencyMs: 0.4 }, us: { state: 'refused' } }),
			pod: cells({ eu: { state: 'timeout' }, us: { state: 'timeout' } }),
		},
		{
			from: 'eu',
			api: cells({ home: { state: 'timeout' }, us: { state: 'unknown', detail: 'not tried' } }),
			pod: cells({ home: { state: 'refused' }, us: { state: 'unknown', detail: 'not tried' } }),
		},
	],
};

test('rows are from, columns to; who runs the command reaches no pods', (t) => {
	t.is(
		matrixLines(matrix).join('\n'),
		`API SERVERS   home       eu         us
here          ok 2.3ms   ok 82ms    timeout
home          -          ok 0.4ms   refused
eu            timeout    -          unknown

PODS   home      eu        us
home   -         timeout   timeout
eu     refused   -         unknown`,
	);
	t.false(matrixLines({ ...matrix, hasPods: false }).includes('PODS'));
});

test('what does not work counts where the mesh lives by it: control planes read all, pods of one network reach each other', (t) => {
	const primaries = new Set(['home']);
	const networks = new Map([
		['home', 'n1'],
		['eu', 'n1'],
		['us', 'n2'],
	]);
	t.deepEqual(matrixGaps(matrix, { primaries, networks }), [
		'here does not reach the API server of us: timeout',
		'home does not reach the API server of us: refused',
		'home does not reach pods of eu: timeout',
		'eu does not reach pods of home: refused',
	]);
	const both = new Set(['home', 'eu']);
	t.true(
		matrixGaps(matrix, { primaries: both, networks }).includes('eu does not reach the API server of home: timeout'),
	);
});

test('why something is unknown is told once', (t) => {
	t.deepEqual(matrixNotes(matrix), ['not tried']);
});

test('programs get a list of cells', (t) => {
	const data = matrixData(matrix) as readonly object[];
	t.is(data.length, 11);
	t.deepEqual(data[1], { from: 'here', to: 'eu', what: 'apiServer', state: 'ok', latencyMs: 81.7 });
});
