/** The facts of upstream's charts that are checked in are those that istioctl gives, and say of an object what is in it. */
import test from 'ava';
import { istioPins } from '../../real-istio/pins.ts';
import { testWithIstio } from '../../real-istio/test-with-istio.ts';
import { compareFacts } from '../compare.ts';
import { istiodFactsOf } from './facts.ts';
import { changed, changesOf, keptFacts } from './kept.ts';
import { type Rendering, renderingNames, upstreamRendering } from './renderings.ts';

testWithIstio('facts of upstream’s charts are those that istioctl gives', async (t, real) => {
	for (const name of renderingNames) {
		const where = { version: real.pins.line, place: name };
		const now = istiodFactsOf(await upstreamRendering(real, name));
		t.deepEqual(
			compareFacts(where, now, await keptFacts(real.pins.line, name)),
			[],
			'run: node e2e/charts/istiod/take-facts.ts',
		);
	}
});

test('each line has facts of each rendering, and each rendering says what it is there for', async (t) => {
	for (const { line } of istioPins) {
		const facts = Object.fromEntries(
			await Promise.all(renderingNames.map(async (name) => [name, await keptFacts(line, name)] as const)),
		);
		const has = (name: Rendering, object: string) => facts[name]?.[object] !== undefined;
		t.true(has('default', 'Deployment istiod'));
		t.true(has('revision', 'Deployment istiod-canary'));
		t.true(has('revision', 'MutatingWebhookConfiguration istio-revision-tag-stable'));
		t.true(has('remote', 'EndpointSlice istiod') && !has('remote', 'Deployment istiod'));
		t.is(
			facts.primary?.['Deployment istiod']?.['template spec containers discovery env EXTERNAL_ISTIOD value'],
			'true',
		);
		t.is(
			facts['external-ca']?.['Deployment istiod']?.['template spec containers discovery env ENABLE_CA_SERVER value'],
			'false',
		);
		t.is(facts.ha?.['HorizontalPodAutoscaler istiod']?.minReplicas, '2');
		t.true(has('cni', 'DaemonSet istio-cni-node') && !has('cni', 'DaemonSet ztunnel'));
		t.true(has('ambient', 'DaemonSet istio-cni-node') && has('ambient', 'DaemonSet ztunnel'));
		t.true(has('gateways', 'Deployment istio-eastwestgateway') && has('gateways', 'Deployment istio-egressgateway'));
	}
});

test('facts name what a value belongs to, rules by resource, and of templates only the parts', (t) => {
	t.deepEqual(
		istiodFactsOf([
			{
				apiVersion: 'apps/v1',
				kind: 'Deployment',
				metadata: { name: 'istiod', labels: { app: 'istiod', 'operator.istio.io/component': 'Pilot' } },
				spec: {
					template: {
						spec: {
							containers: [
								{
									name: 'discovery',
									args: ['discovery', '--domain', 'cluster.local'],
									env: [
										{ name: 'REVISION', value: 'default' },
										{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
									],
									securityContext: { capabilities: { drop: ['ALL'] } },
								},
							],
							volumes: [{ name: 'certs', emptyDir: {} }],
						},
					},
				},
			},
			{
				apiVersion: 'rbac.authorization.k8s.io/v1',
				kind: 'ClusterRole',
				metadata: { name: 'reader' },
				rules: [
					{ apiGroups: ['', 'apps'], resources: ['pods'], verbs: ['watch', 'list'] },
					{ apiGroups: [''], resources: ['pods'], verbs: ['get'] },
					{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['istio'], verbs: ['get'] },
				],
			},
			{
				apiVersion: 'v1',
				kind: 'ConfigMap',
				metadata: { name: 'istio-sidecar-injector' },
				data: {
					config:
						'policy: enabled\ntemplates:\n  sidecar: |\n    metadata:\n      labels: {}\n    spec:\n      containers:\n',
					values: '{"global": {"network": "near"}}',
				},
			},
			{
				apiVersion: 'apiextensions.k8s.io/v1',
				kind: 'CustomResourceDefinition',
				metadata: { name: 'things' },
				spec: {},
			},
		]),
		{
			'ClusterRole reader': {
				'may configmaps istio': 'get',
				'may pods': 'get, list, watch',
				'may pods.apps': 'list, watch',
				version: 'rbac.authorization.k8s.io/v1',
			},
			'ConfigMap istio-sidecar-injector': {
				'config policy': 'enabled',
				'template sidecar .containers': 'yes',
				'template sidecar .labels': 'yes',
				'template sidecar metadata': 'yes',
				'template sidecar spec': 'yes',
				'values global network': 'near',
				version: 'v1',
			},
			'CustomResourceDefinition things': {},
			'Deployment istiod': {
				'label app': 'istiod',
				'template spec containers discovery args --domain': 'cluster.local',
				'template spec containers discovery args discovery': 'yes',
				'template spec containers discovery env POD_NAME valueFrom fieldRef fieldPath': 'metadata.name',
				'template spec containers discovery env REVISION value': 'default',
				'template spec containers discovery securityContext capabilities drop': 'ALL',
				'template spec volumes certs emptyDir': 'empty',
				version: 'apps/v1',
			},
		},
	);
});

test('changes make other facts of some', (t) => {
	const base = { 'Service a': { 'port 80': 'http', same: 'same' }, 'Service b': { a: 'b' }, 'Service c': { c: 'c' } };
	const facts = { 'Service a': { 'port 81': 'http', same: 'same' }, 'Service b': { a: 'c' }, 'Service d': {} };
	const changes = changesOf(base, facts);
	t.deepEqual(changes, {
		'Service a': { 'port 80': null, 'port 81': 'http' },
		'Service b': { a: 'c' },
		'Service c': null,
		'Service d': {},
	});
	t.deepEqual(changed(base, changes), facts);
	t.deepEqual(changesOf(base, base), {});
});
