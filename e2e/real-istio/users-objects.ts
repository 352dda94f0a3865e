/**
 * Users' objects of every kind that the istiod line defines: what each kind takes, and what the rules of its schema (CEL)
 * refuse, with the sentence in which they say so.
 */

export interface UsersObjects {
	/** By kind. */
	readonly accepted: Readonly<Record<string, unknown>>;
	readonly refused: Readonly<Record<string, readonly Refused[]>>;
}

export interface Refused {
	readonly spec: unknown;
	/** Part of the answer. */
	readonly message: string;
}

const selector = { matchLabels: { app: 'shop' } };
const wildcard = { matchLabels: { app: '*' } };
const tooShort = 'must be a valid duration greater than 1ms';
const noWildcard = 'wildcard not allowed in label value match';

const accepted = {
	AuthorizationPolicy: {
		selector,
		action: 'DENY',
		rules: [{ from: [{ source: { notNamespaces: ['shop'] } }], to: [{ operation: { paths: ['/admin*'] } }] }],
	},
	DestinationRule: {
		host: 'shop.example.svc.cluster.local',
		trafficPolicy: {
			tls: { mode: 'ISTIO_MUTUAL' },
			outlierDetection: { interval: '10s', consecutive5xxErrors: 3 },
			loadBalancer: { consistentHash: { httpCookie: { name: 'user', ttl: '0s' } } },
		},
		subsets: [{ name: 'v1', labels: { version: 'v1' } }],
	},
	EnvoyFilter: {
		workloadSelector: { labels: { app: 'shop' } },
		configPatches: [
			{ applyTo: 'LISTENER', match: { context: 'GATEWAY' }, patch: { operation: 'MERGE', value: { any: 'thing' } } },
		],
	},
	Gateway: {
		selector: { istio: 'ingressgateway' },
		servers: [
			{
				port: { number: 443, name: 'https', protocol: 'HTTPS' },
				hosts: ['shop.example.com'],
				tls: { mode: 'SIMPLE', credentialName: 'shop' },
			},
		],
	},
	PeerAuthentication: { selector, mtls: { mode: 'STRICT' }, portLevelMtls: { 8080: { mode: 'DISABLE' } } },
	ProxyConfig: { selector, concurrency: 2, environmentVariables: { COLOUR: 'green' } },
	RequestAuthentication: {
		selector,
		jwtRules: [{ issuer: 'https://login.example.com', jwksUri: 'https://login.example.com/keys' }],
	},
	ServiceEntry: {
		hosts: ['bank.example.com'],
		location: 'MESH_EXTERNAL',
		resolution: 'STATIC',
		ports: [{ number: 443, name: 'tls', protocol: 'TLS' }],
		endpoints: [{ address: '192.0.2.1', ports: { tls: 8443 } }],
	},
	Sidecar: {
		workloadSelector: { labels: { app: 'shop' } },
		egress: [{ hosts: ['./*', 'istio-system/*'] }],
		outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
	},
	Telemetry: {
		selector,
		metrics: [
			{
				providers: [{ name: 'prometheus' }],
				overrides: [
					{
						match: { metric: 'REQUEST_COUNT' },
						tagOverrides: { method: { operation: 'UPSERT', value: 'request.method' } },
					},
				],
			},
		],
	},
	TrafficExtension: { selector, wasm: { url: 'oci://registry.example.com/filter:1' } },
	VirtualService: {
		hosts: ['shop'],
		http: [
			{
				match: [{ uri: { prefix: '/v2' } }],
				route: [
					{ destination: { host: 'shop', subset: 'v2', port: { number: 8080 } }, weight: 90 },
					{ destination: { host: 'shop', subset: 'v1' }, weight: 10 },
				],
				timeout: '5s',
				retries: { attempts: 3, perTryTimeout: '1s' },
			},
		],
	},
	WasmPlugin: { selector, url: 'oci://registry.example.com/filter:1', phase: 'AUTHN' },
	WorkloadEntry: { address: '192.0.2.7', labels: { app: 'shop' }, serviceAccount: 'shop', ports: { http: 8080 } },
	WorkloadGroup: {
		metadata: { labels: { app: 'shop' } },
		template: { serviceAccount: 'shop', network: 'far' },
		probe: { httpGet: { port: 8080, path: '/ready' } },
	},
} as const;

