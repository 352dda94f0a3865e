import test from 'ava';
import { clusterNameOf, listedClustersOf, namespaceOf } from './unparsed.ts';

const metadata = { name: 'default' };

test('whatever makes no sense in a spec counts as absent', (t) => {
	for (const spec of [
		undefined,
		null,
		'text',
		7,
		[],
		{},
		{ namespace: 7, multiCluster: null },
		{ multiCluster: 'x' },
	]) {
		const object = { metadata, spec };
		t.is(namespaceOf(object), 'istio-system', JSON.stringify(spec));
		t.is(clusterNameOf(object), undefined);
		t.deepEqual(listedClustersOf(object), []);
	}
	const clusters = [null, 'a', { name: 7 }, { role: 'Primary' }, { name: 'b', role: 7, network: {} }];
	t.deepEqual(listedClustersOf({ metadata, spec: { multiCluster: { clusters } } }), [{ name: 'b' }]);
});

test('what makes sense is read, however invalid the rest is', (t) => {
	const clusters = [{ name: 'a', role: 'Primary', network: 'n', server: 7 }];
	const object = { metadata, spec: { version: 7, namespace: 'mesh', multiCluster: { clusterName: 'here', clusters } } };
	t.is(namespaceOf(object), 'mesh');
	t.is(clusterNameOf(object), 'here');
	t.deepEqual(listedClustersOf(object), [{ name: 'a', role: 'Primary', network: 'n' }]);
});
