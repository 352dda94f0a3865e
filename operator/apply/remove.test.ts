import test from 'ava';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError, RequestError, TransientError } from '../runtime/errors.ts';
import type { ObjectReference } from '../runtime/object.ts';
import { toChild } from './child.ts';
import { releaseChildren, removeChildren } from './remove.ts';
import { configMap, crd, deployment, labels, namespace, stored } from './testing.ts';

const children = [configMap('a'), configMap('b'), deployment('pilot')].map((body) => toChild(stored(body)));

/** A client whose deletions fail for the named objects and succeed for all others. */
function clientOf(failures: Readonly<Record<string, Error>>, deleted: string[] = []) {
	const refuse = (name: string) => {
		const failure = failures[name];
		if (failure !== undefined) throw failure;
	};
	const client: Pick<ApiServer, 'delete' | 'getMetadata' | 'patch'> = {
		delete: async ({ name }: ObjectReference) => {
			refuse(name);
			deleted.push(name);
			return 'gone';
		},
		getMetadata: async ({ apiVersion, kind, name }: ObjectReference) => {
			refuse(name);
			return { apiVersion, kind, metadata: { name } };
		},
		patch: () => Promise.reject(new Error('nothing to patch')),
	};
	return client;
}

const signal = new AbortController().signal;
const nobody = { observeDeletion: () => undefined };
const refusal = (status: number) => new RequestError('refused', { status, reason: 'x' });

test('only the last wave that stands is asked to go, and what is going already is not asked again', async (t) => {
	const deleted: string[] = [];
	const first = await removeChildren(clientOf({}, deleted), nobody, children, false, signal);
	t.deepEqual(deleted, ['pilot']);
	t.is(first.remaining.length, 3);
	const going = toChild(stored(deployment('pilot'), { deletionTimestamp: '2026-01-01T00:00:00Z' }));
	await removeChildren(clientOf({}, deleted), nobody, [...children.slice(0, 2), going], false, signal);
	t.deepEqual(deleted, ['pilot'], 'the wave before waits until it is gone');
	await removeChildren(clientOf({}, deleted), nobody, children.slice(0, 2), false, signal);
	t.deepEqual(deleted.toSorted(), ['a', 'b', 'pilot']);
});

test('nothing is left when there was nothing; a namespace or CRD is no child, whatever its labels', async (t) => {
	const shared = [namespace, crd('gateways')].map((body) => toChild(stored(body, { labels })));
	const deleted: string[] = [];
	t.deepEqual(await removeChildren(clientOf({}, deleted), nobody, shared, true, signal), { remaining: [], errors: [] });
	t.deepEqual(deleted, []);
});

test('what is gone, or another object by now, is no failure; every other failure is told and keeps no sibling', async (t) => {
	const deleted: string[] = [];
	const seen: string[] = [];
	const failures = { a: refusal(404), b: new ConflictError('another uid') };
	const fine = await removeChildren(clientOf(failures, deleted), nobody, children, true, signal, ({ metadata }) =>
		seen.push(metadata.name),
	);
	t.deepEqual(fine.errors, []);
	t.deepEqual([deleted, seen], [['pilot'], ['pilot']]);

	for (const failure of [refusal(403), new TransientError('no answer')]) {
		const { errors, remaining } = await removeChildren(clientOf({ a: failure }, []), nobody, children, true, signal);
		t.deepEqual(errors, [failure]);
		t.is(remaining.length, 3);
	}
});

test('releasing passes over what is gone or has no owner, and tells every other failure', async (t) => {
	t.deepEqual(await releaseChildren(clientOf({ a: refusal(404) }), children, 'uid', signal), []);
	const failure = refusal(403);
	t.deepEqual(await releaseChildren(clientOf({ b: failure }), children, 'uid', signal), [failure]);
});

test('an abort ends it with its reason', async (t) => {
	const aborted = AbortSignal.abort(new Error('stopping'));
	await t.throwsAsync(removeChildren(clientOf({}), nobody, children, true, aborted), { message: 'stopping' });
	await t.throwsAsync(releaseChildren(clientOf({}), children, 'uid', aborted), { message: 'stopping' });
});