const refused: Readonly<Record<keyof typeof accepted, readonly Refused[]>> = {
	AuthorizationPolicy: [
		{ spec: { selector: wildcard }, message: noWildcard },
		{
			spec: { rules: [{ from: [{ source: { serviceAccounts: ['shop/shop'], namespaces: ['shop'] } }] }] },
			message: 'Cannot set serviceAccounts with namespaces or principals',
		},
	],
	DestinationRule: [
		{ spec: { host: 'shop', trafficPolicy: { outlierDetection: { interval: '10us' } } }, message: tooShort },
	],
	EnvoyFilter: [
		{
			spec: { workloadSelector: { labels: { app: 'shop' } }, targetRefs: [{ kind: 'Gateway', name: 'shop' }] },
			message: 'only one of targetRefs or workloadSelector can be set',
		},
		{
			spec: { configPatches: [{ match: { context: 'GATEWAY', waypoint: {} } }] },
			message: 'only support waypointMatch when context is WAYPOINT',
		},
	],
	Gateway: [
		{
			spec: {
				servers: [
					{
						port: { number: 443, name: 'https', protocol: 'HTTPS' },
						hosts: ['*'],
						tls: { mode: 'SIMPLE', credentialName: 'one', credentialNames: ['one', 'other'] },
					},
				],
			},
			message: 'only one of credentialName or credentialNames can be set',
		},
	],
	PeerAuthentication: [
		{ spec: { portLevelMtls: { 8080: { mode: 'DISABLE' } } }, message: 'portLevelMtls requires selector' },
		{ spec: { selector, portLevelMtls: { 80800: { mode: 'DISABLE' } } }, message: 'port must be between 1-65535' },
	],
	ProxyConfig: [{ spec: { selector: wildcard }, message: noWildcard }],
	RequestAuthentication: [
		{
			spec: { jwtRules: [{ issuer: 'a', jwksUri: 'https://login.example.com/keys', jwks: '{}' }] },
			message: 'only one of jwks or jwksUri can be set',
		},
		{
			spec: { jwtRules: [{ issuer: 'a', jwksUri: 'ftp://login.example.com/keys' }] },
			message: 'url must have scheme http:// or https://',
		},
	],
	ServiceEntry: [
		{ spec: { hosts: ['*'] }, message: 'hostname cannot be wildcard' },
		{
			spec: { hosts: ['a.example.com'], endpoints: [{ address: '192.0.2.1' }] },
			message: 'NONE mode cannot set endpoints',
		},
		{
			spec: { hosts: ['a.example.com'], resolution: 'DNS', addresses: ['192.0.2.0/24'] },
			message: 'CIDR addresses are allowed only for NONE/STATIC resolution types',
		},
	],
	Sidecar: [{ spec: { workloadSelector: { labels: { app: '*' } } }, message: 'wildcard is not supported in selector' }],
	Telemetry: [
		{
			spec: { metrics: [{ overrides: [{ tagOverrides: { method: { operation: 'REMOVE', value: 'x' } } }] }] },
			message: 'value must not be set when operation is REMOVE',
		},
	],
	TrafficExtension: [{ spec: { selector }, message: 'exactly one of wasm or lua must be set' }],
	VirtualService: [{ spec: { hosts: ['shop'], http: [{ timeout: '1us' }] }, message: tooShort }],
	WasmPlugin: [
		{
			spec: { url: 'ftp://registry.example.com/filter' },
			message: 'url must have schema one of [http, https, file, oci]',
		},
	],
	WorkloadEntry: [
		{ spec: { labels: { app: 'shop' } }, message: 'Address is required' },
		{ spec: { address: 'unix:///run/shop/' }, message: 'UDS may not be a dir' },
	],
	WorkloadGroup: [
		{
			spec: { template: {}, probe: { httpGet: { port: 8080, scheme: 'TCP' } } },
			message: 'scheme must be one of [HTTP, HTTPS]',
		},
	],
};

export const usersObjects: UsersObjects = { accepted, refused };
