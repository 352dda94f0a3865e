import test from 'ava';
import { render } from '../../../lines/testing.ts';
import { meshOf } from '../../../render/testing.ts';
import { crdsOf } from '../crds.ts';
import type { Minor } from '../minors.ts';
import type { ClassicRelease } from '../release.ts';
import { classicReleases } from '../releases.ts';
import { checkObject } from './check-object.ts';
import { fieldsOf, specOfKind, valuesOf } from './fields.ts';

function release(minor: Minor): ClassicRelease {
	const found = classicReleases.find((one) => one.minor === minor);
	if (found === undefined) throw new Error(`no release ${minor}`);
	return found;
}

const groups: Readonly<Record<string, string>> = {
	Policy: 'authentication.istio.io/v1alpha1',
	MeshPolicy: 'authentication.istio.io/v1alpha1',
	ServiceRole: 'rbac.istio.io/v1alpha1',
	ServiceRoleBinding: 'rbac.istio.io/v1alpha1',
	ClusterRbacConfig: 'rbac.istio.io/v1alpha1',
	AuthorizationPolicy: 'security.istio.io/v1beta1',
};

/** Messages with their effects. */
function found(minor: Minor, kind: string, spec: unknown, name = 'default'): readonly string[] {
	const apiVersion = groups[kind] ?? 'networking.istio.io/v1alpha3';
	const result = checkObject(release(minor), { apiVersion, kind, metadata: { name }, spec });
	return result.kind === 'checked'
		? result.findings.map(({ message, effect }) => `${effect}: ${message}`)
		: [result.kind];
}

const route = { destination: { host: 'web' } };
const web = { hosts: ['web'], http: [{ route: [route] }] };

test('what is right is right in every release', (t) => {
	const good: readonly (readonly [kind: string, spec: object])[] = [
		['VirtualService', { ...web, gateways: ['web-gateway', 'mesh'] }],
		['VirtualService', { hosts: ['*'], gateways: ['g'], http: [{ redirect: { uri: '/new' } }] }],
		[
			'VirtualService',
			{ hosts: ['*.example.com'], tls: [{ match: [{ port: 443, sni_hosts: ['*.example.com'] }], route: [route] }] },
		],
		[
			'VirtualService',
			{
				hosts: ['*.example.com'],
				tls: [{ match: [{ sniHosts: ['a.example.com', '*.b.example.com'] }], route: [route] }],
			},
		],
		['VirtualService', { hosts: ['db'], tcp: [{ route: [{ ...route, weight: 100 }] }] }],
		[
			'DestinationRule',
			{
				host: 'web',
				subsets: [{ name: 'v1', labels: { version: 'v1' } }],
				trafficPolicy: { tls: { mode: 'ISTIO_MUTUAL' } },
			},
		],
		[
			'Gateway',
			{
				selector: { istio: 'ingressgateway' },
				servers: [{ hosts: ['*'], port: { number: 80, name: 'http', protocol: 'HTTP' } }],
			},
		],
		[
			'ServiceEntry',
			{
				hosts: ['api.example.com'],
				ports: [{ number: 443, name: 'https', protocol: 'HTTPS' }],
				resolution: 'DNS',
				location: 'MESH_EXTERNAL',
			},
		],
		['Policy', { peers: [{ mtls: {} }] }],
		['MeshPolicy', { peers: [{ mtls: null }] }],
		['ServiceRole', { rules: [{ services: ['*'] }] }],
	];
	for (const { minor } of classicReleases) {
		for (const [kind, spec] of good)
			t.deepEqual(found(minor, kind, spec), [], `${minor} ${kind} ${JSON.stringify(spec)}`);
	}
});

