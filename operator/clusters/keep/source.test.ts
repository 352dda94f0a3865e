import test, { type ExecutionContext } from 'ava';
import { LiveMap, stored } from '../../apply/testing.ts';
import type { StaticCredentials } from '../../runtime/credentials/grant.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import { basisOf } from '../secret/publication-basis.ts';
import {
	entryOf,
	minute,
	type Script,
	type ScriptedServer,
	start,
	startScript,
	wantedMesh,
	webToken,
} from '../testing.ts';
import type { ClusterConnection } from './connection.ts';
import type { KeeperContext } from './context.ts';
import { ClusterFailure } from './failure.ts';
import { failureContextOf, localSourceOf, sourceOf } from './source.ts';

const { signal } = new AbortController();
const token = webToken({ iat: 0, exp: 3_600 });
const granted = { status: 201, body: { status: { token } } };
const status = (code: number) => ({ status: code, body: { kind: 'Status', code, message: `${code}` } });

/** A cluster whose API server answers by script. `entry.server` leads to another one. */
async function sourceFor(server: ScriptedServer, other?: ScriptedServer) {
	const dialled: StaticCredentials[] = [];
	const there = {
		access: {
			server: server.url,
			ca: 'CA',
			tlsServerName: undefined,
			proxyUrl: undefined,
			credentials: { url: server.url, token: 'token-of-the-operator' },
		},
		api: server.api,
		live: { get: () => undefined },
	} as unknown as ClusterConnection;
	const context = {
		connect: (credentials: StaticCredentials) => {
			dialled.push(credentials);
			const where = credentials.url === server.url ? server : other;
			return (where ?? server).connect(credentials.token ?? '');
		},
	} as unknown as KeeperContext;
	const entry = other === undefined ? entryOf('a') : entryOf('a', { server: other.url });
	return { source: sourceOf(context, { mesh: wantedMesh(), entry, there, signal }, 'istio-reader-here'), dialled };
}

function script(read: Script): Script {
	return (asked) => (asked.method === 'POST' ? granted : read(asked));
}

const reads: Script = () => ({ body: { items: [] } });

async function refusal(t: ExecutionContext, read: Script, answer: unknown = granted): Promise<ClusterFailure> {
	await using server = await startScript((asked) =>
		asked.method === 'POST' ? (answer as typeof granted) : read(asked),
	);
	const { source } = await sourceFor(server);
	const failure = await t.throwsAsync(source.issue(60 * minute, start), { instanceOf: ClusterFailure });
	if (failure === undefined) throw new Error('unreachable');
	t.false(failure.message.includes(token));
	return failure;
}

test('a token is used before it is given away, as Pilot will use it', async (t) => {
	await using server = await startScript(script(reads));
	const { source, dialled } = await sourceFor(server);
	t.deepEqual(await source.issue(60 * minute, start), {
		token,
		issued: { issuedAt: start, lifetimeMs: 60 * minute, askedMs: 60 * minute },
	});
	// None of the operator's own credentials are used.
	t.deepEqual(dialled, [{ url: server.url, ca: 'CA', servername: undefined, proxyUrl: undefined, token }]);
	t.deepEqual(new Set(server.asked.filter(({ method }) => method === 'GET').map((one) => one.token)), new Set([token]));
});

test('a token that is not known there is not proven; the kubeconfig is not to blame', async (t) => {
	const { problem, isReach } = await refusal(t, () => status(401));
	t.is(problem.reason, 'TokenNotProven');
	t.false(isReach);
	t.notRegex(problem.message, /kubeconfig/);
	t.regex(problem.message, /answers 401 .*proxy.*Rancher.* server of the entry.*certificate-authority-data/);
});

test('a token that can not read is not proven, with the words of the API server', async (t) => {
	const { problem, isReach } = await refusal(t, () => status(422));
	t.is(problem.reason, 'TokenNotProven');
	t.regex(problem.message, /^a new token was issued, but does not read the cluster as Pilot has to: .*422/);
	t.false(isReach);
});

test('a connection that ends in between is a matter of reaching it', async (t) => {
	const { problem, isReach } = await refusal(t, () => undefined);
	t.is(problem.reason, 'Unreachable');
	t.true(isReach);
});

test('an answer of no use is told, and is no matter of reaching it', async (t) => {
	const { problem, isReach } = await refusal(t, reads, { status: 201, body: { status: { token: '' } } });
	t.is(problem.reason, 'TokenUnusable');
	t.regex(problem.message, /gave no usable token/);
	t.false(isReach);
});

