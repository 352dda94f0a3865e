/**
 * A change of version by the command line: every command of docs/upgrade.md, first with a working operator, then with a
 * status that the test writes, for what takes an operator its time.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import test from 'ava';
import type { ParsedStatus } from '../../api/v1/index.ts';
import { statusFieldManager } from '../../operator/apply/identity.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { isWrite } from '../control-plane/audit.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { atTerminal, ctrlC, hasTerminal } from '../support/at-terminal.ts';
import { type CommandResult, meshwright } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { exitCodeOf } from '../support/exit-code.ts';
import { applyInstallation, readInstallation, untilReady } from '../support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from '../support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';
import { mark } from '../support/writes.ts';

const name = 'default';
const gateways = { ingress: { enabled: true } };
const upgrade = { pauseBefore: ['Gateways'] };

let mesh: MeshCluster;
let operator: RunningOperator;
let folder: string;
/** The commands that were run, as they stand on the page. */
const ran = new Set<string>();

test.before(async () => {
	folder = await mkdtemp(join(tmpdir(), 'meshwright-by-hand-'));
	mesh = await startMeshCluster({ parts: 'all', nodes: 2 });
	operator = await startOperator(mesh);
	await applyInstallation(mesh.api, name, { version: '1.2.10', gateways, upgrade });
	await untilReady(mesh.api, name);
	const { apiVersion, kind, spec } = await readInstallation(mesh.api, name);
	const wanted = { apiVersion, kind, metadata: { name }, spec: { ...(spec as object), version: '1.3.8' } };
	await writeFile(join(folder, 'mesh.yaml'), JSON.stringify(wanted));
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
	await rm(folder, { recursive: true, force: true });
});

/** Runs a command as it stands on the page. */
function run(command: string): Promise<CommandResult> {
	ran.add(command);
	const [program, ...words] = command.split(' ');
	if (program !== 'meshwright') throw new Error(`${command} is none of ours`);
	const args = words.map((word) => (word === 'mesh.yaml' ? join(folder, word) : word));
	return meshwright([...args, '--kubeconfig', mesh.cluster.adminKubeconfig()]);
}

async function versionOf(): Promise<string> {
	return ((await readInstallation(mesh.api, name)).spec as { readonly version: string }).version;
}

/** Says in the operator's place how far it is. */
async function say(status: ParsedStatus): Promise<void> {
	const { apiVersion, kind, metadata, status: before } = await readInstallation(mesh.api, name);
	const { upgrade: _, ...rest } = before ?? {};
	const body = {
		apiVersion,
		kind,
		metadata: { name },
		status: { ...rest, observedGeneration: metadata.generation, ...status },
	};
	await mesh.api.apply(body, { fieldManager: statusFieldManager, subresource: 'status', force: true });
}

function condition(type: string, status: 'True' | 'False' | 'Unknown', reason: string, message = 'because') {
	return { type, status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' };
}

interface Event {
	readonly type: string;
	readonly outcome?: string;
	readonly stage?: string;
}

function eventsOf({ stdout }: CommandResult): readonly Event[] {
	return stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line) as Event);
}

test.serial('the plan says which versions may follow, and what stands against one', async (t) => {
	const targets = await run('meshwright upgrade plan default');
	t.is(targets.exitCode, 0, targets.stderr);
	t.regex(targets.stdout, /1\.2\.10 +1\.3\.8 +meshwright upgrade plan default --to 1\.3\.8/);
	const plan = await run('meshwright upgrade plan default --to 1.3.8');
	t.is(plan.exitCode, 0, plan.stdout + plan.stderr);
	t.is((await run('meshwright precheck -f mesh.yaml')).exitCode, 0);
	t.is((await run('meshwright diff -f mesh.yaml')).exitCode, 1);
	// No Deployment of the operator is here: that alone is not well.
	const since = await mark(mesh.cluster);
	const check = await run('meshwright check default');
	t.is(check.exitCode, 1);
	const asked = (await mesh.cluster.auditEvents())
		.slice(since)
		.filter(({ user, userAgent }) => user.username !== operatorUser && userAgent?.startsWith('meshwright/') === true);
	t.true(asked.length > 10);
	const written = asked.filter(isWrite);
	t.deepEqual(
		written.map(({ objectRef }) => objectRef?.resource).filter((resource) => !resource?.endsWith('reviews')),
		[],
		'it asks, and stores nothing',
	);
	t.regex(check.stdout, /✔ condition Ready is True/);
	t.is((await run('meshwright status default')).exitCode, 0);
});