test('an unknown field is named, with the one that was meant; 1.0 drops the whole object, later releases the field', (t) => {
	const spec = { ...web, htp: [] };
	t.deepEqual(found('1.4', 'VirtualService', spec), [
		'withoutField: spec.htp is no field of VirtualService: write http',
	]);
	t.deepEqual(found('1.0', 'VirtualService', spec), ['ignored: spec.htp is no field of VirtualService: write http']);
	const mirrored = { hosts: ['web'], http: [{ route: [route], mirrorPercent: 5 }] };
	t.deepEqual(found('1.4', 'VirtualService', mirrored), []);
	t.deepEqual(found('1.3', 'VirtualService', mirrored), [
		'withoutField: spec.http[0].mirrorPercent came with Istio 1.4',
	]);
	t.regex(found('1.4', 'Gateway', { servers: [], zzz: 1 })[0] ?? '', /which has servers, selector$/);
});

test('a value of another form is named by its place', (t) => {
	const mistakes: readonly (readonly [part: object, message: RegExp])[] = [
		[{ timeout: 5 }, /^ignored: spec\.http\[0\]\.timeout must be a duration/],
		[{ retries: { attempts: 'many' } }, /retries\.attempts must be a number/],
		[{ route: [{ destination: { host: 'a', port: 80 } }] }, /route\[0\]\.destination\.port must be an object/],
		[{ route: { destination: {} } }, /route must be a list/],
		[{ match: [{ headers: { a: { exact: 1 } } }] }, /headers\[a\]\.exact must be text: put it into quotes/],
		[{ websocketUpgrade: 'true' }, /must be true or false/],
	];
	for (const [part, message] of mistakes) {
		const spec = { hosts: ['web'], http: [{ route: [route], ...part }] };
		t.regex(found('1.4', 'VirtualService', spec).join(), message);
	}
	t.regex(
		found('1.4', 'DestinationRule', { host: 'a', trafficPolicy: { loadBalancer: { simple: 'RANDOMLY' } } }).join(),
		/simple must be one of ROUND_ROBIN, /,
	);
});

test('what Galley refused is told', (t) => {
	const mistakes: readonly (readonly [kind: string, spec: object, message: RegExp, name?: string])[] = [
		['VirtualService', { http: web.http }, /spec\.hosts must have one host or more/],
		['VirtualService', { hosts: ['web'] }, /spec must have routes/],
		['VirtualService', { ...web, hosts: ['*'] }, /spec\.hosts\[0\] must not be \*/],
		['VirtualService', { ...web, hosts: ['a_b'] }, /spec\.hosts\[0\] must be a DNS name/],
		['VirtualService', { hosts: ['web'], http: [{}] }, /spec\.http\[0\] must have a route or a redirect/],
		[
			'VirtualService',
			{
				hosts: ['web'],
				http: [
					{
						route: [
							{ ...route, weight: 50 },
							{ ...route, weight: 40 },
						],
					},
				],
			},
			/spec\.http\[0\]\.route must have weights of 100 together, not 90/,
		],
		['VirtualService', { hosts: ['web'], http: [{ route: [{ weight: 100 }] }] }, /destination is missing/],
		['VirtualService', { ...web, exportTo: ['shop'] }, /spec\.exportTo must be one of/],
		[
			'VirtualService',
			{ hosts: ['a.example.com'], tls: [{ match: [{ sniHosts: ['b.example.com'] }], route: [route] }] },
			/match\[0\]\.sniHosts\[0\] must be one of spec\.hosts/,
		],
		[
			'VirtualService',
			{ hosts: ['*.a.example.com'], tls: [{ match: [{ sniHosts: ['*.example.com'] }], route: [route] }] },
			/sniHosts\[0\] must be one of spec\.hosts/,
		],
		['DestinationRule', { subsets: [] }, /spec\.host is missing/],
		['DestinationRule', { host: 'a', subsets: [{ labels: {} }] }, /subsets\[0\]\.name must be a DNS label/],
		['DestinationRule', { host: 'a', trafficPolicy: { tls: { mode: 'MUTUAL' } } }, /clientCertificate is needed/],
		['Gateway', {}, /spec\.servers must have one server or more/],
		[
			'Gateway',
			{ servers: [{ hosts: ['*'], port: { number: 443, name: 'h', protocol: 'HTTPS' } }] },
			/tls is needed with the protocol HTTPS/,
		],
		[
			'Gateway',
			{ servers: [{ hosts: ['*'], port: { number: 70000, name: 'h', protocol: 'HTTP' } }] },
			/must be a port/,
		],
		['ServiceEntry', { hosts: ['*'], ports: [] }, /must be narrower than/],
		['ServiceEntry', { hosts: ['a.b'], resolution: 'STATIC' }, /endpoints must have one endpoint/],
		['Sidecar', {}, /spec\.egress must have one listener/],
		['Sidecar', { egress: [{ hosts: ['web'] }] }, /must be namespace\/host/],
		['Policy', { peers: [] }, /metadata\.name must be default/, 'mine'],
		['MeshPolicy', { peers: [] }, /metadata\.name must be default/, 'mine'],
		['ClusterRbacConfig', { mode: 'ON_WITH_INCLUSION' }, /spec\.inclusion is needed/],
		['ServiceRoleBinding', { roleRef: { kind: 'ServiceRole', name: 'a' } }, /spec\.subjects must have/],
	];
	for (const [kind, spec, message, name] of mistakes) {
		t.regex(found('1.4', kind, spec, name).join('; '), message, `${kind} ${JSON.stringify(spec)}`);
	}
});

