import test from 'ava';
import { managedByLabel } from '../../apply/identity.ts';
import { owner } from '../../apply/testing.ts';
import { InvalidError, TransientError } from '../../runtime/errors.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { day, FakeStore, minute, recordWith, start } from '../testing.ts';
import {
	keepPublished,
	type PublicationMemory,
	type PublicationOutcome,
	type PublicationSource,
	type PublicationWish,
} from './publication.ts';
import { type ClusterRecord, recordOf, recordReference, recordSecret } from './record.ts';
import { renewalAt } from './rotation.ts';

const namespace = 'istio-system';
const reference = recordReference(namespace, 'a');
const policy = { lifetimeMs: 30 * day, renewShare: 0.7 };
const mesh = { name: 'default', namespace, owner };

/** A Secret that is kept, pass by pass. */
class Scene {
	readonly store = new FakeStore();
	memory: PublicationMemory = { wasPublished: false };
	tokens = 0;
	now = start;
	source: PublicationSource = {
		account: { namespace, name: 'istio-reader-here', uid: 'u1' },
		access: { server: 'https://a.example:6443', ca: 'CA', tlsServerName: undefined },
		issue: async (lifetimeMs, now) => ({ token: `token-${++this.tokens}`, issued: { issuedAt: now, lifetimeMs } }),
	};
	wish: Omit<PublicationWish, 'now'> = {
		record: { cluster: 'a', role: 'Remote', dataPlane: false, id: 'uid-a', kubeconfig: recordWith('a').kubeconfig },
		policy,
		others: [],
		wasPublished: false,
	};

	pass(): Promise<PublicationOutcome> {
		const { store, source, wish, memory, now } = this;
		const target = { api: store.api, live: store.live, writer: store.writer(), mesh };
		return keepPublished(target, source, { ...wish, now }, memory, {});
	}

	/** Restarts the process. */
	restart(): void {
		this.memory = { wasPublished: false };
	}

	get secret(): KubeObject & { readonly data?: Readonly<Record<string, string>> } {
		const found = this.store.objects.get(objectKey(reference));
		if (found === undefined) throw new Error('there is no Secret');
		return found;
	}

	get record(): ClusterRecord {
		const child = this.store.live.get(objectKey(reference));
		const record = child === undefined ? undefined : recordOf(child);
		if (record === undefined) throw new Error('there is no record');
		return record;
	}

	/** The token in the Secret. */
	get token(): string | undefined {
		const kubeconfig = Buffer.from(this.secret.data?.a ?? '', 'base64').toString();
		return /token: (\S+)/.exec(kubeconfig)?.[1];
	}
}

test('a token is issued once, and what is good is left alone', async (t) => {
	const scene = new Scene();
	t.is(await scene.pass(), 'published');
	t.is(scene.token, 'token-1');
	t.like(scene.record, { state: 'Published', id: 'uid-a', issued: { issuedAt: start, lifetimeMs: 30 * day } });
	// A join is no replacement.
	t.is(scene.record.replacedAt, undefined);
	for (let pass = 0; pass < 3; pass++) t.is(await scene.pass(), 'unchanged');
	t.is(scene.store.writes.length, 1);
	t.is(scene.tokens, 1);
});

test('after a restart what is published is read once, and not written', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.restart();
	scene.store.reads.length = 0;
	t.is(await scene.pass(), 'unchanged');
	t.is(await scene.pass(), 'unchanged');
	t.is(scene.store.reads.length, 1);
	t.is(scene.store.writes.length, 1);
});

test('a token that is due is replaced, and told as a replacement', async (t) => {
	const scene = new Scene();
	await scene.pass();
	const due = renewalAt('a', scene.record.issued ?? { issuedAt: 0, lifetimeMs: 0 }, policy);
	scene.now = Math.floor(due) - 1;
	t.is(await scene.pass(), 'unchanged');
	scene.now = Math.ceil(due);
	t.is(await scene.pass(), 'rotated');
	t.is(scene.token, 'token-2');
	t.is(scene.record.replacedAt, scene.now);
	t.is(await scene.pass(), 'unchanged');
	// The same in a process that did not publish it.
	scene.restart();
	scene.now += 30 * day;
	t.is(await scene.pass(), 'rotated');
	t.is(scene.record.replacedAt, scene.now);
});

