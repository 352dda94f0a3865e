/** What Mixer's backends become: proxies report by themselves. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { Opaque } from '../mesh.ts';
import type { ReleaseProblem } from '../problem.ts';

type Mixer = ParsedSpec['mixer'];

export interface TranslatedAdapters {
	/** Whether proxies offer metrics to Prometheus. */
	readonly metrics: boolean;
	/** Extension providers of the mesh configuration. */
	readonly providers: readonly Opaque[];
	/** Names of the providers that write access logs. */
	readonly accessLogs: readonly string[];
	/** host:port of a statsd server. */
	readonly statsd?: string;
}

const stdioProvider = 'meshwright-stdio';

/** Without a setting there are metrics, as the charts of this line have it. */
export function translateAdapters({ telemetry, adapters = [{ prometheus: {} }] }: Mixer = {}): TranslatedAdapters {
	const stdio = adapters.find((adapter) => adapter.stdio !== undefined)?.stdio;
	const statsd = adapters.find((adapter) => adapter.statsd !== undefined)?.statsd;
	const isOn = telemetry?.enabled !== false;
	return {
		metrics: isOn && adapters.some(({ prometheus }) => prometheus !== undefined),
		providers: !isOn || stdio === undefined ? [] : [accessLog(stdio.json ?? true)],
		accessLogs: !isOn || stdio === undefined ? [] : [stdioProvider],
		...(!isOn || statsd === undefined ? {} : { statsd: statsd.address }),
	};
}

/** The same file as Mixer's standard output would be: each proxy has its own. */
function accessLog(json: boolean): Opaque {
	return {
		name: stdioProvider,
		envoyFileAccessLog: { path: '/dev/stdout', ...(json ? { logFormat: { labels: jsonFields } } : {}) },
	};
}

/** Fields of an entry, by the commands of Envoy that give them. */
const jsonFields: Readonly<Record<string, string>> = {
	start_time: '%START_TIME%',
	method: '%REQ(:METHOD)%',
	path: '%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%',
	protocol: '%PROTOCOL%',
	response_code: '%RESPONSE_CODE%',
	response_flags: '%RESPONSE_FLAGS%',
	duration: '%DURATION%',
	bytes_received: '%BYTES_RECEIVED%',
	bytes_sent: '%BYTES_SENT%',
	authority: '%REQ(:AUTHORITY)%',
	request_id: '%REQ(X-REQUEST-ID)%',
	user_agent: '%REQ(USER-AGENT)%',
	upstream_cluster: '%UPSTREAM_CLUSTER%',
	upstream_host: '%UPSTREAM_HOST%',
	downstream_remote_address: '%DOWNSTREAM_REMOTE_ADDRESS%',
};

/** What of the backends can't be translated. */
export function checkAdapters({ adapters = [] }: Mixer = {}, statsdOfMesh?: string): readonly ReleaseProblem[] {
	return adapters.flatMap((adapter, index): readonly ReleaseProblem[] => {
		const path = `spec.mixer.adapters[${index}]`;
		if (adapter.custom !== undefined) {
			return [
				refused(
					`${path}.custom`,
					'has no effect: nothing calls adapters of Mixer any more',
					'Remove it. Proxies send access logs by gRPC (envoyHttpAls) or OpenTelemetry (envoyOtelAls) to an extension provider in spec.mesh.config.extensionProviders.',
				),
			];
		}
		if (adapter.prometheus?.metricsExpiry !== undefined) {
			return [refused(`${path}.prometheus.metricsExpiry`, 'has no effect: proxies keep their metrics', 'Remove it.')];
		}
		if (adapter.statsd === undefined) return [];
		const { address, ...rest } = adapter.statsd;
		const lost = Object.keys(rest).map((name) =>
			refused(
				`${path}.statsd.${name}`,
				'has no effect: Envoy sends its own statistics, each when it changes',
				'Remove it.',
			),
		);
		return statsdOfMesh === undefined || statsdOfMesh === address
			? lost
			: [
					...lost,
					refused(`${path}.statsd.address`, 'differs from spec.mesh.statsd.address: proxies have one', 'Keep one.'),
				];
	});
}

function refused(path: string, why: string, remedy: string): ReleaseProblem {
	return { path, reason: 'FieldNotInRelease', message: `${path} ${why}`, remedy };
}
