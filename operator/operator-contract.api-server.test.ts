/**
 * An operator as the documentation of `@dot-i/k8s-operator` writes one, on a real API server: it watches, guards deletion
 * by a finalizer and writes the status. What the library gets wrong is right here: nothing of others is lost, and every
 * failure is told.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import dotI, { type ResourceEvent, ResourceEventType, type ResourceMeta } from '@dot-i/k8s-operator';
import test from 'ava';
import type { ParsedStatus } from '../api/v1/index.ts';
import { eventually, orAbsent } from '../e2e/support/eventually.ts';
import { applyInstallation, installationReference, readInstallation } from '../e2e/support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../e2e/support/mesh-cluster.ts';
import { OperatorContract } from './operator-contract.ts';
import type { ApiServer } from './runtime/client/api-server.ts';
import { ConflictError, InvalidError } from './runtime/errors.ts';
import { kinds } from './runtime/kinds.ts';
import type { LogSink } from './runtime/log/logger.ts';
import type { KubeObject } from './runtime/object.ts';

const finalizer = 'contract.example.com/guard';
const theirs = 'others.example.com/hold';

let mesh: MeshCluster;

test.before(async () => {
	mesh = await startMeshCluster();
});

test.after.always(() => mesh?.stop());

/** Opens everything to a test that the library gives to a subclass. */
class Contract extends OperatorContract {
	readonly logged: unknown[];

	constructor() {
		const logged: unknown[] = [];
		const note = (first: unknown): void => void logged.push(first);
		super({ debug: note, info: note, warn: note, error: note } as LogSink);
		this.logged = logged;
	}

	protected override connected(): ApiServer {
		return mesh.api;
	}

	protected override async init(): Promise<void> {}

	readonly watch = this.watchResource.bind(this);
	readonly handleFinalizer = this.handleResourceFinalizer.bind(this);
	readonly setFinalizers = this.setResourceFinalizers.bind(this);
	readonly setStatus = this.setResourceStatus.bind(this);
	readonly patchStatus = this.patchResourceStatus.bind(this);
	readonly register = this.registerCustomResourceDefinition.bind(this);

	[Symbol.dispose](): void {
		this.stop();
	}
}

const noAction = async (): Promise<void> => undefined;

const id = 'meshinstallations.meshwright.io/v1';

function metaOf({ apiVersion, kind, metadata: { name, resourceVersion = '' } }: KubeObject): ResourceMeta {
	return { id, apiVersion, kind, name, resourceVersion };
}

function eventOf(object: KubeObject, type = ResourceEventType.Modified): ResourceEvent {
	return { meta: metaOf(object), object: object as unknown as ResourceEvent['object'], type };
}

const read = (name: string) => readInstallation(mesh.api, name);

async function finalizersOf(name: string): Promise<readonly string[]> {
	return (await read(name)).metadata.finalizers ?? [];
}

/** The documentation's example: every event is handled by the finalizer, or its object gets a status. */
class Documented extends Contract {
	readonly events: ResourceEvent[] = [];
	readonly cleaned: string[] = [];

	protected override async init(): Promise<void> {
		await this.watchResource('meshwright.io', 'v1', 'meshinstallations', async (event) => {
			this.events.push(event);
			if (event.type === ResourceEventType.Deleted) return;
			const isHandled = await this.handleResourceFinalizer(event, finalizer, async ({ meta }) => {
				this.cleaned.push(meta.name);
			});
			const { generation } = event.object.metadata ?? {};
			const { observedGeneration } = (event.object as { readonly status?: ParsedStatus }).status ?? {};
			if (!isHandled && observedGeneration !== generation)
				await this.patchResourceStatus(event.meta, { observedGeneration: generation });
		});
	}
}

// One test after the other, because the documented operator looks at every installation.
test.serial('an operator as the library documents it guards an object, writes its status and lets it go', async (t) => {
	using operator = new Documented();
	t.true(operator instanceof dotI.default);
	await operator.start();
	const created = await applyInstallation(mesh.api, 'documented');
	await eventually('the status', async () => (await read('documented')).status?.observedGeneration === 1);
	t.deepEqual(await finalizersOf('documented'), [finalizer]);
	t.deepEqual(operator.cleaned, []);

	await mesh.api.delete(installationReference('documented'));
	await eventually('it is gone', async () => (await orAbsent(read('documented'))) === undefined);
	const events = await eventually('that is told', () => {
		const of = operator.events.filter(({ meta }) => meta.name === 'documented');
		return of.at(-1)?.type === ResourceEventType.Deleted ? of : undefined;
	});
	t.deepEqual(operator.cleaned, ['documented']);
	t.is(events[0]?.type, ResourceEventType.Added);
	t.deepEqual(events[0]?.meta, metaOf(created));
	t.like(events[0]?.object, { kind: 'MeshInstallation', metadata: { name: 'documented' }, spec: created.spec });
	t.deepEqual(operator.logged, []);
});

