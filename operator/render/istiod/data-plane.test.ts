import test from 'ava';
import { parse } from 'yaml';
import { allLines, istiodMeshOf, problemsOf, renderIstiod } from '../../lines/istiod-testing.ts';
import { chargeBeforeWebhook } from '../../plan/istiod/gates.ts';
import { istiodRelease, istiodReleases } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, only } from '../testing.ts';
import { checkIstiodDataPlane, istiodMeshThere, renderIstiodDataPlane } from './data-plane.ts';

type Spec = Readonly<Record<string, unknown>>;

function entry(name: string, more: Spec = {}): Spec {
	return { name, kubeconfigSecret: { name, namespace: 'meshwright-system' }, ...more };
}

function meshWith(multiCluster: Spec, more: Spec = {}) {
	return istiodMeshOf({ version: '1.31.4', profile: 'default', multiCluster, ...more });
}

function dataPlane(mesh: ReturnType<typeof meshWith>, more: { network?: string; addresses?: readonly string[] } = {}) {
	return renderIstiodDataPlane(mesh, { readBy: 'near', applySet: 'set', cluster: 'far', addresses: [], ...more });
}

function envOf(objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
	const env = at(only(objects, 'Deployment'), 'spec', 'template', 'spec', 'containers', 0, 'env');
	return Object.fromEntries(
		(env as readonly { name: string; value?: string }[]).map(({ name, value }) => [name, value]),
	);
}

function networksOf(mesh: ReturnType<typeof meshWith>): unknown {
	const config = renderIstiod(mesh).find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'istio');
	return parse(String(at(config, 'data', 'meshNetworks'))).networks;
}

test('pods of a joined cluster are told where they are by the path of its webhook', (t) => {
	const paths = (objects: readonly KubeObject[]) =>
		new Set(
			(at(only(objects, 'MutatingWebhookConfiguration'), 'webhooks') as readonly object[]).map((webhook) =>
				at(webhook, 'clientConfig', 'service', 'path'),
			),
		);
	const mesh = meshWith({ clusterName: 'near', network: 'one', clusters: [entry('far', { network: 'two' })] });
	t.deepEqual(paths(dataPlane(mesh, { network: 'two' })), new Set(['/inject/cluster/far/net/two']));
	t.deepEqual(paths(dataPlane(mesh)), new Set(['/inject/cluster/far/net/one']), 'it is in the network of this cluster');
	t.deepEqual(paths(dataPlane(meshWith({ clusters: [entry('far')] }))), new Set(['/inject/cluster/far']));
	t.deepEqual(paths(renderIstiod(mesh)), new Set(['/inject']));
});

test('istiod is told that it may be in charge of other clusters when it serves one', (t) => {
	t.is(envOf(renderIstiod(meshWith({ clusters: [entry('far')] }))).EXTERNAL_ISTIOD, 'true');
	const reads = [entry('peer', { role: 'Primary' }), entry('read', { dataPlane: { enabled: false } })];
	t.false('EXTERNAL_ISTIOD' in envOf(renderIstiod(meshWith({ clusters: reads }))));
});

test('the name of istiod leads to its addresses there, of both families, and nowhere while it has none', (t) => {
	const mesh = meshWith({ clusters: [entry('far')] });
	const slices = dataPlane(mesh, { addresses: ['10.0.0.1', '10.0.0.2', 'fd00::1'] })
		.filter(({ kind }) => kind === 'EndpointSlice')
		.map((slice) => [slice.metadata.name, at(slice, 'addressType'), JSON.stringify(at(slice, 'endpoints'))]);
	t.deepEqual(slices, [
		['istiod', 'IPv4', '[{"addresses":["10.0.0.1"]},{"addresses":["10.0.0.2"]}]'],
		['istiod-ipv6', 'IPv6', '[{"addresses":["fd00::1"]}]'],
	]);
	t.false(dataPlane(mesh).some(({ kind }) => kind === 'EndpointSlice'));
	t.is(at(only(dataPlane(mesh), 'Service'), 'spec', 'selector'), undefined);
});

test('networks are told by the names of clusters, and a cluster without a name of its own has one that istiod takes', (t) => {
	const gateways = [{ registryServiceName: 'istio-eastwestgateway.istio-system.svc.cluster.local', port: 15_443 }];
	const clusters = [entry('far', { network: 'two' }), entry('beside')];
	t.deepEqual(networksOf(meshWith({ clusterName: 'near', network: 'one', clusters })), {
		one: { endpoints: [{ fromRegistry: 'beside' }, { fromRegistry: 'near' }], gateways },
		two: { endpoints: [{ fromRegistry: 'far' }], gateways },
	});
	t.deepEqual(networksOf(meshWith({ network: 'one' })), {
		one: { endpoints: [{ fromRegistry: 'kubernetes' }], gateways },
	});
	t.deepEqual(networksOf(meshWith({ clusters: [entry('beside')] })), {});
});

