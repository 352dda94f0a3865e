import test from 'ava';
import fc from 'fast-check';
import { toChild } from '../../apply/child.ts';
import { owner } from '../../apply/testing.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { type ClusterRecord, contentHash, recordOf, recordSecret, recordsIn, replacedHash } from './record.ts';

const mesh = { name: 'default', namespace: 'istio-system', owner };
const day = 24 * 60 * 60_000;

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
/** Milliseconds since 1970, within some thirty years. */
const time = fc.integer({ min: Date.UTC(2020), max: Date.UTC(2050) });
const hash = fc.stringMatching(/^[\w-]{22}$/);

const record: fc.Arbitrary<ClusterRecord> = fc
	.record(
		{
			cluster: label,
			role: fc.constantFrom('Remote' as const, 'Primary' as const),
			state: fc.constantFrom('Pending' as const, 'Published' as const, 'Leaving' as const),
			id: fc.uuid(),
			dataPlane: fc.boolean(),
			kubeconfig: fc.record({ namespace: label, name: label, key: fc.stringMatching(/^[-._a-zA-Z0-9]{1,253}$/) }),
			issued: fc.record({ issuedAt: time, lifetimeMs: fc.integer({ min: 1, max: 3_660 * day }) }),
			basis: hash,
			content: hash,
			replacedAt: time,
			authority: fc.record({
				root: fc.stringMatching(/^[0-9a-f]{16}$/),
				roots: fc.array(fc.stringMatching(/^[0-9a-f]{16}$/), { minLength: 1, maxLength: 3 }),
				content: hash,
				at: time,
				until: time,
			}),
			leavingSince: time,
		},
		{ requiredKeys: ['cluster', 'role', 'state', 'dataPlane', 'kubeconfig'] },
	)
	.map(({ leavingSince = Date.UTC(2030), ...rest }) =>
		rest.state === 'Leaving' ? { ...rest, leavingSince } : { ...rest },
	);

/** What a watch of metadata shows. */
function metadataOf({ apiVersion, kind, metadata }: KubeObject): KubeObject {
	return { apiVersion, kind, metadata };
}

test('a record comes back from the metadata of its Secret as it went in', (t) => {
	fc.assert(
		fc.property(record, (given) => {
			const secret = recordSecret(mesh, given, given.state === 'Published' ? 'kubeconfig' : undefined);
			t.deepEqual(recordOf(toChild(metadataOf(secret))), given);
		}),
	);
});

test('nothing of a kubeconfig is in the metadata, and only what is published has content and the label by which Pilot looks', (t) => {
	fc.assert(
		fc.property(record, fc.stringMatching(/^[!-~]{40,80}$/), (given, token) => {
			const kubeconfig = `users: [{user: {token: "${token}"}}]`;
			const secret = recordSecret(mesh, given, kubeconfig) as KubeObject & {
				readonly data?: Readonly<Record<string, string>>;
			};
			const { labels = {}, annotations = {} } = secret.metadata;
			const text = JSON.stringify(secret.metadata);
			for (const part of [token, Buffer.from(kubeconfig).toString('base64'), Buffer.from(token).toString('base64')])
				t.false(text.includes(part));
			const isPublished = given.state === 'Published';
			t.is(labels['istio/multiCluster'], isPublished ? 'true' : undefined);
			t.is(annotations['networking.istio.io/cluster'], isPublished ? given.cluster : undefined);
			t.deepEqual(
				secret.data,
				isPublished ? { [given.cluster]: Buffer.from(kubeconfig).toString('base64') } : undefined,
			);
		}),
	);
});

test('labels are valid and the name is one, also with the longest name of a cluster', (t) => {
	fc.assert(
		fc.property(record, (given) => {
			const longest = { ...given, cluster: given.cluster.padEnd(63, 'x') };
			const { name, labels = {} } = recordSecret(mesh, longest, 'x').metadata;
			t.true(name.length <= 253);
			for (const value of Object.values(labels)) t.regex(value, /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/);
		}),
	);
});