test.serial(
	'a watch begins with what is there, hears nothing once it is stopped, and survives what its callback throws',
	async (t) => {
		using operator = new Contract();
		await applyInstallation(mesh.api, 'watched');
		const seen: string[] = [];
		await operator.watch('meshwright.io', 'v1', 'meshinstallations', async ({ meta, type }) => {
			if (meta.name !== 'watched') return;
			seen.push(type);
			throw new Error('the callback failed');
		});
		t.deepEqual(seen, ['ADDED']);
		await applyInstallation(mesh.api, 'watched', { paused: true });
		await eventually('the change is told', () => seen.length === 2);
		t.deepEqual(seen, ['ADDED', 'MODIFIED']);
		await eventually('failures are logged', () => operator.logged.length === 2);
		t.like(operator.logged[0], { err: { message: 'the callback failed' } });

		operator.stop();
		using later = new Contract();
		const heard: string[] = [];
		await later.watch('meshwright.io', 'v1', 'meshinstallations', async ({ meta }) => void heard.push(meta.name));
		heard.length = 0;
		await applyInstallation(mesh.api, 'watched', { paused: false });
		await eventually('another one hears it', () => heard.includes('watched'));
		t.is(seen.length, 2);
	},
);

test.serial('a watch of one namespace tells of that one alone, and one of an unknown kind is refused', async (t) => {
	using operator = new Contract();
	const { apiVersion, kind } = kinds.ConfigMap;
	for (const namespace of ['default', 'kube-system'])
		await mesh.api.create({ apiVersion, kind, metadata: { name: 'contract', namespace } });
	const seen: (string | undefined)[] = [];
	const note = async ({ meta }: ResourceEvent) => void (meta.name === 'contract' && seen.push(meta.namespace));
	await operator.watch('', 'v1', 'configmaps', note, 'default');
	t.deepEqual(seen, ['default']);
	await t.throwsAsync(operator.watch('example.com', 'v1', 'things', noAction), {
		instanceOf: InvalidError,
		message: /things\.example\.com\/v1/,
	});
});

test.serial('the finalizers of others stay, whatever the event knew', async (t) => {
	const operator = new Contract();
	const old = await applyInstallation(mesh.api, 'held');
	await mesh.api.patch(installationReference('held'), { metadata: { finalizers: [theirs] } }, { type: 'merge' });
	await t.throwsAsync(operator.handleFinalizer(eventOf(old), finalizer, noAction), { instanceOf: ConflictError });
	t.deepEqual(await finalizersOf('held'), [theirs]);
	t.true(await operator.handleFinalizer(eventOf(await read('held')), finalizer, noAction));
	t.deepEqual(await finalizersOf('held'), [theirs, finalizer]);
	t.false(await operator.handleFinalizer(eventOf(await read('held')), finalizer, noAction));
	t.false(await operator.handleFinalizer(eventOf(await read('held'), ResourceEventType.Deleted), finalizer, noAction));

	await mesh.api.delete(installationReference('held'));
	const failing = async () => Promise.reject(new Error('cleaning failed'));
	await t.throwsAsync(operator.handleFinalizer(eventOf(await read('held')), finalizer, failing), {
		message: 'cleaning failed',
	});
	t.deepEqual(await finalizersOf('held'), [theirs, finalizer]);
	t.true(await operator.handleFinalizer(eventOf(await read('held')), finalizer, noAction));
	t.deepEqual(await finalizersOf('held'), [theirs]);

	const stale = metaOf(old);
	await t.throwsAsync(operator.setFinalizers(stale, []), { instanceOf: ConflictError });
	t.deepEqual(await finalizersOf('held'), [theirs]);
	await operator.setFinalizers(metaOf(await read('held')), []);
	t.is(await orAbsent(read('held')), undefined);
});

test.serial('a status is replaced or patched, of the version that was read alone', async (t) => {
	const operator = new Contract();
	const old = metaOf(await applyInstallation(mesh.api, 'status'));
	const set = await operator.setStatus(old, { observedGeneration: 1, phase: 'Ready' });
	t.like((await read('status')).status, { observedGeneration: 1, phase: 'Ready' });
	t.deepEqual(set, metaOf(await read('status')));
	t.not(set.resourceVersion, old.resourceVersion);

	const patched = await operator.patchStatus(set, { phase: null, version: '1.4.10' });
	const { status } = await read('status');
	t.like(status, { observedGeneration: 1, version: '1.4.10' });
	t.is(status?.phase, undefined);
	const replaced = await operator.setStatus(patched, { observedGeneration: 1 });
	t.is((await read('status')).status?.version, undefined);

	await t.throwsAsync(operator.setStatus(old, { phase: 'Late' }), { instanceOf: ConflictError });
	await t.throwsAsync(operator.patchStatus(old, { phase: 'Late' }), { instanceOf: ConflictError });
	t.deepEqual(metaOf(await read('status')), replaced);
});

test.serial('a CRD is registered from a file, also where it is there already', async (t) => {
	const operator = new Contract();
	const file = new URL('../crds/meshinstallations.yaml', import.meta.url).pathname;
	for (let times = 0; times < 2; times++) {
		const { group, versions, plural } = await operator.register(file);
		t.deepEqual([group, versions[0]?.name, plural], ['meshwright.io', 'v1', 'meshinstallations']);
	}
});

test.serial('a default kubeconfig that is broken does not matter, where the library itself fails', async (t) => {
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-contract-'));
	try {
		const broken = join(folder, 'config');
		await writeFile(broken, 'clusters: {{{');
		const code = `
			import dotI from '@dot-i/k8s-operator';
			import { OperatorContract } from './operator-contract.ts';
			const made = (type) => {
				try {
					return new (class extends type { async init() {} })({}) instanceof dotI.default;
				} catch {
					return 'failed';
				}
			};
			console.log(made(OperatorContract), made(dotI.default), process.env.KUBECONFIG);
		`;
		const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', code], {
			cwd: import.meta.dirname,
			env: { ...process.env, KUBECONFIG: broken },
			timeout: 60_000,
		});
		t.is(stdout.trim(), `true failed ${broken}`);
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
});
