/**
 * The attributes that proxies and pods have. Mixer checks expressions against them: without a manifest an attribute does
 * not exist. From `install/kubernetes/helm/istio/charts/mixer/templates/config.yaml` of each tag.
 */
import { compareMinor, type Minor } from '../../../releases/classic/index.ts';

type ValueType = 'BOOL' | 'DURATION' | 'INT64' | 'IP_ADDRESS' | 'STRING' | 'STRING_MAP' | 'TIMESTAMP';

/** Attributes of one type that exist in the same releases. */
interface Group {
	readonly first: Minor;
	/** The last release with them. Default: all later ones. */
	readonly last?: Minor;
	readonly type: ValueType;
	readonly names: readonly string[];
}

/** What the proxy tells about a request or connection. */
const istioproxy: readonly Group[] = [
	{ first: '1.0', type: 'BOOL', names: ['connection.mtls', 'context.reporter.local'] },
	{ first: '1.0', type: 'DURATION', names: ['connection.duration', 'response.duration'] },
	{
		first: '1.0',
		type: 'INT64',
		names: [
			'connection.received.bytes',
			'connection.received.bytes_total',
			'connection.sent.bytes',
			'connection.sent.bytes_total',
			'destination.port',
			'request.size',
			'request.total_size',
			'response.code',
			'response.size',
			'response.total_size',
		],
	},
	{ first: '1.0', type: 'IP_ADDRESS', names: ['origin.ip'] },
	{
		first: '1.0',
		type: 'STRING',
		names: [
			'api.operation',
			'api.protocol',
			'api.service',
			'api.version',
			'connection.event',
			'connection.id',
			'connection.requested_server_name',
			'context.protocol',
			'context.reporter.kind',
			'context.reporter.uid',
			'destination.principal',
			'destination.uid',
			'origin.uid',
			'origin.user',
			'request.api_key',
			'request.auth.audiences',
			'request.auth.presenter',
			'request.auth.principal',
			'request.auth.raw_claims',
			'request.host',
			'request.id',
			'request.method',
			'request.path',
			'request.reason',
			'request.referer',
			'request.scheme',
			'request.useragent',
			'source.principal',
			'source.uid',
			'source.user',
		],
	},
	{ first: '1.0', type: 'STRING_MAP', names: ['request.auth.claims', 'request.headers', 'response.headers'] },
	{
		first: '1.0',
		type: 'TIMESTAMP',
		names: ['context.time', 'context.timestamp', 'request.time', 'response.time'],
	},
	{ first: '1.1', type: 'BOOL', names: ['check.cache_hit', 'quota.cache_hit'] },
	{ first: '1.1', type: 'INT64', names: ['check.error_code'] },
	{
		first: '1.1',
		type: 'STRING',
		names: [
			'check.error_message',
			'context.proxy_error_code',
			'rbac.permissive.effective_policy_id',
			'rbac.permissive.response_code',
			'request.url_path',
			'response.grpc_message',
			'response.grpc_status',
		],
	},
	{ first: '1.1', type: 'STRING_MAP', names: ['request.query_params'] },
	{ first: '1.3', type: 'STRING', names: ['context.proxy_version'] },
];

/** What the cluster tells about the pods and services at both ends. */
const kubernetes: readonly Group[] = [
	{ first: '1.0', type: 'IP_ADDRESS', names: ['destination.ip', 'source.ip'] },
	{
		first: '1.0',
		type: 'STRING',
		names: [
			'destination.container.name',
			'destination.name',
			'destination.namespace',
			'destination.owner',
			'destination.service.host',
			'destination.service.name',
			'destination.service.namespace',
			'destination.service.uid',
			'destination.serviceAccount',
			'destination.workload.name',
			'destination.workload.namespace',
			'destination.workload.uid',
			'source.name',
			'source.namespace',
			'source.owner',
			'source.serviceAccount',
			'source.services',
			'source.workload.name',
			'source.workload.namespace',
			'source.workload.uid',
		],
	},
	{
		first: '1.0',
		type: 'STRING_MAP',
		names: ['destination.labels', 'destination.metadata', 'source.labels', 'source.metadata'],
	},
	{ first: '1.0', last: '1.0', type: 'STRING', names: ['destination.service', 'source.service'] },
];

export type AttributeManifest = Readonly<Record<string, { readonly valueType: ValueType }>>;

/** The attributes of a release, by the name of their manifest. */
export function attributeManifests(minor: Minor): Readonly<Record<'istioproxy' | 'kubernetes', AttributeManifest>> {
	return { istioproxy: manifest(istioproxy, minor), kubernetes: manifest(kubernetes, minor) };
}

function manifest(groups: readonly Group[], minor: Minor): AttributeManifest {
	return Object.fromEntries(
		groups
			.filter(({ first, last = minor }) => compareMinor(first, minor) <= 0 && compareMinor(minor, last) <= 0)
			.flatMap(({ type, names }) => names.map((name) => [name, { valueType: type }] as const)),
	);
}
