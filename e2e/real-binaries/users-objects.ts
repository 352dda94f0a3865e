/** What users of a mesh have written themselves: Istio's objects of many kinds, from the release on that knows them. */
import type { Minor } from '../../operator/releases/classic/index.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';

/** Namespace of all that have one. */
export const shop = 'shop';

export interface UsersObject {
	/** The release with which it is written. */
	readonly since: Minor;
	readonly object: KubeObject;
	/** What the checks must say before a change to a release, by its minor. They must say nothing else against it. */
	readonly blockers?: Readonly<Partial<Record<Minor, string>>>;
}

function objects(apiVersion: string) {
	return (kind: string, name: string, spec: unknown): KubeObject => ({
		apiVersion,
		kind,
		metadata: { namespace: shop, name },
		spec,
	});
}

const networking = objects('networking.istio.io/v1alpha3');
const authentication = objects('authentication.istio.io/v1alpha1');
const rbac = objects('rbac.istio.io/v1alpha1');
const config = objects('config.istio.io/v1alpha2');

function clusterWide({ apiVersion, kind, metadata: { name }, ...rest }: KubeObject): KubeObject {
	return { apiVersion, kind, metadata: { name }, ...rest };
}

const reviews = 'reviews.shop.svc.cluster.local';
const ratings = 'ratings.shop.svc.cluster.local';

