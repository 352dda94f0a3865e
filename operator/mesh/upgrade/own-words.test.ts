import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { issueServingCertificate } from '../../certificates/index.ts';
import { classicLine } from '../../lines/classic.ts';
import { lines } from '../../lines/index.ts';
import type { CountersWord, OwnWord, WebhookWord } from '../../plan/upgrade/own-word.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import { installation } from '../../render/testing.ts';
import { prepare } from '../prepare.ts';
import { OwnWords, type OwnWordsOptions, reachPod, type Word, type WordQuestion } from './own-words.ts';

const prepared = prepare(installation({ version: '1.4.10', profile: 'default' }), { lines });
if (!prepared.ok) throw new Error(JSON.stringify(prepared.problems));
const words = classicLine.ownWords(prepared.mesh as ResolvedClassicMesh);
const [pilot, injector] = words as readonly [CountersWord, WebhookWord];

const certificate = await issueServingCertificate({
	dnsNames: [injector.serverName],
	now: new Date(),
	lifetimeMs: 86_400_000,
	previousRoots: '',
});

async function listening(t: ExecutionContext, server: Server): Promise<number> {
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	return (server.address() as AddressInfo).port;
}

interface Hearing {
	readonly words: OwnWords;
	readonly question: WordQuestion;
	/** Resolves with what is said once something else than before has come. */
	readonly heard: () => Promise<Word>;
}

/** Everything that is not asked for a second time by the clock, as in a test of one answer. */
function hear(t: ExecutionContext, word: OwnWord, port: number, options: Partial<OwnWordsOptions> = {}): Hearing {
	let wake: () => void = () => {};
	const asked = new OwnWords({
		reach: () => ({ address: '127.0.0.1', port }),
		onChange: (mesh) => {
			t.is(mesh, 'default');
			wake();
		},
		onError: (error) => t.fail(String(error)),
		// Whoever is asked answers sooner or later, also on a busy machine.
		deadlineMs: 60_000,
		settleMs: 1,
		againMs: 0,
		...options,
	});
	t.teardown(() => asked.stop());
	const question = { stageKey: 'one', word, pods: [{ name: 'a', address: '10.0.0.1' }] };
	return {
		words: asked,
		question,
		heard: async () => {
			const woken = new Promise<void>((resolve) => {
				wake = resolve;
			});
			asked.of('default', question);
			await woken;
			return asked.of('default', question);
		},
	};
}

/** Metrics as Pilot tells them. */
function metrics(rejects: number, pushes: Readonly<Record<string, number>> = { lds_senderr: 7 }): string {
	return [
		'# TYPE pilot_total_xds_rejects counter',
		`pilot_total_xds_rejects ${rejects}`,
		'pilot_xds_pushes{type="lds"} 44',
		...Object.entries(pushes).map(([type, count]) => `pilot_xds_pushes{type="${type}"} ${count}`),
		...(rejects === 0
			? []
			: ['pilot_xds_lds_reject{err="bad } \\"x\\" 9",node="a"} 1', 'pilot_xds_lds_reject{node="b"} 1']),
		'',
	].join('\n');
}

test('Pilot is asked for its metrics at the port of its release, and the injector for a review', (t) => {
	t.like(pilot, { stage: 'Pilot', deployment: 'istio-pilot', port: 15014, path: '/metrics' });
	t.like(injector, { stage: 'Injector', deployment: 'istio-sidecar-injector', port: 9443 });
	t.is(injector.serverName, 'istio-sidecar-injector.istio-system.svc');
	const older = prepare(installation({ version: '1.0.9', profile: 'default' }), { lines });
	t.is(older.ok ? classicLine.ownWords(older.mesh as ResolvedClassicMesh)[0]?.port : undefined, 9093);
});

test('a Pilot that counts no reject, twice, says nothing against its stage, and is not asked again', async (t) => {
	let asked = 0;
	const port = await listening(
		t,
		createServer((_, response) => {
			asked++;
			response.end(metrics(0));
		}),
	);
	const { heard, words: own, question } = hear(t, pilot, port);
	t.deepEqual(await heard(), { kind: 'fine' });
	t.is(asked, 2);
	own.of('default', { ...question, pods: [{ name: 'b', address: '10.0.0.2' }] });
	t.deepEqual(own.of('default', question), { kind: 'fine' });
	own.forget('default');
	t.deepEqual(own.of('default', question), { kind: 'asking' });
});

test('rejects that begin between two readings stand against the stage, until a pod has none', async (t) => {
	const answers = [0, 2, 2, 0, 0];
	const port = await listening(
		t,
		createServer((_, response) => response.end(metrics(answers.shift() ?? 99))),
	);
	const { heard, words: own, question } = hear(t, pilot, port);
	const first = await heard();
	t.is(first.kind, 'against');
	t.regex('sentence' in first ? first.sentence : '', /pod a .*pilot_total_xds_rejects 2, pilot_xds_lds_reject 2/);
	// It is asked again by the last call, and by this one.
	while (own.of('default', question).kind === 'against') await new Promise((resolve) => setTimeout(resolve, 5));
	t.deepEqual(own.of('default', question), { kind: 'fine' });
});

