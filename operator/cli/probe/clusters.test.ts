/** What fails in a cluster becomes a cell of the matrix. What fails in this program does not. */
import test from 'ava';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { InvalidError, TransientError } from '../../runtime/errors.ts';
import type { LookedAt } from '../clusters/look.ts';
import type { Matrix } from '../clusters/matrix.ts';
import { probeMatrix } from './clusters.ts';
import type { runProbe } from './run.ts';

/** A client for an address where nothing listens. */
const nobody = new ApiServer({ url: 'http://127.0.0.1:1' });
test.after.always(() => nobody.close());

const mesh = { name: 'default', namespace: 'istio-system', server: 'https://here.example:6443' };
const entry = {
	name: 'eu',
	role: 'Remote',
	kubeconfig: { namespace: 'a', name: 'eu', key: 'b' },
	server: 'https://eu.example:6443',
} as const;
const eu: LookedAt = {
	entry,
	access: undefined,
	api: undefined,
	reach: { state: 'timeout' },
	facts: undefined,
	problems: [],
};

function matrixOf(run: typeof runProbe, api = nobody): Promise<Matrix> {
	const { signal } = new AbortController();
	const settings = { allowLoopback: false, allowProxies: false };
	return probeMatrix(
		{ to: [], rows: [], hasPods: false },
		mesh as Parameters<typeof probeMatrix>[1],
		[eu],
		api,
		settings,
		{ probeImage: 'none', run },
		signal,
	);
}

test('a probe that says nothing, and a cluster that does not answer, are cells with the reason', async (t) => {
	for (const [error, detail] of [
		[new TransientError('cut'), /its API server does not answer/],
		[new InvalidError('ProbeFailed', 'the probe said nothing'), /^the probe said nothing$/],
	] as const) {
		const { rows } = await matrixOf(() => Promise.reject(error));
		const [here, there] = rows;
		t.is(here?.api.get('eu')?.state, 'unknown');
		t.regex(here?.api.get('eu')?.detail ?? '', detail);
		t.is(here?.pod.get('eu')?.detail, 'eu is not reached from here, so nothing is known of its pods');
		t.is(there?.pod.get('(this cluster)')?.detail?.endsWith('so nothing is known of its pods'), true);
	}
});

test('a defect is no answer of a cluster: it surfaces', async (t) => {
	const defect = new TypeError('cannot read properties of undefined');
	t.is(await t.throwsAsync(matrixOf(() => Promise.reject(defect))), defect);
	const without = { host: 'here.example' } as ApiServer;
	await t.throwsAsync(
		matrixOf(() => Promise.resolve(''), without),
		{ instanceOf: TypeError },
	);
});
