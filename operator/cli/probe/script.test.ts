/** Runs the probe's script in the shell of this machine against real listeners. */
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { promisify } from 'node:util';
import test from 'ava';
import { issueCertificate, makeAuthority } from '../../../e2e/support/certificate-authority.ts';
import { readProbeLog } from './output.ts';
import { type ProbeTarget, probeArguments, probeMark, probeScript, probeSeconds, targetSeconds } from './script.ts';

const run = promisify(execFile);

/** A port where nobody listens, and that nobody gets who asks for any port. */
const closed = 1;

async function probe(targets: readonly ProbeTarget[]): Promise<string> {
	const { stdout } = await run('/bin/sh', ['-c', probeScript, 'probe', ...probeArguments(targets)]);
	return stdout;
}

async function listen(server: Server): Promise<number> {
	await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
	const address = server.address();
	return typeof address === 'object' && address !== null ? address.port : 0;
}

test('open, closed and silent ports, by TCP and by TLS, are told apart', async (t) => {
	const { certChain, key } = await issueCertificate(await makeAuthority({ organisation: 'Probe' }), ['127.0.0.1']);
	const secure = createTlsServer({ cert: certChain, key }, (socket) =>
		socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'),
	);
	// Accepts connections and never answers.
	const silent = createServer((socket) => socket.on('error', () => undefined));
	t.teardown(() => secure.close());
	t.teardown(() => silent.close());
	const [open, mute] = [await listen(secure), await listen(silent)];
	const targets: readonly ProbeTarget[] = [
		{ kind: 'api', cluster: 'open', url: `https://127.0.0.1:${open}/version` },
		{ kind: 'api', cluster: 'silent', url: `https://127.0.0.1:${mute}/version` },
		{ kind: 'api', cluster: 'closed', url: `https://127.0.0.1:${closed}/version` },
		{ kind: 'pod', cluster: 'silent', url: `http://127.0.0.1:${mute}/` },
		{ kind: 'pod', cluster: 'closed', url: `http://127.0.0.1:${closed}/` },
		// A name that can't exist, so that no name server is asked.
		{ kind: 'api', cluster: 'nowhere', url: `https://${'x'.repeat(64)}.invalid/version` },
	];
	const started = performance.now();
	const log = await probe(targets);
	t.true(performance.now() - started < probeSeconds(targets.length) * 1_000);
	const cells = readProbeLog(log, targets, 'here');
	t.deepEqual(
		cells.map(({ state }) => state),
		['ok', 'timeout', 'refused', 'ok', 'refused', 'unknown'],
		log,
	);
	const [first] = cells;
	t.true((first?.latencyMs ?? -1) >= 0 && (first?.latencyMs ?? 0) < targetSeconds * 1_000);
	t.is(log.split('\n').at(-2), `${probeMark} end ${targets.length}`);
});

test('what stands in a target is never run, and without targets there is nothing but the end', async (t) => {
	const hostile = ['https://$(echo run)/', '`id`', "';id;'", '-o/tmp/x', '--version'].map(
		(url): ProbeTarget => ({ kind: 'api', cluster: 'x', url }),
	);
	const log = await probe(hostile);
	t.deepEqual(
		log.split('\n').filter((line) => line !== '' && !line.startsWith(`${probeMark} `)),
		[],
	);
	t.notRegex(log, /run|uid=|curl [0-9]/);
	t.is(await probe([]), `${probeMark} end 0\n`);
});

test('more targets than are tried at once are all tried', async (t) => {
	const targets = Array.from(
		{ length: 19 },
		(): ProbeTarget => ({ kind: 'pod', cluster: 'x', url: `http://127.0.0.1:${closed}/` }),
	);
	t.true(readProbeLog(await probe(targets), targets, 'here').every(({ state }) => state === 'refused'));
});

test('without curl the log says so', async (t) => {
	const targets: readonly ProbeTarget[] = [{ kind: 'api', cluster: 'x', url: 'https://192.0.2.1/' }];
	const { stdout } = await run('/bin/sh', ['-c', probeScript, 'probe', ...probeArguments(targets)], {
		env: { PATH: '/nowhere' },
	});
	t.regex(readProbeLog(stdout, targets, 'here')[0]?.detail ?? '', /has no curl/);
});