test('while no new token can be had, the one before stays published', async (t) => {
	const scene = new Scene();
	await scene.pass();
	const { source } = scene;
	scene.now += 25 * day;
	scene.source = { ...source, issue: () => Promise.reject(new TransientError('silence')) };
	await t.throwsAsync(scene.pass(), { instanceOf: TransientError });
	t.is(scene.token, 'token-1');
	t.is(scene.record.state, 'Published');
	scene.source = source;
	t.is(await scene.pass(), 'rotated');
});

test('what was not stored is not remembered', async (t) => {
	const scene = new Scene();
	scene.store.refusal = new TransientError('silence');
	await t.throwsAsync(scene.pass());
	t.is(await scene.pass(), 'published');
	t.is(scene.token, 'token-2');
	t.is(scene.record.replacedAt, undefined);
});

test('another address, authority or account makes another token', async (t) => {
	const scene = new Scene();
	await scene.pass();
	const { access, account, issue } = scene.source;
	const sources: readonly PublicationSource[] = [
		{ account, issue, access: { ...access, server: 'https://b.example:6443' } },
		{ account, issue, access: { ...access, ca: 'CB' } },
		{ account, issue, access: { ...access, tlsServerName: 'a.example' } },
		{ account, issue, access: { ...access, proxyUrl: 'http://proxy' } },
		{ issue, access, account: { ...account, name: 'istio-reader-there' } },
		// The account was deleted and made again, so its tokens have ended.
		{ issue, access, account: { ...account, uid: 'u2' } },
	];
	for (const source of sources) {
		scene.source = source;
		t.is(await scene.pass(), 'rotated');
		t.is(await scene.pass(), 'unchanged');
	}
	t.is(scene.tokens, 1 + sources.length);
});

test('another mark in the record is written with the same token', async (t) => {
	const scene = new Scene();
	await scene.pass();
	const { record } = scene.wish;
	for (const changed of [
		{ dataPlane: true },
		{ role: 'Primary' as const },
		{ kubeconfig: recordWith('b').kubeconfig },
	]) {
		scene.wish = { ...scene.wish, record: { ...record, ...changed } };
		t.is(await scene.pass(), 'repaired');
		t.like(scene.record, { ...changed, state: 'Published' });
		t.is(await scene.pass(), 'unchanged');
	}
	t.is(scene.tokens, 1);
	t.is(scene.record.replacedAt, undefined);
});

test('content that somebody changed is written again as it was, without a new token', async (t) => {
	const scene = new Scene();
	await scene.pass();
	const { secret } = scene;
	// Whoever writes a field of ours takes it over, which changes our entry in managedFields.
	const [entry] = secret.metadata.managedFields ?? [];
	const managedFields = [{ ...entry, fieldsV1: { 'f:metadata': {} } }];
	scene.store.put({ ...secret, data: { a: 'eA==' }, metadata: { ...secret.metadata, managedFields } } as KubeObject);
	t.is(await scene.pass(), 'repaired');
	t.is(scene.token, 'token-1');
	t.is(scene.record.replacedAt, undefined);
	t.is(await scene.pass(), 'unchanged');
});

test('content that was changed while nobody looked is not trusted: there is a new token', async (t) => {
	for (const data of [{ a: Buffer.from('other').toString('base64') }, { a: 'x', b: 'y' }, {}, undefined]) {
		const scene = new Scene();
		await scene.pass();
		scene.store.put({ ...scene.secret, ...{ data } } as KubeObject);
		scene.restart();
		t.is(await scene.pass(), 'rotated');
		t.is(scene.token, 'token-2');
	}
});

test('a Secret that was deleted is made again with a new token: Pilot may have missed that it went', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.store.take(reference);
	t.is(await scene.pass(), 'repaired');
	t.is(scene.token, 'token-2');
	t.is(scene.record.replacedAt, start);
	// The same when this process has never seen it, and the status says that it existed.
	const restarted = new Scene();
	restarted.wish = { ...restarted.wish, wasPublished: true };
	t.is(await restarted.pass(), 'repaired');
	t.is(restarted.record.replacedAt, start);
});

