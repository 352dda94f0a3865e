/**
 * istiod: tells proxies about services and routes, signs their certificates, and answers API servers about new pods and
 * objects of Istio.
 */
import {
	defaultRevision,
	definedFields,
	parseDuration,
	podInjectionKey,
	remoteSecretsAnnotation,
	remoteSecretsSinceAnnotation,
	revisionLabel,
	tagLabel,
} from '../../../api/v1/index.ts';
import type { ResolvedIstiodMesh, ResolvedTag } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { asGiven } from '../finish.ts';
import { renderAccount } from '../rbac.ts';
import { componentService } from '../service.ts';
import { fieldEnv, limitEnv, renderWorkload } from '../workload.ts';
import type { IstiodFacts } from './facts.ts';
import { fips1403 } from './fips.ts';
import { istiodName, rootConfigMap, servingSecret, tagServiceName } from './names.ts';

const component = 'pilot';

/**
 * Pods of the revision without a name are found by another label than those of the others. Selectors can't be changed (istio
 * 1.30 `istio-discovery/templates/deployment.yaml`).
 */
function podsOf(revision: string | undefined) {
	const named = { app: 'istiod', [revisionLabel]: revision ?? defaultRevision };
	return revision === undefined
		? { label: { istio: 'pilot' }, deployment: { istio: 'pilot' }, service: { app: 'istiod', istio: 'pilot' } }
		: { label: { istio: 'istiod' }, deployment: named, service: named };
}

/**
 * A node whose CNI plugin is not ready keeps other pods away. istiod must not wait for it, because the plugin may wait for
 * istiod (istio 1.30 `istio-discovery/templates/deployment.yaml`).
 */
const startsBeforeCni = { key: 'cni.istio.io/not-ready', operator: 'Exists' };

/**
 * istiod closes its webhooks at once when it is told to end (`pilot/pkg/bootstrap/server.go`, `waitForShutdown`), and API servers learn
 * some time later that they are to ask another one: in between they would refuse pods.
 */
const goesOnSeconds = 5;

/** Where istiod looks for an authority of the user's (`pilot/pkg/bootstrap/istio_ca.go`, `LocalCertDir`). */
const authorityDirectory = '/etc/cacerts';

/**
 * Where istiod looks for a certificate and a root that somebody else keeps (`pkg/config/constants`,
 * `DefaultPilotTLSCert`). It follows their files.
 */
const givenCertificate = {
	mounts: [
		{ name: 'istio-csr-dns-cert', mountPath: '/var/run/secrets/istiod/tls', readOnly: true },
		{ name: 'istio-csr-ca-configmap', mountPath: '/var/run/secrets/istiod/ca', readOnly: true },
	],
	volumes: [
		{ name: 'istio-csr-dns-cert', secret: { secretName: servingSecret } },
		{ name: 'istio-csr-ca-configmap', configMap: { name: rootConfigMap } },
	],
} as const;

