/**
 * What the istiod of one cluster may do in another, by the account whose token is in its Secret (istio 1.30.3 and 1.31.0-rc.0,
 * `manifests/charts/istio-control/istio-discovery/templates/reader-clusterrole.yaml`). It gets less than the charts give it:
 *
 * - Of Istio's own kinds WorkloadEntries alone: everything else is read in its own cluster.
 * - Of ConfigMaps those that it knows by name.
 * - No Endpoints, ReplicaSets and ReplicationControllers, which this line does not read, and no right to export Services.
 * - Reviews of tokens and rights, and what it writes, only where workloads ask it.
 * - List and watch alone: it gets no object by its name, but the namespace that says whether it is in charge.
 *
 * Without Secrets it would never be done with a cluster: there are the certificates of gateways.
 */
import type { AccessRule } from '../component.ts';

const follow = ['list', 'watch'] as const;

function rules(
	group: string,
	verbs: AccessRule['verbs'],
	resources: readonly string[],
	names?: readonly string[],
): readonly AccessRule[] {
	return resources.map((resource) => ({ group, resource, verbs, ...(names === undefined ? {} : { names }) }));
}

/** What reading a cluster takes. */
export function readerRights(meshConfig: string): readonly AccessRule[] {
	return [
		...rules('', follow, ['namespaces', 'nodes', 'pods', 'secrets', 'services']),
		// Its trust domain.
		...rules('', follow, ['configmaps'], [meshConfig]),
		...rules('discovery.k8s.io', follow, ['endpointslices']),
		...rules('apiextensions.k8s.io', follow, ['customresourcedefinitions']),
		...rules('networking.istio.io', follow, ['workloadentries']),
		...rules('gateway.networking.k8s.io', follow, ['gateways']),
		...rules('multicluster.x-k8s.io', follow, ['serviceexports', 'serviceimports']),
	];
}

/**
 * ConfigMaps that istiod keeps in a cluster of which it is in charge: in each namespace its root and what it has revoked, and
 * in its own who leads (`pilot/pkg/features`, `pilot/pkg/leaderelection`).
 */
const keptConfigMaps = ['istio-ca-crl', 'istio-ca-root-cert', 'istio-namespace-controller-election'];

/** What being in charge of a cluster takes beyond that: its workloads get their certificates and their proxies from this istiod. */
export function chargeRights(injectionWebhooks: readonly string[]): readonly AccessRule[] {
	return [
		// Whether it is in charge.
		...rules('', ['get'], ['namespaces']),
		...rules('', ['get', 'list', 'watch', 'update'], ['configmaps'], keptConfigMaps),
		...rules('', ['create'], ['configmaps']),
		...rules('authentication.k8s.io', ['create'], ['tokenreviews']),
		...rules('authorization.k8s.io', ['create'], ['subjectaccessreviews']),
		...rules('admissionregistration.k8s.io', follow, ['mutatingwebhookconfigurations']),
		// It writes its own authority into them.
		...rules('admissionregistration.k8s.io', ['update'], ['mutatingwebhookconfigurations'], injectionWebhooks),
	];
}