test('whoever deletes it again and again is not answered without end', async (t) => {
	const scene = new Scene();
	await scene.pass();
	const deletions = async () => {
		for (let i = 0; i < 100; i++) {
			scene.store.take(reference);
			await scene.pass();
		}
	};
	await t.throwsAsync(deletions(), { message: /is being changed again and again/ });
	t.true(scene.tokens < 50);
});

test('what was begun is published without being told as a replacement', async (t) => {
	const scene = new Scene();
	await scene.store.writer().apply(recordSecret(mesh, recordWith('a')), true);
	t.is(scene.record.state, 'Pending');
	t.is(await scene.pass(), 'published');
	t.is(scene.record.replacedAt, undefined);
});

test('who is nearly due renews with the others of the mesh', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.now = start + 18 * day;
	t.is(await scene.pass(), 'unchanged');
	const renewed = recordWith('b', {
		state: 'Published',
		issued: { issuedAt: scene.now, lifetimeMs: 30 * day },
		replacedAt: scene.now,
	});
	scene.wish = { ...scene.wish, others: [renewed] };
	scene.now += minute;
	t.is(await scene.pass(), 'rotated');
	t.is(await scene.pass(), 'unchanged');
});

test('a Secret of somebody else is not written; one that is handed over is', async (t) => {
	const scene = new Scene();
	const { apiVersion, kind, name } = reference;
	const foreign = (metadata: Partial<KubeObject['metadata']>): KubeObject => ({
		apiVersion,
		kind,
		metadata: { namespace, name, managedFields: [{ manager: 'kubectl' }], ...metadata },
	});
	for (const metadata of [{}, { labels: { [managedByLabel]: 'Helm' } }]) {
		scene.store.objects.set(objectKey(reference), foreign(metadata));
		const error = await t.throwsAsync(scene.pass(), { instanceOf: InvalidError });
		t.is(error?.reason, 'SecretConflict');
		t.is(scene.store.writes.length, 0);
		t.is(scene.tokens, 0);
	}
	scene.store.objects.set(objectKey(reference), foreign({ annotations: { 'meshwright.io/adopt': 'true' } }));
	t.is(await scene.pass(), 'published');
	t.deepEqual(scene.store.writes, [`~Secret ${namespace}/${name}`, `Secret ${namespace}/${name}`]);
});

test('a cluster may be called as objects call what they inherit, and its Secret be emptied', async (t) => {
	const scene = new Scene();
	scene.wish = { ...scene.wish, record: { ...scene.wish.record, cluster: 'constructor' } };
	t.is(await scene.pass(), 'published');
	const key = objectKey(recordReference(namespace, 'constructor'));
	const { data: _, ...emptied } = scene.store.objects.get(key) as KubeObject & { readonly data: unknown };
	scene.store.objects.set(key, emptied);
	scene.restart();
	t.is(await scene.pass(), 'rotated');
});

test('when less life is wished for, a token that was asked for with more is renewed at once, and then left alone', async (t) => {
	const scene = new Scene();
	await scene.pass();
	scene.wish = { ...scene.wish, policy: { ...policy, lifetimeMs: day } };
	t.is(await scene.pass(), 'rotated');
	t.is(scene.token, 'token-2');
	t.is(scene.record.issued?.lifetimeMs, day);
	t.is(await scene.pass(), 'unchanged');
	// More life is for the next token.
	scene.wish = { ...scene.wish, policy };
	t.is(await scene.pass(), 'unchanged');
});

test('a token that lives longer than it was asked for is left alone, and so is one that an API server made short enough', async (t) => {
	const scene = new Scene();
	const grant = (life: number) => {
		scene.source = {
			...scene.source,
			issue: async (askedMs, now) => ({
				token: `token-${++scene.tokens}`,
				issued: { issuedAt: now, lifetimeMs: life, askedMs },
			}),
		};
	};
	grant(60 * day);
	t.is(await scene.pass(), 'published');
	t.is(await scene.pass(), 'unchanged', 'the next one would be as long');
	t.is(scene.record.issued?.askedMs, 30 * day);
	scene.wish = { ...scene.wish, policy: { ...policy, lifetimeMs: day } };
	grant(day / 2);
	t.is(await scene.pass(), 'rotated');
	scene.wish = { ...scene.wish, policy: { ...policy, lifetimeMs: day * 0.75 } };
	t.is(await scene.pass(), 'unchanged');
});
