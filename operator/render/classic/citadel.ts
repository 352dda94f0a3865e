/**
 * Citadel of the classic line: gives every ServiceAccount of the cluster a certificate, in a Secret `istio.<account>`.
 * There is always one pod, and the old one is gone before the new one starts: two would race for the CA and for the
 * Secrets.
 */
import { parseDuration } from '../../../api/v1/index.ts';
import type { ResolvedCitadel, ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { AccessRule } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { renderAccount } from '../rbac.ts';
import { componentService } from '../service.ts';
import { type Container, renderWorkload } from '../workload.ts';
import type { ClassicFacts } from './facts.ts';
import { renderMutualTls } from './mtls.ts';

const component = 'citadel';
const name = 'istio-citadel';
const serviceAccount = 'istio-citadel-service-account';

/** The charts' selector since 1.2. Selectors can't be changed, so every release has this one. */
const selector = { istio: 'citadel' };
const labels = { app: 'security', ...selector };

/** Secret in which Citadel keeps a CA that it made itself (istio 1.0-1.4 `security/pkg/pki/ca/ca.go`). */
export const selfSignedCaSecret = 'istio-ca-secret';

/** Path at which a CA of the user's is mounted, and the keys of its Secret. */
const caDirectory = '/etc/cacerts';

/**
 * Citadel refuses longer certificates unless `--max-workload-cert-ttl` allows them (istio 1.0-1.4
 * `DefaultMaxWorkloadCertTTL`).
 */
const longestWithoutLeave = '2160h';

export function renderCitadel(mesh: ResolvedClassicMesh, facts: ClassicFacts): readonly KubeObject[] {
	const { citadel } = mesh;
	if (citadel === undefined) {
		return [];
	}
	return [
		...renderAccount(mesh, {
			component,
			name,
			serviceAccount,
			cluster: mesh.release.citadel.clusterAccess,
			namespace: namespaceAccess(mesh, citadel),
		}),
		componentService(mesh, { component, name, selector, ports: mesh.release.citadel.ports }),
		...renderWorkload(mesh, {
			component,
			name,
			serviceAccount,
			labels,
			selector,
			annotations: {
				'sidecar.istio.io/inject': 'false',
				// Citadel reads the CA when it starts, and never again.
				...(citadel.caSecretName === undefined || facts.caSecretHash === undefined
					? {}
					: { 'meshwright.io/ca-hash': facts.caSecretHash }),
			},
			container: container(mesh, citadel),
			strategy: 'Recreate',
			volumes:
				citadel.caSecretName === undefined
					? []
					: // Not optional: without it Citadel would end at once, and again; so the pod waits and says for what.
						[{ name: 'cacerts', secret: { secretName: citadel.caSecretName } }],
			settings: citadel,
		}),
		...renderMutualTls(mesh),
	];
}

/** What Citadel may do in its own namespace, besides what it may do in all. */
function namespaceAccess({ release }: ResolvedClassicMesh, { caSecretName }: ResolvedCitadel): readonly AccessRule[] {
	const root = ['istio-security'];
	return [
		...(caSecretName === undefined
			? [{ group: '', resource: 'secrets', verbs: ['get'], names: [selfSignedCaSecret] } as const]
			: []),
		...(release.citadel.publishesRoot
			? ([
					{ group: '', resource: 'configmaps', verbs: ['create'] },
					{ group: '', resource: 'configmaps', verbs: ['get', 'update'], names: root },
				] as const)
			: []),
	];
}

function container(mesh: ResolvedClassicMesh, citadel: ResolvedCitadel): Container {
	const { monitoringPort, ports } = mesh.release.citadel;
	const isUp = { path: '/version', port: monitoringPort, scheme: 'HTTP' };
	return {
		name: 'citadel',
		image: mesh.images.citadel,
		args: [
			'--append-dns-names=true',
			'--grpc-port=8060',
			`--citadel-storage-namespace=${mesh.namespace}`,
			`--custom-dns-names=${dnsNames(mesh)}`,
			`--monitoring-port=${monitoringPort}`,
			...certificateAuthority(citadel),
			...(mesh.trustDomain === undefined ? [] : [`--trust-domain=${mesh.trustDomain}`]),
			...lifetime(citadel.workloadCertTTL),
		],
		env: [],
		ports,
		// Citadel answers this once the CA is there, and not before.
		readinessProbe: { httpGet: isUp, periodSeconds: 5, timeoutSeconds: 5 },
		livenessProbe: { httpGet: isUp, initialDelaySeconds: 15, periodSeconds: 20, timeoutSeconds: 5 },
		volumeMounts:
			citadel.caSecretName === undefined ? [] : [{ name: 'cacerts', mountPath: caDirectory, readOnly: true }],
	};
}

function certificateAuthority({ caSecretName }: ResolvedCitadel): readonly string[] {
	return caSecretName === undefined
		? ['--self-signed-ca=true']
		: [
				'--self-signed-ca=false',
				`--signing-cert=${caDirectory}/ca-cert.pem`,
				`--signing-key=${caDirectory}/ca-key.pem`,
				`--root-cert=${caDirectory}/root-cert.pem`,
				`--cert-chain=${caDirectory}/cert-chain.pem`,
			];
}

function lifetime(workloadCertTTL: string): readonly string[] {
	return [
		`--workload-cert-ttl=${workloadCertTTL}`,
		...(parseDuration(workloadCertTTL) > parseDuration(longestWithoutLeave)
			? [`--max-workload-cert-ttl=${workloadCertTTL}`]
			: []),
	];
}

/** `<account>.<namespace>:<DNS name>`, for the accounts whose pods are called by a DNS name. */
function dnsNames({ release, namespace }: ResolvedClassicMesh): string {
	return Object.entries(release.citadel.dnsNames)
		.map(([account, host]) => `${account}.${namespace}:${host}.${namespace}`)
		.join();
}