test.serial('blocked, without an answer, or kept by Git, nothing is changed, and what to do is said', async (t) => {
	const blocked = await run('meshwright upgrade default --to 1.4.10 --yes');
	t.is(blocked.exitCode, 3, blocked.stderr);
	t.regex(blocked.stdout, /minor-skipped/);
	const unanswered = await run('meshwright upgrade default --to 1.3.8');
	t.is(unanswered.exitCode, 2);
	t.regex(
		unanswered.stderr,
		/nobody is there to answer: Change MeshInstallation default from 1\.2\.10 to 1\.3\.8\?\n +do: say --yes/,
	);
	t.regex((await run('meshwright upgrade default')).stderr, /--to/);
	t.regex((await run('meshwright upgrade rollback default')).stderr, /no change of version .* goes on/);
	t.regex((await run('meshwright upgrade approve default')).stderr, /waits for no approval/);

	const { apiVersion, kind } = await readInstallation(mesh.api, name);
	const ofGit = { apiVersion, kind, metadata: { name }, spec: { version: '1.2.10' } };
	await mesh.api.apply(ofGit, { fieldManager: 'argocd-controller', force: true });
	const kept = await run('meshwright upgrade default --to 1.3.8 --yes');
	t.is(kept.exitCode, 2);
	t.regex(
		kept.stderr,
		/spec\.version of MeshInstallation default is kept by argocd-controller .*\n.*change it in Git:\n.*spec:\n.*version: 1\.3\.8\n.*--force-conflicts/,
	);
	// Kept by kubectl as well, the field stays when Git lets it go.
	await mesh.api.apply({ apiVersion, kind, metadata: { name } }, { fieldManager: 'argocd-controller', force: true });
	t.is(await versionOf(), '1.2.10');
});

test.serial(
	'it stops where it was asked to, an approval lets it go on, and the same command follows it to the end',
	async (t) => {
		const stopped = await run('meshwright upgrade default --to 1.3.8 --yes -o json');
		t.is(stopped.exitCode, 6, stopped.stdout + stopped.stderr);
		const events = eventsOf(stopped);
		t.is(events[0]?.type, 'plan');
		t.is(events[1]?.type, 'begun');
		t.like(events.at(-1), { type: 'end', outcome: 'waiting' });
		t.true(events.some(({ type, stage }) => type === 'progress' && stage === 'Pilot'));

		const lines = await run('meshwright upgrade approve default');
		t.is(lines.exitCode, 0, lines.stderr);
		t.is(lines.stdout, 'spec:\n  upgrade:\n    approved:\n      version: "1.3.8"\n      stage: "Gateways"\n');
		const approved = await run('meshwright upgrade approve default --apply');
		t.is(approved.stdout, 'approved: stage Gateways of the upgrade to 1.3.8\n', approved.stderr);

		const done = await run('meshwright upgrade default --to 1.3.8 --yes');
		t.is(done.exitCode, 0, done.stdout + done.stderr);
		t.regex(done.stdout, /mesh default runs 1\.3\.8/);
		await untilReady(mesh.api, name);
		const again = await run('meshwright upgrade default --to 1.3.8 --yes');
		t.is(again.stdout, 'mesh default runs 1.3.8 already\n');
	},
);

const whereTerminal = hasTerminal ? test.serial : test.serial.skip;

whereTerminal('at a terminal it asks before it changes anything, and Ctrl-C leaves everything as it is', async (t) => {
	// From here on the test says how far it is.
	await operator.stop();
	const words = ['upgrade', name, '--to', '1.4.10', '--kubeconfig', mesh.cluster.adminKubeconfig()];
	const question = /Change MeshInstallation default from 1\.3\.8 to 1\.4\.10\? \[y\/N\] $/;
	for (const [keys, exitCode] of [
		['n\r', 1],
		['\r', 1],
		[ctrlC, 130],
	] as const) {
		await using asked = atTerminal(words);
		await asked.shown(question);
		asked.press(keys);
		t.is(await asked.exitCode, exitCode, asked.screen());
		t.regex(asked.screen(), /\r\nNothing was changed\.\r\n$/);
		t.is(await versionOf(), '1.3.8');
	}
	await using followed = atTerminal(words);
	await followed.shown(question);
	followed.press('y\r');
	await followed.shown(/Ctrl-C ends this command, and not the upgrade[\s\S]*the operator has not looked at it yet/);
	t.is(await versionOf(), '1.4.10');
	followed.press(ctrlC);
	t.is(await followed.exitCode, 130, followed.screen());
	t.regex(followed.screen(), /it goes on without this command: meshwright status default --watch follows it/);
	t.is(await versionOf(), '1.4.10');
});