const traffic: readonly UsersObject[] = [
	{
		since: '1.0',
		object: networking('VirtualService', 'users-reviews', {
			hosts: [reviews],
			http: [
				{
					match: [
						{ headers: { 'end-user': { exact: 'jason' } }, uri: { prefix: '/api' }, sourceLabels: { app: 'web' } },
						{ method: { regex: 'GET|HEAD' }, port: 9080 },
					],
					rewrite: { uri: '/v1', authority: reviews },
					route: [{ destination: { host: reviews, subset: 'v2', port: { number: 9080 } } }],
					fault: { delay: { percent: 10, fixedDelay: '5s' }, abort: { percent: 1, httpStatus: 503 } },
					timeout: '10s',
					retries: { attempts: 3, perTryTimeout: '2s' },
					corsPolicy: { allowOrigin: ['example.com'], allowMethods: ['GET'], maxAge: '24h' },
					appendHeaders: { 'x-shop': 'yes' },
				},
				{ match: [{ uri: { exact: '/old' } }], redirect: { uri: '/new', authority: 'example.com' } },
				{
					route: [
						{ destination: { host: reviews, subset: 'v1' }, weight: 90 },
						{ destination: { host: reviews, subset: 'v2' }, weight: 10 },
					],
					mirror: { host: ratings },
				},
			],
		}),
	},
	{
		since: '1.0',
		object: networking('VirtualService', 'users-lookahead', {
			hosts: [ratings],
			http: [{ match: [{ uri: { regex: '/(?!admin).*' } }], route: [{ destination: { host: ratings } }] }],
		}),
		blockers: { '1.4': 'regex-not-re2' },
	},
	{
		since: '1.0',
		object: networking('VirtualService', 'users-edge', {
			hosts: ['shop.example.com', '*.shop.example.com', 'tcp.example.com'],
			gateways: ['users-gateway'],
			http: [{ match: [{ uri: { regex: '/v[0-9]+/.*' } }], route: [{ destination: { host: reviews } }] }],
			tls: [{ match: [{ port: 9443, sniHosts: ['tcp.example.com'] }], route: [{ destination: { host: ratings } }] }],
			tcp: [{ match: [{ port: 9000 }], route: [{ destination: { host: ratings, port: { number: 9080 } } }] }],
		}),
	},
	{
		since: '1.0',
		object: networking('DestinationRule', 'users-reviews', {
			host: reviews,
			trafficPolicy: {
				loadBalancer: { consistentHash: { httpCookie: { name: 'user', ttl: '0s' } } },
				connectionPool: {
					tcp: { maxConnections: 100, connectTimeout: '30ms' },
					http: { http1MaxPendingRequests: 10, http2MaxRequests: 1000, maxRequestsPerConnection: 10, maxRetries: 3 },
				},
				outlierDetection: { consecutiveErrors: 7, interval: '5m', baseEjectionTime: '15m', maxEjectionPercent: 50 },
				tls: { mode: 'ISTIO_MUTUAL' },
			},
			subsets: [
				{ name: 'v1', labels: { version: 'v1' } },
				{
					name: 'v2',
					labels: { version: 'v2' },
					trafficPolicy: { portLevelSettings: [{ port: { number: 9080 }, loadBalancer: { simple: 'LEAST_CONN' } }] },
				},
			],
		}),
	},
	{
		since: '1.0',
		object: networking('Gateway', 'users-gateway', {
			selector: { istio: 'ingressgateway' },
			servers: [
				{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] },
				{
					port: { number: 443, name: 'https', protocol: 'HTTPS' },
					hosts: ['shop.example.com'],
					tls: {
						mode: 'SIMPLE',
						serverCertificate: '/etc/istio/ingressgateway-certs/tls.crt',
						privateKey: '/etc/istio/ingressgateway-certs/tls.key',
					},
				},
				{
					port: { number: 9443, name: 'tls', protocol: 'TLS' },
					hosts: ['tcp.example.com'],
					tls: { mode: 'PASSTHROUGH' },
				},
				{ port: { number: 9000, name: 'tcp', protocol: 'TCP' }, hosts: ['*'] },
			],
		}),
	},
	{
		since: '1.0',
		object: networking('ServiceEntry', 'users-dns', {
			hosts: ['api.example.org'],
			location: 'MESH_EXTERNAL',
			ports: [
				{ number: 80, name: 'http', protocol: 'HTTP' },
				{ number: 8443, name: 'tls', protocol: 'TLS' },
			],
			resolution: 'DNS',
			endpoints: [{ address: 'us.api.example.org', ports: { http: 8080 }, labels: { region: 'us' } }],
		}),
	},
	{
		since: '1.0',
		object: networking('ServiceEntry', 'users-mongo', {
			hosts: ['mongo.example.internal'],
			addresses: ['192.192.192.192/24'],
			location: 'MESH_INTERNAL',
			ports: [{ number: 27018, name: 'mongo', protocol: 'MONGO' }],
			resolution: 'STATIC',
			endpoints: [{ address: '2.2.2.2' }, { address: '3.3.3.3' }],
		}),
	},
	{
		since: '1.0',
		object: networking('ServiceEntry', 'users-http-on-443', {
			hosts: ['plain.example.org'],
			ports: [{ number: 443, name: 'http', protocol: 'HTTP' }],
			resolution: 'DNS',
		}),
		blockers: { '1.4': 'http-on-443' },
	},
	{
		since: '1.0',
		object: networking('EnvoyFilter', 'users-lua', {
			workloadLabels: { app: 'reviews' },
			filters: [
				{
					listenerMatch: { portNumber: 9080, listenerType: 'SIDECAR_INBOUND' },
					insertPosition: { index: 'FIRST' },
					filterName: 'envoy.lua',
					filterType: 'HTTP',
					filterConfig: { inlineCode: 'function envoy_on_request(handle)\nend\n' },
				},
			],
		}),
	},
	{
		since: '1.1',
		object: networking('Sidecar', 'users-sidecar', {
			workloadSelector: { labels: { app: 'ratings' } },
			egress: [{ hosts: ['./*', 'istio-real/*'] }],
		}),
	},
	{
		since: '1.1',
		object: networking('VirtualService', 'users-headers', {
			hosts: ['api.example.org'],
			exportTo: ['.'],
			http: [
				{
					headers: { request: { set: { 'x-shop': 'yes' }, remove: ['x-old'] } },
					retries: { attempts: 2, retryOn: 'gateway-error', perTryTimeout: '1s' },
					route: [{ destination: { host: 'api.example.org' }, headers: { response: { add: { 'x-by': 'shop' } } } }],
				},
			],
		}),
	},
];