export function renderPilot(mesh: ResolvedIstiodMesh, facts: IstiodFacts): readonly KubeObject[] {
	const name = istiodName(mesh);
	const { pilot } = mesh.release;
	const { caSecretName, external } = mesh.authority;
	const revision = mesh.revision ?? defaultRevision;
	const pods = podsOf(mesh.revision);
	return [
		...renderAccount(mesh, {
			component,
			name,
			serviceAccount: name,
			cluster: pilot.clusterRights,
			namespace: pilot.namespaceRights,
		}),
		serviceOf(mesh, name, mesh.revision),
		...mesh.tags.map((tag) => tagService(mesh, tag)),
		...renderWorkload(mesh, {
			component,
			name,
			serviceAccount: name,
			labels: {
				app: 'istiod',
				'istio.io/dataplane-mode': 'none',
				[revisionLabel]: revision,
				// Its own webhook can't answer before it runs.
				[podInjectionKey]: 'false',
				...pods.label,
			},
			selector: pods.deployment,
			annotations: {
				'prometheus.io/port': '15014',
				'prometheus.io/scrape': 'true',
				[podInjectionKey]: 'false',
				...definedFields({
					'meshwright.io/ca-hash': facts.caSecretHash,
					[remoteSecretsAnnotation]: facts.remoteSecrets,
				}),
			},
			...(facts.remoteSecretsSince === undefined
				? {}
				: { notes: { [remoteSecretsSinceAnnotation]: facts.remoteSecretsSince } }),
			container: {
				name: 'discovery',
				image: mesh.images.pilot,
				args: pilot.args,
				env: envOf(mesh, revision),
				ports: pilot.ports,
				readOnlyRoot: true,
				goesOnSeconds,
				readinessProbe: {
					httpGet: { path: '/ready', port: 8080, scheme: 'HTTP' },
					initialDelaySeconds: 1,
					periodSeconds: 3,
					timeoutSeconds: 5,
				},
				volumeMounts: [
					{ name: 'istio-token', mountPath: '/var/run/secrets/tokens', readOnly: true },
					{ name: 'local-certs', mountPath: '/var/run/secrets/istio-dns' },
					...(caSecretName === undefined ? [] : [{ name: 'cacerts', mountPath: authorityDirectory, readOnly: true }]),
					...(external === undefined ? [] : givenCertificate.mounts),
				],
			},
			volumes: [
				{
					name: 'istio-token',
					projected: {
						sources: [
							{ serviceAccountToken: { audience: 'istio-ca', expirationSeconds: 43_200, path: 'istio-token' } },
						],
					},
				},
				asGiven({ name: 'local-certs', emptyDir: { medium: 'Memory' } }),
				...(caSecretName === undefined ? [] : [{ name: 'cacerts', secret: { secretName: caSecretName } }]),
				...(external === undefined ? [] : givenCertificate.volumes),
			],
			settings: { ...mesh.pilot, tolerations: [startsBeforeCni, ...mesh.pilot.tolerations] },
		}),
	];
}

/** @param revision whose pods it leads to. Undefined: the revision without a name */
function serviceOf(mesh: ResolvedIstiodMesh, name: string, revision: string | undefined): KubeObject {
	return componentService(mesh, {
		component,
		name,
		selector: podsOf(revision).service,
		ports: mesh.release.pilot.ports,
		// API servers call a webhook at 443 unless it names another port.
		portOf: ({ port, container }) => (container === 'https-webhooks' ? 443 : port),
	});
}

/** A proxy that is told to ask a tag reaches the tag's revision by it. */
function tagService(mesh: ResolvedIstiodMesh, { name, revision }: ResolvedTag): KubeObject {
	const service = serviceOf(mesh, tagServiceName(name), revision);
	const labels = {
		...service.metadata.labels,
		[tagLabel]: name,
		[revisionLabel]: revision ?? defaultRevision,
	};
	return { ...service, metadata: { ...service.metadata, labels } };
}

/** Longest life of a certificate that istiod gives by itself (`pilot/pkg/features/security.go`, `MaxWorkloadCertTTL`). */
const longestTtl = '2160h';

function envOf(mesh: ResolvedIstiodMesh, revision: string) {
	const { authority, location, multiCluster, pilot, release, traceSampling } = mesh;
	const policy = pilot.env.find(({ name }) => name === 'COMPLIANCE_POLICY')?.value;
	const { workloadCertTTL } = authority;
	return [
		{ name: 'REVISION', value: revision },
		{ name: 'PILOT_CERT_PROVIDER', value: 'istiod' },
		fieldEnv('POD_NAME', 'metadata.name'),
		fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
		fieldEnv('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
		{ name: 'PILOT_TRACE_SAMPLING', value: String(traceSampling) },
		{ name: 'CLUSTER_ID', value: location.clusterId },
		...(authority.external === undefined ? [] : [{ name: 'ENABLE_CA_SERVER', value: 'false' }]),
		// It looks in joined clusters whether it is in charge there.
		...(multiCluster.clusters.some(({ dataPlane }) => dataPlane !== undefined)
			? [{ name: 'EXTERNAL_ISTIOD', value: 'true' }]
			: []),
		...(workloadCertTTL === undefined
			? []
			: [
					{ name: 'DEFAULT_WORKLOAD_CERT_TTL', value: workloadCertTTL },
					// Proxies that run already ask for what they were told before.
					{
						name: 'MAX_WORKLOAD_CERT_TTL',
						value: parseDuration(workloadCertTTL) > parseDuration(longestTtl) ? workloadCertTTL : longestTtl,
					},
				]),
		...(release.holdsGoToFips && policy === fips1403.policy
			? [{ name: fips1403.variable, value: fips1403.value }]
			: []),
		...(release.goMaxProcs ? [limitEnv('GOMAXPROCS', 'cpu')] : []),
	];
}
