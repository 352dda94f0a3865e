import test from 'ava';
import { definedFields } from '../../../api/v1/index.ts';
import { istiodMeshOf, problemsOf } from '../../lines/istiod-testing.ts';

const standing = [
	{ name: '1-31-4', version: '1.31.4', isActive: true },
	{ name: 'default', version: '1.30.8', isActive: false },
];
const profile = 'default';

function told(spec: Readonly<Record<string, unknown>>, revisions?: typeof standing): readonly string[] {
	return problemsOf({ profile, ...spec }, { revisions }).map(({ path, reason }) => `${path} ${reason}`);
}

test('a version that stands has the name under which it stands, and a new one has none in place', (t) => {
	const revision = (version: string, revisions: typeof standing) =>
		istiodMeshOf({ version, profile }, undefined, { revisions }).revision;
	t.is(revision('1.31.4', standing), '1-31-4');
	t.is(revision('1.30.8', standing), undefined);
	t.is(revision('1.31.4', []), undefined);
});

test('tags name a revision or follow that of the spec, and default is one of them', (t) => {
	const tags = [{ name: 'prod', revision: 'default' }, { name: 'next' }, { name: 'default', revision: 'default' }];
	const spec = { version: '1.31.4', profile, upgrade: { tags } };
	t.like(istiodMeshOf(spec, undefined, { revisions: standing }), {
		revision: '1-31-4',
		tags: [{ name: 'prod' }, { name: 'next', revision: '1-31-4' }],
		defaultTo: undefined,
	});
	t.is(istiodMeshOf({ version: '1.31.4', profile }, undefined, { revisions: standing }).defaultTo, '1-31-4');
});

test('a tag with the name of a revision is refused, and one of a revision that is not there', (t) => {
	const version = '1.31.4';
	const named = (name: string, revision?: string) => ({
		version,
		upgrade: { tags: [{ name, ...definedFields({ revision }) }] },
	});
	t.deepEqual(told(named('prod', '1-29-0'), standing), ['spec.upgrade.tags[0].revision RefNotFound']);
	t.deepEqual(told(named('prod', '1-29-0')), [], 'nobody has looked');
	t.deepEqual(told(named('prod', 'default'), standing), []);
	const asRevision = standing.map((one) => ({ ...one, name: one.isActive ? 'canary' : one.name }));
	t.deepEqual(told(named('canary'), asRevision), ['spec.upgrade.tags[0].name NameAlreadyExists']);
});

test('the revision without a name runs one version at a time', (t) => {
	t.deepEqual(told({ version: '1.32.0' }, standing), ['spec.upgrade.strategy NameAlreadyExists']);
	t.deepEqual(told({ version: '1.30.8' }, standing), []);
});

test('a mesh that injects nothing has no tags', (t) => {
	const spec = { version: '1.31.4', upgrade: { tags: [{ name: 'prod' }] } };
	t.deepEqual(
		problemsOf(spec).map(({ path }) => path),
		['spec.upgrade.tags[0]'],
	);
});

test('revisions beside each other are refused with clusters that have no control plane of their own', (t) => {
	const clusters = [{ name: 'far', kubeconfigSecret: { name: 'far', namespace: 'meshwright-system' } }];
	const spec = { version: '1.31.4', profile: 'default', multiCluster: { clusterName: 'near', clusters } };
	t.deepEqual(told({ ...spec, upgrade: { strategy: 'Canary' } }), ['spec.upgrade.strategy FieldNotInRelease']);
	t.deepEqual(told(spec), []);
});