test.serial('Ctrl-C ends the command, and the upgrade goes on', async (t) => {
	await operator.stop();
	const words = ['upgrade', name, '--to', '1.4.10', '--yes', '--kubeconfig', mesh.cluster.adminKubeconfig()];
	let output = '';
	const child = await startGuarded(
		process.execPath,
		[resolve(import.meta.dirname, '../../operator/cli/meshwright.js'), ...words],
		{
			output: (line) => {
				output += `${line}\n`;
			},
		},
	);
	t.teardown(child.end);
	await eventually('it has begun', async () => (await versionOf()) === '1.4.10');
	await eventually('it follows', () => output.includes('the operator has not looked at it yet'));
	child.signal('SIGINT');
	t.is(await exitCodeOf(child), 130);
	t.regex(output, /it goes on without this command: meshwright status default --watch follows it/);
	t.is(await versionOf(), '1.4.10');
});

test.serial('held and rolled back have exit codes of their own, and say what to do', async (t) => {
	const ofUpgrade = { from: '1.3.8', to: '1.4.10', stage: 'Pilot', waitingFor: 'Pod istio-pilot-x: ImagePullBackOff' };
	await say({
		upgrade: { ...ofUpgrade, state: 'Held' },
		conditions: [condition('Ready', 'False', 'ImageNotPulled'), condition('Stalled', 'True', 'ImageNotPulled')],
	});
	const held = await run('meshwright upgrade default --to 1.4.10 --yes --despite minor-skipped');
	t.is(held.exitCode, 4, held.stdout + held.stderr);
	t.regex(
		held.stdout,
		/✘ held; pods of the version before serve on: Pod istio-pilot-x: ImagePullBackOff\n +do: .*meshwright upgrade rollback default/,
	);
	await say({ upgrade: { ...ofUpgrade, state: 'RolledBack' } });
	t.is((await run('meshwright upgrade default --to 1.4.10 --yes')).exitCode, 5);
	await say({ upgrade: { ...ofUpgrade, state: 'Blocked' } });
	t.is((await run('meshwright upgrade default --to 1.4.10 --yes')).exitCode, 3);
});

test.serial(
	'the way back is refused while proxies of the new version run, unless that is insisted on by name',
	async (t) => {
		const ofUpgrade = { from: '1.3.8', to: '1.4.10', state: 'Held', stage: 'Gateways', waitingFor: 'x' } as const;
		const byVersion = [{ version: '1.4.10', count: 2 }];
		await say({ upgrade: ofUpgrade, proxies: { total: 2, byVersion, namespaces: [] } });
		const refused = await run('meshwright upgrade rollback default --yes');
		t.is(refused.exitCode, 2);
		t.regex(refused.stderr, /can’t go back from 1\.4\.10: .*proxies of 1\.4\.10.*\n +do: .*--despite newer-proxies/);
		t.is(await versionOf(), '1.4.10');

		const going = run('meshwright upgrade rollback default --yes --despite newer-proxies');
		await eventually('the version is back', async () => (await versionOf()) === '1.3.8');
		await say({ version: '1.3.8', conditions: [condition('Ready', 'True', 'Ready')] });
		const back = await going;
		t.is(back.exitCode, 0, back.stdout + back.stderr);
		t.regex(back.stdout, /✔ mesh default runs 1\.3\.8/);
		const { metadata } = await readInstallation(mesh.api, name);
		t.is(metadata.annotations?.['meshwright.io/upgrade-despite'], 'newer-proxies');
	},
);

test.serial('somebody else’s change of the version ends it, and says so', async (t) => {
	const going = run('meshwright upgrade default --to 1.4.10 --yes');
	await eventually('it has begun', async () => (await versionOf()) === '1.4.10');
	const reference = { ...kinds.MeshInstallation, name };
	await mesh.api.patch(reference, { spec: { version: '1.3.8' } }, { type: 'merge', fieldManager: 'somebody' });
	const { exitCode, stderr } = await going;
	t.is(exitCode, 2);
	t.regex(stderr, /somebody has set spec\.version of MeshInstallation default to 1\.3\.8/);
});

test.serial('every command of docs/upgrade.md was run', async (t) => {
	const page = await readFile(new URL('../../docs/upgrade.md', import.meta.url), 'utf8');
	const commands = [...page.matchAll(/^ {4}(meshwright [^#\n]*)/gm)].map(([, command = '']) => command.trim());
	t.true(commands.length > 10);
	t.deepEqual(
		commands.filter((command) => !ran.has(command)),
		[],
	);
});
