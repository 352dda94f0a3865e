/** Sets the operator's metrics about a mesh and its clusters. */
import type { ClusterControllerOptions } from '../clusters/controller-context.ts';
import { proxySeries } from '../plan/proxies/count.ts';
import type { UpgradeRecord } from '../plan/upgrade/course.ts';
import type { ClusterFigures, Metrics, UpgradeLabels } from '../runtime/metrics.ts';
import type { MeshControllerOptions } from './controller.ts';

type Hooks = Required<Pick<MeshControllerOptions, 'onApply' | 'onWatch' | 'onStatus' | 'onProxies' | 'onProxiesThere'>>;
type ClusterHooks = Pick<ClusterControllerOptions, 'onObserved' | 'onRotated'>;

/** Hooks of the controller that count and set metrics. */
export function meshMetrics(metrics: Metrics): Hooks {
	return {
		onApply: (kind, outcome) => metrics.countApply(kind, outcome),
		onWatch: ({ kind, event, reason }) => metrics.countWatchReconnect(kind, `${event}:${reason}`),
		onProxies: (name, counts) => metrics.setProxies(name, counts === undefined ? undefined : proxySeries(counts)),
		onProxiesThere: (name, clusters) =>
			metrics.setProxiesThere(
				name,
				[...(clusters ?? [])].flatMap(([cluster, counts]) =>
					proxySeries(counts).map(({ version, count }) => ({ cluster, version, count })),
				),
			),
		onStatus: (name, status) => {
			const ready = status?.conditions?.find(({ type }) => type === 'Ready');
			metrics.setInstallationReady(name, status === undefined ? undefined : ready?.status === 'True');
			const notAfter = status?.certificateAuthority?.notAfter;
			metrics.setCertificateAuthorityExpiry(name, notAfter === undefined ? undefined : new Date(notAfter));
			const upgrade = status?.upgrade;
			metrics.setUpgrade(name, upgrade === undefined ? undefined : labelsOf(upgrade));
		},
	};
}

function labelsOf({ from, to, stage = '', state }: UpgradeRecord): UpgradeLabels {
	return { from, to, stage, state };
}

/** Hooks of joined clusters that count and set metrics. */
export function clusterMetrics(metrics: Metrics): ClusterHooks {
	return {
		onObserved: (installation, cluster, cell, observation) =>
			metrics.setCluster(
				{ installation, cluster },
				observation === undefined ? undefined : figuresOf(cell, observation),
			),
		onRotated: (installation, cluster) => metrics.countCredentialsRotation({ installation, cluster }),
	};
}

type Observed = Parameters<ClusterControllerOptions['onObserved']>;

function figuresOf({ health, facts }: Observed[2], { secret, credentials }: NonNullable<Observed[3]>): ClusterFigures {
	return {
		isReachable: health.state === 'unknown' ? undefined : health.state === 'up',
		isJoined: secret !== undefined,
		latencyMs: health.latencyMs,
		lastSuccessAt: health.lastSuccessAt,
		credentialsExpireAt: credentials === undefined ? undefined : Date.parse(credentials.expire),
		services: facts?.services,
		endpoints: facts?.endpoints,
	};
}
