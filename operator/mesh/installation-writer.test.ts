import test from 'ava';
import { finalizer, type ParsedStatus } from '../../api/v1/index.ts';
import { installation } from '../render/testing.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { StoredInstallation } from './installation.ts';
import { InstallationWriter, type Observed } from './installation-writer.ts';

const { signal } = new AbortController();

/** A mesh on its way, and a clock. */
function world() {
	const seen = { now: 0, written: [] as string[] };
	let status: ParsedStatus | undefined;
	const object = (): StoredInstallation => {
		const base = installation({ version: '1.4.10' }) as KubeObject;
		const metadata = { ...base.metadata, uid: 'one', generation: 1, finalizers: [finalizer] };
		return { ...base, metadata, ...(status === undefined ? {} : { status }) } as StoredInstallation;
	};
	const apply = (told: KubeObject & { readonly status: ParsedStatus }) => {
		status = told.status;
		seen.written.push(told.status.upgrade?.waitingFor ?? '');
		return Promise.resolve({ object: object() });
	};
	const writer = new InstallationWriter({
		api: { apply } as unknown as ApiServer,
		installations: { expectWrite: () => () => undefined },
		wallClock: () => 0,
		applier: { now: () => seen.now },
		onNotice: () => undefined,
	});
	const tell = (waitingFor: string, { stage = 'Pilot', mayWait = true } = {}) => {
		const record = { from: '1.3.8', to: '1.4.10', state: 'Progressing' as const, stage, waitingFor };
		const upgrade = { record, to: '1.4.10', trouble: undefined };
		const observed: Observed = { findings: [], workloads: [], version: '1.4.10', upgrade };
		return writer.writeStatus(object(), observed, signal, mayWait);
	};
	return { seen, tell, writer, object };
}

test('numbers of pods are told once a second, and all else at once', async (t) => {
	const { seen, tell, writer, object } = world();
	t.is(await tell('0 of 2'), undefined);
	seen.now = 400;
	t.is(await tell('1 of 2'), 600);
	// Each pass looks for its finalizer. That tells nobody anything.
	await writer.addFinalizer(object(), signal);
	seen.now = 900;
	t.is(await tell('2 of 2'), 100);
	seen.now = 1_000;
	t.is(await tell('2 of 2'), undefined);
	seen.now = 1_100;
	t.is(await tell('written', { stage: 'Mixer' }), undefined, 'another stage');
	const mixer = { stage: 'Mixer' };
	t.is(await tell('a count', mixer), 1_000);
	t.is(await tell('a count', { ...mixer, mayWait: false }), undefined, 'the next pass may come late');
	t.deepEqual(seen.written, ['0 of 2', '2 of 2', 'written', 'a count']);
	t.is(await tell('a count', mixer), undefined, 'it is told already');
});
