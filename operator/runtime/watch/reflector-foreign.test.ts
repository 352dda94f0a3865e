/**
 * Somebody else's API server may answer anything. What can't be read ends an attempt, never the process, and the next
 * attempt waits.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test from 'ava';
import { eventually } from '../../../e2e/support/eventually.ts';
import { toChild } from '../../apply/child.ts';
import { ApiServer } from '../client/api-server.ts';
import { kinds } from '../kinds.ts';
import { Reflector } from './reflector.ts';

const good = { metadata: { name: 'good', namespace: 'x', uid: 'u', resourceVersion: '5' } };

/** Without checks, each of these would surface in the middle of a cache. */
const strange: Readonly<Record<string, unknown>> = {
	nothing: {},
	null: null,
	'no name': { metadata: { resourceVersion: '5' } },
	'a name that is none': { metadata: { name: 7, resourceVersion: '5' } },
	'labels that are none': { metadata: { ...good.metadata, labels: ['x'] } },
	'a label that is none': { metadata: { ...good.metadata, labels: { x: { y: 1 } } } },
	'owners of fields that are none': { metadata: { ...good.metadata, managedFields: 'x' } },
	'an owner of fields that is none': { metadata: { ...good.metadata, managedFields: [null] } },
	'a version that is none': { metadata: { ...good.metadata, resourceVersion: {} } },
	'a spec that is none': { ...good, spec: { template: { spec: { containers: 'x' } } } },
};

/** Answers this many times with something strange, and then rightly. */
async function startServer(
	answers: { readonly list: readonly unknown[]; readonly watch: readonly unknown[] },
	/** Makes what each further watch brings before it is ended. */
	only?: () => unknown,
) {
	const list = [...answers.list];
	const watch = [...answers.watch];
	const asked = { list: 0, watch: 0 };
	const server = createServer({ keepAliveTimeout: 90_000 }, (request, response) => {
		response.writeHead(200, { 'content-type': 'application/json' });
		if (request.url?.includes('watch=true') !== true) {
			asked.list++;
			response.end(JSON.stringify({ metadata: { resourceVersion: '5' }, items: list.splice(0, 1) }));
			return;
		}
		asked.watch++;
		const [event] = watch.splice(0, 1);
		if (event !== undefined) response.write(`${JSON.stringify(event)}\n`);
		else if (only !== undefined) response.end(`${JSON.stringify(only())}\n`);
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const api = new ApiServer({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 'x' });
	const errors: unknown[] = [];
	const waits: number[] = [];
	const reflector = new Reflector(api, {
		kind: kinds.Deployment,
		transform: toChild,
		onError: (error) => void errors.push(error),
		observe: ({ event }) => event === 'error' && waits.push(errors.length),
		backoff: { initialMs: 20, maxMs: 20, factor: 1, jitter: 0 },
	});
	reflector.start();
	return {
		reflector,
		asked,
		errors,
		waits,
		async [Symbol.asyncDispose]() {
			reflector.stop();
			await api.close();
			server.closeAllConnections();
			server.close();
		},
	};
}

for (const [what, object] of Object.entries(strange)) {
	test(`listed: ${what}`, async (t) => {
		await using scene = await startServer({ list: [object, object, object, good], watch: [] });
		await eventually('the list that can be read is in', () => scene.reflector.hasSynced);
		t.is(scene.asked.list, 4);
		t.true(scene.errors.length >= 3 && scene.waits.length >= 2, 'each was told, and there was a wait between them');
		t.is(scene.reflector.store.size, 1);
	});

	test(`watched: ${what}`, async (t) => {
		const event = (of: unknown) => ({ type: 'ADDED', object: of });
		const bad = [object, object, object].map(event);
		await using scene = await startServer({ list: [], watch: [...bad, event(good)] });
		await eventually('the event that can be read is in', () => scene.reflector.store.size === 1);
		t.deepEqual(scene.asked, { list: 1, watch: 4 }, 'the position is kept');
		t.true(scene.waits.length >= 2, 'there was a wait between them');
	});
}

test('a server that ends each watch after one event is not asked without a pause', async (t) => {
	let version = 5;
	await using scene = await startServer({ list: [], watch: [] }, () => ({
		type: 'ADDED',
		object: { metadata: { ...good.metadata, resourceVersion: String(++version) } },
	}));
	await eventually('some watches', () => scene.asked.watch >= 6);
	t.true(scene.waits.length >= 4, `${scene.waits.length} waits`);
});
