import test from 'ava';
import type { ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import { meshOf } from '../../../render/testing.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import type { Hop } from '../../upgrade/rules.ts';
import { findingsOfObject, kindsOfHop } from './objects.ts';
import { classicUpgradeRules } from './rules.ts';

const versions = { '1.0': '1.0.9', '1.1': '1.1.17', '1.2': '1.2.10', '1.3': '1.3.8', '1.4': '1.4.10' } as const;
type Minor = keyof typeof versions;

function hop(from: Minor, to: Minor, spec: Readonly<Record<string, unknown>> = {}): Hop<ResolvedClassicMesh> {
	const meshes = [from, to].map((minor) => meshOf({ version: versions[minor], profile: 'default', ...spec }));
	const [before, after] = meshes as [ResolvedClassicMesh, ResolvedClassicMesh];
	return { from: { version: versions[from], release: before.release, mesh: before }, to: after };
}

function object(apiVersion: string, kind: string, spec: unknown = {}, name = 'mine', labels = {}): KubeObject {
	return { apiVersion, kind, metadata: { name, namespace: 'shop', labels }, spec };
}

const config = 'config.istio.io/v1alpha2';
const networking = 'networking.istio.io/v1alpha3';

function names(of: Hop<ResolvedClassicMesh>, one: KubeObject): readonly string[] {
	return findingsOfObject(of, one).map(({ name }) => name);
}

const route = (match: unknown) => ({
	hosts: ['a.example'],
	http: [{ match: [match], route: [{ destination: { host: 'a.example' } }] }],
});

const cases: readonly (readonly [
	title: string,
	from: Minor,
	to: Minor,
	object: KubeObject,
	findings: readonly string[],
	spec?: Readonly<Record<string, unknown>>,
])[] = [
	['an adapter of 1.1', '1.1', '1.2', object(config, 'stdio'), ['kind-not-read']],
	['an instance of a template', '1.1', '1.2', object(config, 'metric'), ['kind-not-read']],
	['an adapter one hop before', '1.0', '1.1', object(config, 'stdio'), []],
	['an adapter without Mixer', '1.1', '1.2', object(config, 'stdio'), [], { profile: 'minimal' }],
	['a handler', '1.1', '1.2', object(config, 'handler'), []],
	['a rule', '1.1', '1.2', object(config, 'rule'), []],
	[
		'AuthorizationPolicy of rbac',
		'1.2',
		'1.3',
		object('rbac.istio.io/v1alpha1', 'AuthorizationPolicy'),
		['kind-not-read'],
	],
	[
		'AuthorizationPolicy of security',
		'1.3',
		'1.4',
		object('security.istio.io/v1beta1', 'AuthorizationPolicy'),
		['kind-newly-read'],
	],
	[
		'a Sidecar before Pilot reads it',
		'1.0',
		'1.1',
		object(networking, 'Sidecar', { egress: [{ hosts: ['*/*'] }] }),
		['kind-newly-read'],
	],
	[
		'RbacConfig',
		'1.0',
		'1.1',
		object('rbac.istio.io/v1alpha1', 'RbacConfig', { mode: 'ON' }, 'default'),
		['rbac-config'],
	],
	['RbacConfig later', '1.1', '1.2', object('rbac.istio.io/v1alpha1', 'RbacConfig', { mode: 'ON' }, 'default'), []],
	[
		'ClusterRbacConfig',
		'1.0',
		'1.1',
		object('rbac.istio.io/v1alpha1', 'ClusterRbacConfig', { mode: 'ON' }, 'default'),
		['kind-newly-read'],
	],
	[
		'a lookahead',
		'1.3',
		'1.4',
		object(networking, 'VirtualService', route({ uri: { regex: '/(?!admin).*' } })),
		['regex-not-re2'],
	],
	[
		'a back reference in a header',
		'1.3',
		'1.4',
		object(networking, 'VirtualService', route({ headers: { a: { regex: '(x)\\1' } } })),
		['regex-not-re2'],
	],
	[
		'a regex that both know',
		'1.3',
		'1.4',
		object(networking, 'VirtualService', route({ uri: { regex: '/[(?=]+\\\\1?/v[0-9]{1,3}' } })),
		[],
	],
	[
		'a lookahead in a query, which is read as before',
		'1.3',
		'1.4',
		object(networking, 'VirtualService', route({ queryParams: { a: { regex: '(?=x)' } } })),
		[],
	],
	[
		'a lookahead one hop before',
		'1.2',
		'1.3',
		object(networking, 'VirtualService', route({ uri: { regex: '(?!a)' } })),
		[],
	],
	[
		'a lookahead where the old engine stays',
		'1.3',
		'1.4',
		object(networking, 'VirtualService', route({ uri: { regex: '(?!a)' } })),
		[],
		{ pilot: { env: [{ name: 'PILOT_ENABLE_UNSAFE_REGEX', value: 'true' }] } },
	],
	[
		'a Service with HTTP at 443',
		'1.3',
		'1.4',
		object('v1', 'Service', { ports: [{ name: 'http-web', port: 443 }] }),
		['http-on-443'],
	],
	['a Service with HTTPS at 443', '1.3', '1.4', object('v1', 'Service', { ports: [{ name: 'https', port: 443 }] }), []],
	[
		'a Service with HTTP/2 at 443',
		'1.3',
		'1.4',
		object('v1', 'Service', { ports: [{ name: 'http2', port: 443 }] }),
		[],
	],
	[
		'a ServiceEntry with HTTP at 443',
		'1.3',
		'1.4',
		object(networking, 'ServiceEntry', {
			hosts: ['a.example'],
			ports: [{ number: 443, name: 'web', protocol: 'http' }],
		}),
		['http-on-443'],
	],
	[
		'HTTP at 443 where it is allowed',
		'1.3',
		'1.4',
		object('v1', 'Service', { ports: [{ name: 'http', port: 443 }] }),
		[],
		{ pilot: { env: [{ name: 'PILOT_BLOCK_HTTP_ON_443', value: 'false' }] } },
	],
	[
		'a server without a key, which 1.0 takes',
		'1.0',
		'1.1',
		object(networking, 'Gateway', {
			servers: [
				{
					hosts: ['a.example'],
					port: { number: 443, name: 'https', protocol: 'HTTPS' },
					tls: { mode: 'SIMPLE', serverCertificate: '/etc/cert.pem' },
				},
			],
		}),
		['object-refused'],
	],
	['what is wrong already', '1.3', '1.4', object(networking, 'VirtualService', { typo: 1 }), []],
	[
		'an object of the operator',
		'1.1',
		'1.2',
		object(config, 'metric', {}, 'mine', { 'app.kubernetes.io/managed-by': 'meshwright' }),
		[],
	],
	[
		'an object of an ApplySet of users',
		'1.1',
		'1.2',
		object(config, 'metric', {}, 'mine', { 'applyset.kubernetes.io/part-of': 'x' }),
		['kind-not-read'],
	],
	['a kind of somebody else', '1.3', '1.4', object('example.com/v1', 'VirtualService', { typo: 1 }), []],
	['nonsense', '1.3', '1.4', object(networking, 'VirtualService', { http: [null, { match: 'x' }] }), []],
	['a Service of nonsense', '1.3', '1.4', object('v1', 'Service', null), []],
];

for (const [title, from, to, one, expected, spec] of cases) {
	test(`${versions[from]} to ${versions[to]}, ${title}: ${expected.join(', ') || 'nothing'}`, (t) => {
		t.deepEqual(names(hop(from, to, spec), one), expected);
	});
}

test('each finding names the object and what to do', (t) => {
	const [finding] = findingsOfObject(hop('1.1', '1.2'), object(config, 'stdio'));
	t.is(finding?.subject, 'stdio shop/mine');
	t.regex(finding?.message ?? '', /Istio 1\.1\.17 reads and 1\.2\.10 does not/);
	t.regex(finding?.remedy ?? '', /handler with compiledAdapter/);
});

test('the kinds of a hop are those of both releases, and Services where their ports matter', (t) => {
	const plurals = (of: Hop<ResolvedClassicMesh>) => kindsOfHop(of).map(({ plural }) => plural);
	t.true(plurals(hop('1.1', '1.2')).includes('stdios'));
	t.false(plurals(hop('1.2', '1.3')).includes('stdios'));
	t.true(plurals(hop('1.3', '1.4')).includes('services'));
	t.false(plurals(hop('1.2', '1.3')).includes('services'));
	const outside = { pilot: { kubeconfigSecret: { name: 'there' } } };
	t.deepEqual(kindsOfHop(hop('1.3', '1.4', outside)), []);
});

function ofMesh(of: Hop<ResolvedClassicMesh>, definitions: readonly string[] = []) {
	const live = definitions.map((name) => ({ apiVersion: 'v1', kind: 'CustomResourceDefinition', metadata: { name } }));
	return classicUpgradeRules.mesh(of, { definitions: live });
}

test('what changes without a field of the spec is told once, where it changes', (t) => {
	const namesOf = (of: Hop<ResolvedClassicMesh>, definitions?: readonly string[]) =>
		ofMesh(of, definitions).map(({ name }) => name);
	t.deepEqual(namesOf(hop('1.0', '1.1')), ['outbound-traffic-opens', 'mesh-config-changes']);
	t.deepEqual(namesOf(hop('1.1', '1.2')), ['mesh-config-changes']);
	t.deepEqual(namesOf(hop('1.2', '1.3')), ['mesh-config-changes', 'protocols-detected']);
	t.deepEqual(namesOf(hop('1.3', '1.4')), []);
	t.deepEqual(namesOf(hop('1.3', '1.4'), ['authorizationpolicies.rbac.istio.io']), ['rbac-policy-leftover']);
	const closed = {
		...hop('1.0', '1.1'),
		to: meshOf({ version: '1.1.17', mesh: { outboundTraffic: 'REGISTRY_ONLY' } }),
	};
	t.false(namesOf(closed).includes('outbound-traffic-opens'));
});

test('the trust domain matters where there are several clusters and mutual TLS', (t) => {
	const clusters = [{ name: 'west', kubeconfigSecret: { namespace: 'meshwright-system', name: 'west' } }];
	const spec = { citadel: { enabled: true, caSecretName: 'cacerts' }, multiCluster: { clusters } };
	t.true(ofMesh(hop('1.2', '1.3', spec)).some(({ name }) => name === 'trust-domain-checked'));
	t.false(
		ofMesh(hop('1.2', '1.3', { multiCluster: { clusters } })).some(({ name }) => name === 'trust-domain-checked'),
	);
});