test('without content nothing is published, whatever the record says', (t) => {
	const secret = recordSecret(mesh, { ...pending('a'), state: 'Published' });
	t.false('data' in secret);
	t.is(secret.metadata.labels?.['istio/multiCluster'], undefined);
});

test('in another cluster it has no owner, and belongs to the set of what is kept there', (t) => {
	const { metadata } = recordSecret({ name: 'default', namespace: 'istio-system', partOf: 'set' }, pending('a'), 'x');
	t.is(metadata.ownerReferences, undefined);
	t.is(metadata.labels?.['applyset.kubernetes.io/part-of'], 'set');
});

test('annotations that somebody has changed make no record, or one without a token', (t) => {
	const published: ClusterRecord = {
		...pending('a'),
		state: 'Published',
		issued: { issuedAt: Date.UTC(2026), lifetimeMs: 600_000 },
	};
	const changed = (annotations: Readonly<Record<string, string | undefined>>) => {
		const child = toChild(metadataOf(recordSecret(mesh, published, 'x')));
		const facts = { ...child.clusterRecord?.facts, ...annotations } as Record<string, string>;
		return recordOf({ clusterRecord: { cluster: 'a', isPublished: true, foreignKeys: [], facts } });
	};
	t.is(changed({ kubeconfig: 'a/b' }), undefined);
	t.is(changed({ kubeconfig: undefined }), undefined);
	t.is(recordOf({}), undefined);
	for (const text of ['', 'soon', '-1', '0', 'Infinity', '1e300', 'NaN'])
		t.is(changed({ 'lifetime-seconds': text })?.issued, undefined, text);
	for (const text of ['', 'yesterday', '+999999-01-01']) t.is(changed({ 'issued-at': text })?.issued, undefined, text);
	t.is(changed({ role: 'King' })?.role, 'Remote');
	fc.assert(
		fc.property(
			fc.dictionary(fc.constantFrom('issued-at', 'lifetime-seconds', 'replaced-at'), fc.string()),
			(facts) => {
				const found = changed(facts);
				if (found !== undefined) t.notThrows(() => recordSecret(mesh, found, 'x'));
			},
		),
	);
});

test('only the Secrets in the namespace of the mesh count', (t) => {
	const secret = (namespace: string) =>
		toChild(metadataOf(recordSecret({ ...mesh, namespace }, pending('a'), undefined)));
	const other = toChild({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', namespace: 'istio-system' } });
	t.deepEqual(
		recordsIn('istio-system', [secret('istio-system'), secret('other'), other]).map(({ cluster }) => cluster),
		['a'],
	);
});

test('joins, leaves and pending clusters do not change what pods are replaced for; a replaced Secret does', (t) => {
	fc.assert(
		fc.property(fc.array(record, { maxLength: 8 }), record, time, (records, one, replacedAt) => {
			const { replacedAt: _, ...never } = one;
			const before = replacedHash(records);
			t.is(replacedHash([...records, never]), before);
			t.is(replacedHash([...records, { ...one, state: 'Pending' }, { ...one, state: 'Leaving' }]), before);
			t.is(replacedHash(records.toReversed()), before);
			t.not(replacedHash([...records, { ...one, cluster: 'new', state: 'Published', replacedAt }]), before);
		}),
	);
	const rotated: ClusterRecord = { ...pending('a'), state: 'Published', content: 'x', replacedAt: 1 };
	t.is(replacedHash([]), undefined);
	t.not(replacedHash([rotated]), replacedHash([{ ...rotated, content: 'y' }]));
	t.not(replacedHash([rotated]), replacedHash([{ ...rotated, replacedAt: 2 }]));
});

test('the hash of content tells whether it is as it was written', (t) => {
	t.is(contentHash('a'), contentHash('a'));
	t.not(contentHash('a'), contentHash('b'));
	t.is(contentHash('a').length, 22);
});

function pending(cluster: string): ClusterRecord {
	return {
		cluster,
		role: 'Remote',
		state: 'Pending',
		dataPlane: false,
		kubeconfig: { namespace: 'x', name: 'y', key: 'z' },
	};
}