const security: readonly UsersObject[] = [
	{
		since: '1.0',
		object: authentication('Policy', 'users-policy', {
			targets: [{ name: 'reviews', ports: [{ number: 9080 }] }],
			peers: [{ mtls: {} }],
		}),
	},
	{
		since: '1.1',
		object: authentication('Policy', 'users-jwt', {
			targets: [{ name: 'ratings' }],
			peers: [{ mtls: {} }],
			// 1.0 does not know jwks.
			origins: [{ jwt: { issuer: 'users@example.com', jwks: '{"keys":[]}', audiences: ['shop'] } }],
			principalBinding: 'USE_ORIGIN',
		}),
	},
	{
		since: '1.0',
		object: clusterWide(authentication('MeshPolicy', 'default', { peers: [{ mtls: { mode: 'PERMISSIVE' } }] })),
	},
	{
		since: '1.0',
		object: rbac('ServiceRole', 'users-viewer', {
			rules: [
				{
					services: [reviews],
					paths: ['/api/*', '*/reviews'],
					methods: ['GET', 'HEAD'],
					constraints: [{ key: 'request.headers[x-version]', values: ['v1', 'v2'] }],
				},
			],
		}),
	},
	{
		since: '1.0',
		object: rbac('ServiceRoleBinding', 'users-viewers', {
			subjects: [{ user: 'cluster.local/ns/shop/sa/web' }, { properties: { 'source.namespace': 'istio-real' } }],
			roleRef: { kind: 'ServiceRole', name: 'users-viewer' },
		}),
	},
	{
		since: '1.0',
		object: rbac('RbacConfig', 'default', { mode: 'ON_WITH_INCLUSION', inclusion: { namespaces: [shop] } }),
	},
	{
		since: '1.1',
		object: clusterWide(
			rbac('ClusterRbacConfig', 'default', { mode: 'ON_WITH_INCLUSION', inclusion: { namespaces: [shop] } }),
		),
	},
	{
		since: '1.4',
		object: objects('security.istio.io/v1beta1')('AuthorizationPolicy', 'users-authorization', {
			selector: { matchLabels: { app: 'ratings' } },
			rules: [
				{
					from: [{ source: { principals: ['cluster.local/ns/shop/sa/reviews'] } }],
					to: [{ operation: { methods: ['GET'], paths: ['/ratings/*'] } }],
					when: [{ key: 'request.headers[x-version]', values: ['v1'] }],
				},
			],
		}),
	},
];

const typed = { '1.2': 'kind-not-read' } as const;

const mixer: readonly UsersObject[] = [
	{ since: '1.0', object: config('denier', 'users-denier', { status: { code: 7, message: 'no' } }), blockers: typed },
	{ since: '1.0', object: config('checknothing', 'users-check', {}), blockers: typed },
	{
		since: '1.0',
		object: config('memquota', 'users-memquota', {
			quotas: [{ name: 'users-quota.quota.shop', maxAmount: 500, validDuration: '1s' }],
		}),
		blockers: typed,
	},
	{
		since: '1.0',
		object: config('quota', 'users-quota', { dimensions: { source: 'source.namespace | "unknown"' } }),
		blockers: typed,
	},
	{
		since: '1.0',
		object: config('rule', 'users-rule', {
			match: 'destination.service.host == "reviews.shop.svc.cluster.local"',
			actions: [{ handler: 'users-denier.denier', instances: ['users-check.checknothing'] }],
		}),
	},
	{
		since: '1.2',
		object: config('handler', 'users-handler', {
			compiledAdapter: 'denier',
			params: { status: { code: 7, message: 'no' } },
		}),
	},
	{ since: '1.2', object: config('instance', 'users-instance', { compiledTemplate: 'checknothing' }) },
	{
		since: '1.2',
		object: config('rule', 'users-rule', {
			match: 'destination.service.host == "reviews.shop.svc.cluster.local"',
			actions: [{ handler: 'users-handler', instances: ['users-instance'] }],
		}),
	},
	{
		since: '1.0',
		object: config('QuotaSpec', 'users-quota-spec', { rules: [{ quotas: [{ charge: 1, quota: 'users-quota' }] }] }),
	},
	{
		since: '1.0',
		object: config('QuotaSpecBinding', 'users-quota-binding', {
			quotaSpecs: [{ name: 'users-quota-spec', namespace: shop }],
			services: [{ name: 'reviews', namespace: shop }],
		}),
	},
	{
		since: '1.0',
		object: config('HTTPAPISpec', 'users-api', {
			attributes: { attributes: { 'api.service': { stringValue: 'shop' } } },
			patterns: [{ httpMethod: 'GET', uriTemplate: '/pets/{id}' }],
		}),
	},
	{
		since: '1.0',
		object: config('HTTPAPISpecBinding', 'users-api-binding', {
			apiSpecs: [{ name: 'users-api', namespace: shop }],
			services: [{ name: 'reviews', namespace: shop }],
		}),
	},
];

export const usersObjects: readonly UsersObject[] = [...traffic, ...security, ...mixer];