test('where the mesh dials another address, that is tried, and where only the mesh reaches it, the operator’s own', async (t) => {
	await using server = await startScript(script(reads));
	await using other = await startScript(reads);
	const { source, dialled } = await sourceFor(server, other);
	t.is(source.access.server, other.url);
	await source.issue(60 * minute, start);
	t.deepEqual(
		dialled.map(({ url }) => url),
		[other.url],
	);
	await using silent = await startScript(() => undefined);
	const second = await sourceFor(server, silent);
	await second.source.issue(60 * minute, start);
	t.deepEqual(
		second.dialled.map(({ url }) => url),
		[silent.url, server.url],
	);
	// What the entry names is no proxy.
	await using stranger = await startScript(() => status(401));
	const strange = await sourceFor(server, stranger);
	await t.throwsAsync(strange.source.issue(60 * minute, start), {
		message: /answers 401 .*which the entry names in server, the API server of this cluster\?$/,
	});
	// The server answers there and refuses. Pilot would get the same answer.
	await using refusing = await startScript(() => status(422));
	const third = await sourceFor(server, refusing);
	const failure = await t.throwsAsync(third.source.issue(60 * minute, start), { instanceOf: ClusterFailure });
	t.like(failure, { isReach: false, problem: { reason: 'TokenNotProven' } });
});

test('of this cluster the address has to be known; its failures stay this cluster’s', async (t) => {
	await using server = await startScript(script(reads));
	const context = (address: string | undefined) =>
		({
			api: server.api,
			live: new LiveMap(),
			local: () => ({ id: 'uid', access: { server: address, ca: 'CA' } }),
			connectHere: (given: string) => server.connect(given),
		}) as unknown as KeeperContext;
	t.is(localSourceOf(context(undefined), wantedMesh(), 'x', signal), undefined);
	const given = localSourceOf(context(undefined), wantedMesh({ server: 'https://here.example' }), 'x', signal);
	t.deepEqual(given?.access, { server: 'https://here.example', ca: 'CA', tlsServerName: undefined });
	t.is(
		localSourceOf(context('https://known.example'), wantedMesh(), 'x', signal)?.access.server,
		'https://known.example',
	);
	t.is((await given?.issue(60 * minute, start))?.token, token);
	await using refusing = await startScript(() => status(403));
	const failing = { ...context(undefined), api: refusing.api } as KeeperContext;
	const refused = localSourceOf(failing, wantedMesh({ server: 'https://here.example' }), 'x', signal);
	await t.throwsAsync(async () => refused?.issue(60 * minute, start), { instanceOf: RequestError });
	await using broken = await startScript(() => undefined);
	const silent = { ...context(undefined), api: broken.api } as KeeperContext;
	const lost = localSourceOf(silent, wantedMesh({ server: 'https://here.example' }), 'x', signal);
	await t.throwsAsync(async () => lost?.issue(60 * minute, start), { instanceOf: TransientError });
});

test('the account by which another reads this cluster is that one: made again, it has other tokens', async (t) => {
	await using server = await startScript(script(reads));
	const live = new LiveMap();
	const context = {
		api: server.api,
		live,
		local: () => ({ id: 'uid', access: { server: 'https://here.example', ca: 'CA' } }),
	} as unknown as KeeperContext;
	const basis = () => {
		const source = localSourceOf(context, wantedMesh(), 'x', signal);
		return source === undefined ? undefined : basisOf(source);
	};
	const metadata = { name: 'x', namespace: 'istio-system' };
	const put = (uid: string) => live.observe(stored({ apiVersion: 'v1', kind: 'ServiceAccount', metadata }, { uid }));
	put('first');
	const first = basis();
	t.is(basis(), first);
	put('second');
	t.not(basis(), first);
});

test('messages are about the host, and know what must not be in them', (t) => {
	const credentials = { url: 'https://a.example:6443/x', token: 'tok', key: 'KEY', cert: 'CERT' } as StaticCredentials;
	const access = {
		server: 'https://a.example:6443/x',
		ca: 'CA',
		tlsServerName: undefined,
		proxyUrl: undefined,
		credentials,
	};
	t.deepEqual(failureContextOf(access), { host: 'a.example:6443', secrets: ['tok', 'KEY', 'CERT'] });
});