test('kinds of other releases and versions are told, and kinds of others are none of ours', (t) => {
	const check = (minor: Minor, apiVersion: string, kind: string) =>
		checkObject(release(minor), { apiVersion, kind, metadata: { name: 'x' }, spec: {} });
	t.like(check('1.4', 'config.istio.io/v1alpha2', 'prometheus'), { kind: 'checked', findings: { length: 1 } });
	t.is(check('1.0', 'config.istio.io/v1alpha2', 'prometheus').kind, 'unknownFields');
	t.like(check('1.0', 'networking.istio.io/v1alpha3', 'Sidecar'), { findings: { 0: { effect: 'refused' } } });
	t.like(check('1.4', 'networking.istio.io/v1', 'Gateway'), {
		findings: { 0: { effect: 'refused' } },
	});
	for (const other of [
		null,
		'text',
		{},
		{ apiVersion: 'v1', kind: 'Service' },
		{ apiVersion: 'meshwright.io/v1', kind: 'x' },
	]) {
		t.is(checkObject(release('1.4'), other).kind, 'other');
	}
});

test('what is rendered is right by the same rules, in every release', (t) => {
	const parts = {
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
		mixer: { policy: { enabled: true }, telemetry: { enabled: true } },
	};
	for (const one of classicReleases) {
		const objects = render(meshOf({ version: one.version, ...parts }));
		const checks = objects.map((object) => checkObject(one, object));
		t.true(checks.filter(({ kind }) => kind === 'checked').length >= 5, one.version);
		for (const check of checks) if (check.kind === 'checked') t.deepEqual(check.findings, []);
	}
});

test('the data of the fields names no message and no value that is not there', (t) => {
	for (const { minor } of classicReleases) {
		const names = crdsOf({ minor }).flatMap(({ kind, group }) => specOfKind(kind, group) ?? []);
		const seen = new Set<string>();
		for (const queue = [...names]; queue.length > 0; ) {
			const name = queue.pop() ?? '';
			if (seen.has(name)) continue;
			seen.add(name);
			for (const [field, { shape }] of fieldsOf(name, minor)) {
				let inner = shape;
				while (inner.is === 'list' || inner.is === 'map') inner = inner.of;
				if (inner.is === 'enum') t.true(valuesOf(inner.name, minor).length > 0, `${name}.${field}`);
				if (inner.is === 'message') queue.push(inner.name);
			}
		}
		t.true(seen.size > 50, minor);
	}
});
