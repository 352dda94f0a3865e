/** Counts the operator's requests where none, or one, would do. The API server's audit log counts, not we. */
import { setTimeout as sleep } from 'node:timers/promises';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type AuditEvent, isWrite } from '../control-plane/audit.ts';
import {
	installation,
	openStage,
	operatorNamespace,
	type Stage,
	startOperator,
	storedChildren,
	until,
} from './stage.ts';

const name = 'counted';
const operatorUser = `system:serviceaccount:${operatorNamespace}:meshwright`;

export interface CountFigures {
	readonly 'noop.writes': number;
	readonly 'resync.writes': number;
	readonly 'restart.writes': number;
	readonly 'change.calls': number;
	readonly notes: readonly string[];
}

/** The operator's requests during an action, without the lists and watches of the caches, which are no calls of a pass. */
async function requestsDuring(stage: Stage, action: () => Promise<void>): Promise<readonly AuditEvent[]> {
	const before = (await stage.cluster.auditEvents()).length;
	await action();
	const events = (await stage.cluster.auditEvents()).slice(before);
	return events.filter(({ user, verb }) => user.username === operatorUser && verb !== 'watch' && verb !== 'list');
}

function countWrites(events: readonly AuditEvent[]): number {
	return events.filter(isWrite).length;
}

export async function measureCounts(): Promise<CountFigures> {
	await using stage = await openStage({ auditLog: true });
	const reference = { ...kinds.MeshInstallation, name };
	const quiet = () => sleep(3_000);
	let operator = await startOperator(stage);
	await stage.user.create(installation(name, '1.4.10'), { fieldManager: 'user' });
	await until('the installation is stored', () => storedChildren(stage, name) === 8);
	await quiet();

	// Another finalizer is a change that asks for a pass and leaves nothing to do.
	const noop = await requestsDuring(stage, async () => {
		for (const finalizers of [['meshwright.io/finalizer', 'example.com/other'], ['meshwright.io/finalizer']]) {
			await stage.user.patch(reference, { metadata: { finalizers } }, { type: 'merge' });
			await quiet();
		}
	});
	const change = await requestsDuring(stage, async () => {
		await stage.user.patch(reference, { spec: { mesh: { accessLog: { encoding: 'JSON' } } } }, { type: 'merge' });
		await quiet();
	});
	const restart = await requestsDuring(stage, async () => {
		await operator[Symbol.asyncDispose]();
		operator = await startOperator(stage);
		await quiet();
	});
	await operator[Symbol.asyncDispose]();
	operator = await startOperator(stage, { resyncMinutes: 0.05 });
	await quiet();
	const resync = await requestsDuring(stage, async () => {
		await sleep(10_000);
	});
	await operator[Symbol.asyncDispose]();
	return {
		'noop.writes': countWrites(noop),
		'resync.writes': countWrites(resync),
		'restart.writes': countWrites(restart),
		'change.calls': change.length,
		notes: [
			`calls for one changed field: ${change.map(({ verb, objectRef }) => `${verb} ${objectRef?.resource ?? ''}${objectRef?.subresource === undefined ? '' : `/${objectRef.subresource}`}`).join(', ')}`,
			`two passes without a difference: ${noop.length} calls; restart: ${restart.length} calls; 10 s with a resync every 3 s: ${resync.length} calls (lists not counted)`,
		],
	};
}