test('what a Pilot could not make stands against its stage, and what does not reach proxies only while that grows', async (t) => {
	const answers = [{ rds_builderr: 1 }, { lds_senderr: 7 }, { lds_senderr: 9 }, { lds_senderr: 9 }, { lds_senderr: 9 }];
	const port = await listening(
		t,
		createServer((_, response) => response.end(metrics(0, answers.shift() ?? {}))),
	);
	const { words: own, question } = hear(t, pilot, port);
	const sentences = new Set<string>();
	for (let word = own.of('default', question); word.kind !== 'fine'; word = own.of('default', question)) {
		if ('sentence' in word) sentences.add(word.sentence);
		await new Promise((resolve) => setTimeout(resolve, 1));
	}
	t.deepEqual(
		[...sentences],
		[
			'pod a has counted since its start what it can not make for proxies: pilot_xds_pushes{type="rds_builderr"} 1; its log says more',
			'pod a counts what does not reach proxies: pilot_xds_pushes{type="lds_senderr"} 7 → 9; its log says more',
		],
	);
	t.deepEqual(answers, []);
});

test('what one pod says against the stage counts more than that another one gives no answer', async (t) => {
	const port = await listening(
		t,
		createServer((_, response) => response.end(metrics(2))),
	);
	const nobody = { name: 'b', address: undefined };
	const { words: own, question } = hear(t, pilot, port);
	for (const pods of [[nobody, ...question.pods], question.pods]) {
		own.forget('default');
		while (own.of('default', { ...question, pods }).kind === 'asking')
			await new Promise((resolve) => setTimeout(resolve, 1));
		t.is(own.of('default', { ...question, pods }).kind, 'against');
	}
});

const unheard: readonly (readonly [string, RequestListener, Partial<OwnWordsOptions>, RegExp])[] = [
	['hangs', () => {}, { deadlineMs: 100 }, /pod a gives no answer on port 15014: no answer within 0\.1 s/],
	[
		'answers without end',
		(_, response) => {
			const more = () => {
				while (response.write('x'.repeat(65_536)));
			};
			response.on('drain', more);
			more();
		},
		{ mostBytes: 1_000_000 },
		/its answer is longer than 1000000 bytes/,
	],
	['answers with an error', (_, response) => response.writeHead(503).end(), {}, /it answers with status 503/],
	[
		'leads elsewhere',
		(_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
		{},
		/it answers with status 302/,
	],
];

for (const [what, answer, options, why] of unheard) {
	test(`of a Pilot whose metrics are not told nothing is guessed: it ${what}`, async (t) => {
		const word = await hear(t, pilot, await listening(t, createServer(answer)), options).heard();
		t.is(word.kind, 'unheard');
		t.regex('sentence' in word ? word.sentence : '', why);
	});
}

test('pods that are not reached hold nothing up: no connection, no address, an operator outside of the cluster', async (t) => {
	const server = createServer();
	const port = await listening(t, server);
	server.close();
	await once(server, 'close');
	t.regex(JSON.stringify(await askWebhook(t, port, certificate.roots)), /unheard.*ECONNREFUSED/);
	t.is((await hear(t, pilot, port).heard()).kind, 'unheard');
	t.is(
		(await hear(t, pilot, port, { reach: reachPod }).words.of('default', hear(t, pilot, port).question)).kind,
		'asking',
	);
	const outside = hear(t, pilot, port, { reach: undefined });
	t.is(outside.words.of('default', outside.question).kind, 'unheard');
	t.deepEqual(reachPod('10.0.0.1', 1), { address: '10.0.0.1', port: 1 });
	for (const address of ['127.0.0.1', '169.254.169.254', '::1']) t.is(reachPod(address, 1), undefined);
});

async function webhook(t: ExecutionContext, answer: (review: typeof injector.review) => unknown): Promise<number> {
	const server = createTlsServer({ cert: certificate.certChain, key: certificate.key }, (asked, response) => {
		let text = '';
		asked.on('data', (part: Uint8Array) => {
			text += Buffer.from(part).toString();
		});
		asked.on('end', () => {
			t.is(`${asked.method} ${asked.url} ${asked.headers['content-type']}`, 'POST /inject application/json');
			response.end(JSON.stringify(answer(JSON.parse(text))));
		});
	});
	return listening(t, server);
}

async function askWebhook(t: ExecutionContext, port: number, ca: string | undefined, word = injector): Promise<Word> {
	const hearing = hear(t, word, port);
	const question = { ...hearing.question, ca };
	hearing.words.of('default', question);
	while (hearing.words.of('default', question).kind === 'asking')
		await new Promise((resolve) => setTimeout(resolve, 5));
	return hearing.words.of('default', question);
}

test('an injector that answers a review has given its word', async (t) => {
	const port = await webhook(t, ({ request: { uid } }) => ({ response: { uid, allowed: true } }));
	t.deepEqual(await askWebhook(t, port, certificate.roots), { kind: 'fine' });
	t.is((await askWebhook(t, port, undefined)).kind, 'unheard');
});

test('an injector that answers otherwise, or whose certificate is not that of the webhook, stands against its stage', async (t) => {
	const says = async (word: Promise<Word>, what: RegExp) => {
		const heard = await word;
		t.is(heard.kind, 'against');
		t.regex('sentence' in heard ? heard.sentence : '', what);
	};
	const other = await webhook(t, () => ({ hello: 'world' }));
	await says(
		askWebhook(t, other, certificate.roots),
		/does not answer as a webhook on port 9443: .*no AdmissionReview/,
	);
	const refusing = await webhook(t, ({ request: { uid } }) => ({ response: { uid, allowed: false } }));
	await says(askWebhook(t, refusing, certificate.roots), /it refuses a pod/);
	await says(askWebhook(t, refusing, certificate.roots, { ...injector, serverName: 'other.svc' }), /other\.svc/);
});
