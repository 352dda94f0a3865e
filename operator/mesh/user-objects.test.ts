import test from 'ava';
import { lines } from '../lines/index.ts';
import { meshOf } from '../render/testing.ts';
import type { ListPage } from '../runtime/client/requests.ts';
import { RequestError } from '../runtime/errors.ts';
import type { KubeObject } from '../runtime/object.ts';
import { UserObjects, type UserObjectsOptions } from './user-objects.ts';

const mesh = meshOf({ version: '1.4.10' });
const service = (name: string, spec: object): KubeObject => ({
	apiVersion: 'networking.istio.io/v1alpha3',
	kind: 'VirtualService',
	metadata: { namespace: 'shop', name },
	spec,
});
const right = service('right', { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] });
const wrong = (name: string) => service(name, { hosts: ['web'] });

/** The timers of a look keep no process alive. */
const alive = setInterval(() => {}, 1_000);
test.after.always(() => clearInterval(alive));

/** Lists these VirtualServices. Other kinds are not served, and one may not be read. */
function apiWith(objects: () => readonly KubeObject[]): { readonly api: UserObjectsOptions['api']; asked: string[] } {
	const asked: string[] = [];
	const api: UserObjectsOptions['api'] = {
		async *pages<T>(
			kind: { readonly plural: string },
			{ read }: { readonly read?: (object: KubeObject) => T } = {},
		): AsyncGenerator<ListPage<T>, void> {
			asked.push(kind.plural);
			if (kind.plural === 'gateways') throw new RequestError('no', { status: 403, reason: 'Forbidden' });
			if (kind.plural !== 'virtualservices') throw new RequestError('no', { status: 404, reason: 'NotFound' });
			for (const object of objects()) {
				const items = read === undefined ? [] : [read(object)];
				yield { items, resourceVersion: '1', continue: undefined } as ListPage<T>;
			}
		},
	};
	return { api, asked };
}

test('wrong objects are counted and some are named, and that is told when it changes', async (t) => {
	let objects = [right, ...['a', 'b', 'c', 'd', 'e', 'f'].map(wrong)];
	const { api, asked } = apiWith(() => objects);
	const changed: (() => void)[] = [];
	const nextChange = () => new Promise<void>((resolve) => changed.push(resolve));
	const errors: unknown[] = [];
	const looking = new UserObjects({
		api,
		lines,
		onChange: () => changed.shift()?.(),
		onError: (error) => errors.push(error),
		firstMs: 1,
		everyMs: 1,
	});
	t.teardown(() => looking.stop());
	const first = nextChange();
	t.is(looking.of(mesh), undefined);
	await first;
	t.deepEqual(looking.of(mesh), {
		count: 6,
		names: ['a', 'b', 'c', 'd', 'e'].map((name) => `VirtualService shop/${name}`),
	});
	t.false(asked.includes('rules'), 'nobody knows the fields of Mixer’s kinds');
	const second = nextChange();
	objects = [right];
	await second;
	t.deepEqual(looking.of(mesh), { count: 0, names: [] });
	t.deepEqual(errors, []);
});

test('a look that fails changes nothing; after the last mesh nothing is looked at', async (t) => {
	let fails = false;
	const failed = Promise.withResolvers<unknown>();
	const { api, asked } = apiWith(() => {
		if (fails) throw new Error('broken');
		return [wrong('a')];
	});
	const changed = Promise.withResolvers<void>();
	const looking = new UserObjects({
		api,
		lines,
		onChange: () => changed.resolve(),
		onError: failed.resolve,
		firstMs: 1,
		everyMs: 1,
	});
	t.teardown(() => looking.stop());
	looking.of(mesh);
	await changed.promise;
	fails = true;
	t.regex(String(await failed.promise), /broken/);
	t.is(looking.of(mesh)?.count, 1);
	looking.forget(mesh.name);
	const before = asked.length;
	await new Promise((resolve) => setTimeout(resolve, 20));
	t.is(asked.length, before);
});
