import test from 'ava';
import fc from 'fast-check';
import { ApiServer } from '../client/api-server.ts';
import { FakeClock } from '../clock-fake.ts';
import { RequestError, TransientError } from '../errors.ts';
import { kinds } from '../kinds.ts';
import { type KubeObject, objectKey } from '../object.ts';
import type { ReflectorChange } from './change-handlers.ts';
import { Reflector } from './reflector.ts';
import type { ReflectorSource } from './reflector-source.ts';
import type { WatchCallbacks, WatchEvent } from './watch-stream.ts';

/**
 * An API server in memory: a history of events with growing resourceVersions. The beginning of the history may be
 * forgotten.
 */
class SimulatedServer {
	#version = 100;
	/** Watches that begin before this get 410. */
	#forgottenUpTo = 100;
	#uid = 0;
	readonly objects = new Map<string, KubeObject>();
	#history: { readonly version: number; readonly event: WatchEvent }[] = [];
	#watches = new Set<{ sent: number; isFrozen: boolean; readonly callbacks: WatchCallbacks }>();
	/** The faults of the next requests. */
	readonly faults: ('unreachable' | 'refused' | 'busy' | 'expired' | 'ends' | 'silent')[] = [];
	isDown = false;
	lists = 0;

	readonly source: ReflectorSource = {
		list: async ({ continue: next, isWhole }) => {
			this.lists++;
			await Promise.resolve();
			this.#failAsTold();
			const [version = String(this.#version), from = '0'] = next?.split('/') ?? [];
			if (next !== undefined && Number(version) < this.#forgottenUpTo) {
				throw new RequestError('expired', { status: 410, reason: 'Expired' });
			}
			const all = [...this.#stateAt(Number(version)).values()];
			const end = isWhole ? all.length : Number(from) + 2;
			return {
				items: all.slice(Number(from), end),
				resourceVersion: version,
				continue: end < all.length ? `${version}/${end}` : undefined,
			};
		},
		watch: (position, _timeoutSeconds, callbacks) => {
			const watch = { sent: Number(position), isFrozen: false, callbacks };
			let isClosed = false;
			queueMicrotask(() => {
				if (isClosed) {
					return;
				}
				const fault = this.isDown ? 'unreachable' : this.faults.shift();
				if (fault === 'expired' || watch.sent < this.#forgottenUpTo) {
					const error = new RequestError('expired', { status: 410, reason: 'Expired' });
					callbacks.ended({ how: 'refused', error });
				} else if (fault === 'unreachable') {
					callbacks.ended({ how: 'unreachable', error: new TransientError('no answer') });
				} else if (fault === 'refused' || fault === 'busy') {
					const status = fault === 'busy' ? 429 : 500;
					callbacks.ended({ how: 'refused', error: new TransientError(fault, { status }) });
				} else {
					callbacks.opened();
					this.#watches.add(watch);
					if (fault === 'ends') {
						this.#end(watch, () => callbacks.ended({ how: 'done' }));
					} else if (fault === 'silent') {
						watch.isFrozen = true;
					}
					this.#flush();
				}
			});
			return {
				close: () => {
					isClosed = true;
					this.#watches.delete(watch);
				},
			};
		},
	};

	/** Creates or changes an object. Returns what is stored. */
	write(name: string): KubeObject {
		const before = this.objects.get(name);
		const uid = before?.metadata.uid ?? `uid-${++this.#uid}`;
		const object: KubeObject = {
			apiVersion: 'v1',
			kind: 'ConfigMap',
			metadata: { namespace: 'a', name, uid, resourceVersion: String(++this.#version) },
		};
		this.objects.set(name, object);
		this.#history.push({ version: this.#version, event: { type: before ? 'modified' : 'added', object } });
		return object;
	}

	delete(name: string): void {
		const before = this.objects.get(name);
		if (before !== undefined) {
			this.objects.delete(name);
			const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#version) } };
			this.#history.push({ version: this.#version, event: { type: 'deleted', object } });
		}
	}

	deliver(): void {
		this.#flush();
	}

	bookmark(): void {
		this.#flush();
		for (const watch of [...this.#watches].filter(({ isFrozen }) => !isFrozen)) {
			watch.callbacks.event({ type: 'bookmark', resourceVersion: String(this.#version) });
		}
	}

	/** Ends open watches, without delivering anything more. */
	cut(how: 'done' | 'cut' | 'expired'): void {
		for (const watch of [...this.#watches]) {
			this.#end(watch, () =>
				watch.callbacks.ended(
					how === 'done'
						? { how }
						: how === 'cut'
							? { how, error: new TransientError('cut') }
							: { how: 'refused', error: new RequestError('expired', { status: 410, reason: 'Expired' }) },
				),
			);
		}
	}

	freeze(): void {
		for (const watch of this.#watches) {
			watch.isFrozen = true;
		}
	}

	/** Lets the idle timers of frozen watches fire. */
	thaw(): void {
		for (const watch of [...this.#watches].filter(({ isFrozen }) => isFrozen)) {
			this.#end(watch, () => watch.callbacks.ended({ how: 'silent', error: new TransientError('silent') }));
		}
	}

	compact(): void {
		this.#forgottenUpTo = this.#version;
	}

	#end(watch: { readonly callbacks: WatchCallbacks; sent: number; isFrozen: boolean }, tell: () => void): void {
		this.#watches.delete(watch);
		tell();
	}

	#flush(): void {
		for (const watch of [...this.#watches].filter(({ isFrozen }) => !isFrozen)) {
			for (const { version, event } of this.#history) {
				if (version > watch.sent && this.#watches.has(watch)) {
					watch.sent = version;
					watch.callbacks.event(event);
				}
			}
		}
	}

	#stateAt(version: number): Map<string, KubeObject> {
		const state = new Map<string, KubeObject>();
		for (const { version: at, event } of this.#history) {
			if (at <= version && event.type !== 'bookmark') {
				if (event.type === 'deleted') {
					state.delete(objectKey(event.object));
				} else {
					state.set(objectKey(event.object), event.object);
				}
			}
		}
		return state;
	}

	#failAsTold(): void {
		const fault = this.isDown ? 'unreachable' : this.faults.shift();
		if (fault === 'unreachable' || fault === 'silent' || fault === 'ends') {
			throw new TransientError('no answer');
		}
		if (fault === 'expired') {
			throw new RequestError('expired', { status: 410, reason: 'Expired' });
		}
		if (fault !== undefined) {
			throw new TransientError(fault, { status: fault === 'busy' ? 429 : 500 });
		}
	}
}

const name = fc.constantFrom('p', 'q', 'r', 's', 't');
const action = fc.oneof(
	{ weight: 5, arbitrary: fc.record({ do: fc.constant('write' as const), name }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constant('delete' as const), name }) },
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constant('own delete' as const),
			name,
			first: fc.constantFrom('answer', 'event'),
			/** Somebody makes another object of that name before we have the answer. */
			isFollowed: fc.boolean(),
		}),
	},
	{
		weight: 3,
		arbitrary: fc.record({
			do: fc.constant('own write' as const),
			name,
			first: fc.constantFrom('answer', 'event', 'deletion'),
			isExpected: fc.boolean(),
			/** Somebody else writes while our write is under way, and the event of that comes first. */
			isOvertaken: fc.boolean(),
		}),
	},
	{ weight: 4, arbitrary: fc.record({ do: fc.constant('deliver' as const) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('bookmark' as const) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('freeze' as const) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('thaw' as const) }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('outage' as const), isDown: fc.boolean() }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('relist' as const) }) },
	{
		weight: 2,
		arbitrary: fc.record({ do: fc.constant('cut' as const), how: fc.constantFrom('done', 'cut', 'expired') }),
	},
	{
		weight: 2,
		arbitrary: fc.record({
			do: fc.constant('fault' as const),
			fault: fc.constantFrom('unreachable', 'refused', 'busy', 'expired', 'ends', 'silent'),
		}),
	},
	{
		weight: 2,
		arbitrary: fc.record({ do: fc.constant('time' as const), ms: fc.constantFrom(0, 500, 5_000, 60_000) }),
	},
);

const unused = new ApiServer({ url: 'http://127.0.0.1:1' });

/** The state of a handler that only listens. It must never be surprised. */
function mirror() {
	const known = new Map<string, string>();
	const surprises: string[] = [];
	return {
		known,
		surprises,
		handle: ({ type, key, old, current }: ReflectorChange<string>) => {
			if (known.get(key) !== old || (type === 'added') !== (old === undefined)) {
				surprises.push(`${type} ${key} from ${old}, known as ${known.get(key)}`);
			}
			if (current === undefined) {
				known.delete(key);
			} else {
				known.set(key, current);
			}
		},
	};
}

/** Lets all faults pass and the reflector catch up. */
async function heal(server: SimulatedServer, clock: FakeClock): Promise<void> {
	server.isDown = false;
	server.faults.length = 0;
	for (let round = 0; round < 4; round++) {
		server.thaw();
		await clock.advance(60_000);
		server.deliver();
	}
}

function contents(server: SimulatedServer): Record<string, string> {
	return Object.fromEntries(
		[...server.objects.values()]
			.map((object) => [objectKey(object), object.metadata.resourceVersion ?? ''] as const)
			.toSorted(([a], [b]) => (a < b ? -1 : 1)),
	);
}

function sorted(entries: Iterable<readonly [string, string]>): Record<string, string> {
	return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

async function run(actions: readonly (typeof action extends fc.Arbitrary<infer A> ? A : never)[]) {
	const server = new SimulatedServer();
	const clock = new FakeClock();
	/** Changes by others that no handler has been told yet: key → resourceVersion. */
	const untold = new Map<string, number>();
	const { known, surprises, handle } = mirror();
	const reflector = new Reflector<string>(unused, {
		kind: kinds.ConfigMap,
		transform: (object) => object.metadata.resourceVersion ?? '',
		source: server.source,
		clock,
		random: () => 0.5,
	});
	reflector.addHandler((change) => {
		handle(change);
		const reached = change.type === 'deleted' ? Number.POSITIVE_INFINITY : Number(change.current);
		if (reached >= (untold.get(change.key) ?? 0)) {
			untold.delete(change.key);
		}
	});
	reflector.start();
	const remove = (name: string) => {
		const key = `ConfigMap a/${name}`;
		// An object that came and goes unseen need not be told to anybody, not even when we make one of its name afterwards.
		if (!reflector.store.has(key)) {
			untold.delete(key);
		}
		server.delete(name);
	};
	for (const what of actions) {
		switch (what.do) {
			case 'write':
				untold.set(`ConfigMap a/${what.name}`, Number(server.write(what.name).metadata.resourceVersion));
				break;
			case 'delete':
				remove(what.name);
				break;
			case 'own delete': {
				const uid = server.objects.get(what.name)?.metadata.uid;
				if (uid === undefined) break;
				remove(what.name);
				if (what.isFollowed) {
					untold.set(`ConfigMap a/${what.name}`, Number(server.write(what.name).metadata.resourceVersion));
				}
				if (what.first === 'event') server.deliver();
				reflector.observeDeletion(`ConfigMap a/${what.name}`, uid);
				break;
			}
			case 'own write': {
				const settle = what.isExpected ? reflector.expectWrite(`ConfigMap a/${what.name}`) : undefined;
				if (what.isOvertaken) {
					untold.set(`ConfigMap a/${what.name}`, Number(server.write(what.name).metadata.resourceVersion));
					server.deliver();
				}
				const object = server.write(what.name);
				if (what.first === 'deletion') {
					remove(what.name);
				}
				if (what.first !== 'answer') {
					server.deliver();
				}
				if (settle === undefined) {
					reflector.observeWrite(object);
				} else {
					settle(object);
				}
				break;
			}
			case 'deliver':
			case 'bookmark':
			case 'compact':
			case 'freeze':
			case 'thaw':
				server[what.do]();
				break;
			case 'cut':
				server.cut(what.how);
				break;
			case 'outage':
				server.isDown = what.isDown;
				if (what.isDown) {
					server.cut('cut');
				}
				break;
			case 'fault':
				server.faults.push(what.fault);
				break;
			case 'relist':
				reflector.relist();
				break;
			case 'time':
				await clock.advance(what.ms);
				break;
		}
	}
	await heal(server, clock);
	const stored = sorted([...reflector.store.keys()].map((key) => [key, reflector.store.get(key) ?? ''] as const));
	reflector.stop();
	return { server, clock, stored, known: sorted(known), surprises, untold };
}

test('after any faults the store equals the server, handlers were told every foreign change, and no timer is left', async (t) => {
	await fc.assert(
		fc.asyncProperty(fc.array(action, { maxLength: 60 }), async (actions) => {
			const { server, stored, untold, clock } = await run(actions);
			t.deepEqual(stored, contents(server));
			const missed = [...untold.keys()].filter((key) => Object.hasOwn(stored, key));
			t.deepEqual(missed, []);
			t.is(clock.pendingTimers, 0);
		}),
		{ numRuns: 400 },
	);
});

test('where others alone write, a handler always knows exactly what the store holds', async (t) => {
	const foreign = action.filter((what) => what.do !== 'own write');
	await fc.assert(
		fc.asyncProperty(fc.array(foreign, { maxLength: 60 }), async (actions) => {
			const { server, known, surprises } = await run(actions);
			t.deepEqual(surprises, []);
			t.deepEqual(known, contents(server));
		}),
		{ numRuns: 400 },
	);
});

test('outages, cut and refused watches never cost a list', async (t) => {
	const harmless = action.filter(
		(what) =>
			!['compact', 'relist', 'freeze', 'thaw'].includes(what.do) &&
			!(what.do === 'cut' && what.how === 'expired') &&
			!(what.do === 'fault' && ['expired', 'silent', 'refused'].includes(what.fault)),
	);
	await fc.assert(
		fc.asyncProperty(fc.array(harmless, { maxLength: 60 }), async (actions) => {
			// The first list must have happened before the faults begin.
			const { server } = await run([{ do: 'time', ms: 0 }, ...actions]);
			t.is(server.lists, 1);
		}),
		{ numRuns: 200 },
	);
});
