/** What the operator and the release decide about istiod's pods. */
import { podEnv, type WorkloadRules } from '../workload-check.ts';
import type { IstiodRelease } from './release.ts';

const mountedCa = 'Set spec.citadel.caSecretName instead.';
/** istiod is given no right to ask signers of Kubernetes. */
const noSigners =
	'Remove it: signers of Kubernetes are not supported. spec.citadel.external names an authority outside, such as istio-csr of cert-manager; spec.citadel.intermediates has the operator issue authorities.';
const followsPod = 'The pod itself gives it.';

/** The rules of `spec.pilot`. */
export function pilotRules(release: IstiodRelease): WorkloadRules {
	return {
		path: 'spec.pilot',
		title: 'istiod',
		flags: release.pilot.flags,
		shortFlags: { n: 'namespace' },
		guardedFlags: {
			caCertFile: 'let istiod trust other certificates than its own',
			ctrlz_address: 'open its debugging interface to the network',
			tlsCertFile: 'have istiod serve with other certificates than its own',
			tlsKeyFile: 'have istiod serve with other certificates than its own',
		},
		ownedEnv: {
			...podEnv,
			CA_TRUSTED_NODE_ACCOUNTS: 'Remove it: without ambient no account may ask for certificates of others.',
			CERT_SIGNER_DOMAIN: noSigners,
			CLUSTER_ID: 'Set spec.multiCluster.clusterName instead.',
			DEFAULT_WORKLOAD_CERT_TTL: 'Set spec.citadel.workloadCertTTL instead.',
			ENABLE_CA_SERVER: 'Set spec.citadel.enabled instead.',
			EXTERNAL_CA: noSigners,
			EXTERNAL_ISTIOD: 'It follows from spec.multiCluster.clusters.',
			INJECTION_WEBHOOK_CONFIG_NAME: 'Remove it: istiod writes its authority into its webhooks.',
			K8S_SIGNER: noSigners,
			ISTIO_WATCH_NAMESPACE: 'Set spec.mesh.config.discoverySelectors instead.',
			MAX_WORKLOAD_CERT_TTL: 'Set spec.citadel.workloadCertTTL instead.',
			PILOT_CERT_PROVIDER: mountedCa,
			PILOT_TRACE_SAMPLING: 'Set spec.mesh.tracing.sampling instead.',
			REVISION: 'It follows from the installation.',
			SERVICE_ACCOUNT: followsPod,
			VALIDATION_WEBHOOK_CONFIG_NAME: 'Remove it: istiod writes its authority into its webhooks.',
			XDS_AUTH: 'Remove it: proxies prove who they are.',
		},
		ownedFlags: [
			'clusterID',
			'clusterRegistriesNamespace',
			'cniNamespace',
			'configDir',
			'domain',
			'grpcAddr',
			'httpAddr',
			'httpsAddr',
			'kubeconfig',
			'meshConfig',
			'monitoringAddr',
			'namespace',
			'networksConfig',
			'registries',
			'secureGRPCAddr',
		],
	};
}