test('a network without the name of this one, and a cluster by the name of this one, are refused', (t) => {
	const refused = (multiCluster: Spec) => problemsOf({ version: '1.31.4', multiCluster }).map(({ path }) => path);
	t.deepEqual(refused({ clusters: [entry('far', { network: 'two' })] }), ['spec.multiCluster.network']);
	t.deepEqual(refused({ clusterName: 'near', clusters: [entry('near')] }), ['spec.multiCluster.clusters[0].name']);
	t.deepEqual(refused({ network: 'one', clusters: [entry('kubernetes')] }), ['spec.multiCluster.clusters[0].name']);
	t.deepEqual(refused({ clusterName: 'near', clusters: [entry('far')] }), []);
	const exposure = ['spec.multiCluster.exposeControlPlane'];
	t.deepEqual(refused({ exposeControlPlane: true }), exposure);
	t.deepEqual(refused({ exposeControlPlane: true, network: 'one', clusters: [entry('beside')] }), exposure);
});

test('from another network pods of istiod are not reached', (t) => {
	const mesh = meshWith({ network: 'one' });
	const check = (network: string | undefined, controlPlaneAddresses: readonly string[]) =>
		checkIstiodDataPlane(mesh, {
			cluster: 'far',
			controlPlaneAddresses,
			...(network === undefined ? {} : { network }),
		});
	t.like(check('two', []), [{ reason: 'AddressesNeeded' }]);
	const exposing = meshWith({ network: 'one', exposeControlPlane: true, clusters: [entry('far', { network: 'two' })] });
	t.deepEqual(checkIstiodDataPlane(exposing, { cluster: 'far', network: 'two', controlPlaneAddresses: [] }), []);
	t.deepEqual(check('two', ['192.0.2.1']), []);
	t.deepEqual(check('one', []), []);
	t.deepEqual(check(undefined, []), []);
});

test('a webhook of a joined cluster waits until istiod is in charge there, and stays when that is not seen any more', (t) => {
	const mesh = istiodMeshThere(meshWith({ clusters: [entry('far')] }), { cluster: 'far' });
	const [webhook] = chargeBeforeWebhook(mesh, { isInCharge: false, child: () => undefined }).flatMap(
		({ objects }) => objects,
	);
	t.true(webhook?.includes('istio-sidecar-injector'));
	t.deepEqual(chargeBeforeWebhook(mesh, { isInCharge: true, child: () => undefined }), []);
	const there = dataPlane(meshWith({ clusters: [entry('far')] }));
	const child = () => only(there, 'MutatingWebhookConfiguration') as never;
	t.deepEqual(chargeBeforeWebhook(mesh, { isInCharge: false, child }), []);
});

test('who only reads a cluster writes nothing there, and what is written is named', (t) => {
	type Rule = { readonly verbs: readonly string[]; readonly resources: readonly string[]; readonly resourceNames?: [] };
	const rules = (objects: readonly KubeObject[]) => at(only(objects, 'ClusterRole'), 'rules') as readonly Rule[];
	const mesh = meshWith({ clusters: [entry('far')] });
	const reads = rules(allLines.renderReader(mesh, { readBy: 'near', applySet: 'set' }));
	t.deepEqual([...new Set(reads.flatMap(({ verbs }) => verbs))].sort(), ['list', 'watch']);
	const written = rules(dataPlane(mesh)).filter(({ verbs }) => verbs.includes('update'));
	t.true(written.length > 0);
	for (const { resourceNames } of written) t.truthy(resourceNames);
});

test('an older istiod that loses endpoints when a Secret changes is replaced instead', (t) => {
	const { multiCluster } = allLines.of({ line: 'istiod' });
	const kubernetes = { first: '1.32', last: '1.36' };
	const reads = (version: string) => multiCluster.readsSecretsAgain(istiodRelease({ version, kubernetes }));
	t.deepEqual(['1.30.3', '1.30.4', '1.31.0', '1.32.0'].map(reads), [false, true, true, true]);
	t.true(istiodReleases.every((release) => multiCluster.readsSecretsAgain(release)));
	const mesh = meshWith({ clusters: [entry('far')] });
	const annotations = at(
		only(renderIstiod(mesh, { remoteSecrets: 'hash' }), 'Deployment'),
		'spec',
		'template',
		'metadata',
		'annotations',
	);
	t.like(annotations, { 'meshwright.io/remote-secrets-hash': 'hash' });
});
