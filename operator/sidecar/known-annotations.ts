/**
 * Which of Istio's annotations a release reads on pods. Istio is silent about all others: a misspelt one changes nothing, and
 * nobody is told.
 *
 * Sources: `pkg/kube/inject/inject.go`, the injection templates of the charts, `pkg/bootstrap` (statistics) and
 * `pilot/pkg/model/context.go` (`policy.istio.io`) of istio 1.0-1.4; for later releases `annotation/annotations.yaml` of
 * istio/api.
 */
import { compareMinor, type Minor } from '../releases/classic/index.ts';
import { annotations } from './annotations.ts';
import { nearestTo } from './nearest.ts';
import type { PodMetadata } from './pod.ts';

/** The first minor that reads each. */
const readSince: Readonly<Record<string, Minor | 'later'>> = {
	[annotations.inject]: '1.0',
	[annotations.status]: '1.0',
	[annotations.interceptionMode]: '1.0',
	[annotations.proxyImage]: '1.0',
	[annotations.proxyCPU]: '1.0',
	[annotations.proxyMemory]: '1.0',
	[annotations.controlPlaneAuthPolicy]: '1.0',
	[annotations.discoveryAddress]: '1.0',
	[annotations.statusPort]: '1.0',
	[annotations.readinessInitialDelay]: '1.0',
	[annotations.readinessPeriod]: '1.0',
	[annotations.readinessFailures]: '1.0',
	[annotations.readinessPorts]: '1.0',
	[annotations.includeOutboundIPRanges]: '1.0',
	[annotations.excludeOutboundIPRanges]: '1.0',
	[annotations.includeInboundPorts]: '1.0',
	[annotations.excludeInboundPorts]: '1.0',
	[annotations.bootstrapOverride]: '1.1',
	[annotations.userVolume]: '1.1',
	[annotations.userVolumeMount]: '1.1',
	[annotations.kubevirtInterfaces]: '1.1',
	'sidecar.istio.io/statsInclusionPrefixes': '1.1',
	'policy.istio.io/check': '1.1',
	'policy.istio.io/checkRetries': '1.1',
	'policy.istio.io/checkBaseRetryWaitTime': '1.1',
	'policy.istio.io/checkMaxRetryWaitTime': '1.1',
	[annotations.rewriteAppHTTPProbers]: '1.2',
	[annotations.excludeOutboundPorts]: '1.2',
	'sidecar.istio.io/statsInclusionSuffixes': '1.2',
	'sidecar.istio.io/statsInclusionRegexps': '1.2',
	'inject.istio.io/templates': 'later',
	'istio.io/rev': 'later',
	'prometheus.istio.io/merge-metrics': 'later',
	'proxy.istio.io/config': 'later',
	'proxy.istio.io/overrides': 'later',
	'sidecar.istio.io/agentLogLevel': 'later',
	'sidecar.istio.io/componentLogLevel': 'later',
	'sidecar.istio.io/enableCoreDump': 'later',
	'sidecar.istio.io/extraStatTags': 'later',
	'sidecar.istio.io/logLevel': 'later',
	'sidecar.istio.io/nativeSidecar': 'later',
	'sidecar.istio.io/proxyCPULimit': 'later',
	'sidecar.istio.io/proxyImageType': 'later',
	'sidecar.istio.io/proxyMemoryLimit': 'later',
	'sidecar.istio.io/statsHistogramBuckets': 'later',
	'traffic.sidecar.istio.io/excludeInterfaces': 'later',
	'traffic.sidecar.istio.io/includeOutboundPorts': 'later',
};

const allNames = Object.keys(readSince);

function isRead(name: string, minor: Minor): boolean {
	const since = Object.hasOwn(readSince, name) ? readSince[name] : undefined;
	return since !== undefined && since !== 'later' && compareMinor(since, minor) <= 0;
}

/**
 * The annotations of a pod below Istio's prefixes that its release does not read. Each warning begins with the path in the
 * pod, and is a sentence without its full stop.
 */
export function warnOfAnnotations({ annotations: given = {} }: PodMetadata, minor: Minor): readonly string[] {
	return Object.keys(given).flatMap((name) => {
		if (!/^([^/]+\.)?istio\.io\//.test(name) || isRead(name, minor)) return [];
		const what = `metadata.annotations[${name}] changes nothing: Istio ${minor}`;
		if (Object.hasOwn(readSince, name)) return [`${what} does not support it, ${firstOf(name)}`];
		const nearest = nearestTo(name, allNames);
		if (nearest === undefined) return [];
		const hint = isRead(nearest, minor) ? '' : `, which Istio ${minor} does not support either, ${firstOf(nearest)}`;
		return [`${what} does not know it; the nearest name that is known is ${nearest}${hint}`];
	});
}

function firstOf(name: string): string {
	const since = readSince[name];
	return since === undefined || since === 'later' ? 'later releases do' : `Istio ${since} and later do`;
}
