/** Finds the parts of a mesh in another cluster: its MeshInstallations, its trust domain and its root certificates. */

import { namespaceOf } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, orAbsent } from '../../runtime/errors.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { readUntrustedYaml, UntrustedYamlError } from '../untrusted-yaml.ts';
import { type Known, known, optional, unknown } from './known.ts';
import { type RootCertificate, rootCertificates } from './root-certificates.ts';

/**
 * A MeshInstallation of another cluster. Another version of the operator may have written its spec, so it is read without
 * trust.
 */
export interface InstallationThere {
	readonly name: string;
	readonly namespace: string;
	/** Secret with the user's certificate authority. */
	readonly caSecretName: string | undefined;
	/** The clusters that it lists, with the UID where its operator has told it. */
	readonly lists: readonly { readonly name: string; readonly id: string | undefined }[];
}

export interface MeshThere {
	/** Sorted by name. Empty also when the CRD is missing. */
	readonly installations: Known<readonly InstallationThere[]>;
	/** The namespace of the mesh that the rest is about. */
	readonly namespace: string;
	readonly trustDomain: Known<string>;
	readonly roots: Known<readonly RootCertificate[]>;
}

/** The trust domain of a mesh that sets none (istio 1.0-1.4 `pkg/spiffe`, on Kubernetes). */
export const defaultTrustDomain = 'cluster.local';

/**
 * @param namespace of the mesh that the cluster joins. When the cluster has one mesh, in another namespace, that namespace
 * is used.
 * @param caSecretName Secret with its certificate authority, when no MeshInstallation there names one
 */
export async function gatherMesh(
	api: ApiServer,
	namespace: string,
	caSecretName: string | undefined,
	signal?: AbortSignal,
): Promise<MeshThere> {
	const installations = await optional('the MeshInstallations', () => installationsIn(api, signal));
	const all = installations.known ? installations.value : [];
	const mesh = all.find((one) => one.namespace === namespace) ?? (all.length === 1 ? all[0] : undefined);
	const where = mesh?.namespace ?? namespace;
	const [trustDomain, roots] = await Promise.all([
		optional('the mesh configuration', () => trustDomainIn(api, where, signal)),
		rootsIn(api, where, mesh === undefined ? caSecretName : mesh.caSecretName, signal),
	]);
	return { installations, namespace: where, trustDomain, roots };
}

async function installationsIn(
	api: ApiServer,
	signal: AbortSignal | undefined,
): Promise<Known<readonly InstallationThere[]>> {
	const from = 'the MeshInstallations';
	try {
		const { items } = await api.list(kinds.MeshInstallation, { signal, read: toInstallation });
		const found = items.toSorted((a, b) => (a.name < b.name ? -1 : 1));
		return known(found, from);
	} catch (error) {
		if (isNotFound(error)) return known([], from);
		throw error;
	}
}

function toInstallation({ metadata, spec, status }: KubeObject): InstallationThere {
	const { citadel, multiCluster } = fieldsOf(spec);
	const { caSecretName } = fieldsOf(citadel);
	const ids = new Map(listOf(fieldsOf(status).clusters).map(({ name, id }) => [name, id]));
	return {
		name: metadata.name,
		namespace: namespaceOf({ metadata, spec }),
		caSecretName: typeof caSecretName === 'string' ? caSecretName : undefined,
		lists: listOf(fieldsOf(multiCluster).clusters).flatMap(({ name }) => {
			if (typeof name !== 'string') return [];
			const id = ids.get(name);
			return [{ name, id: typeof id === 'string' ? id : undefined }];
		}),
	};
}

/** The schema allows this many (api/v1/schema), but another API server may not enforce it. */
const mostClusters = 1_000;

function listOf(value: unknown): readonly Readonly<Record<string, unknown>>[] {
	return Array.isArray(value) ? value.slice(0, mostClusters).map(fieldsOf) : [];
}

async function trustDomainIn(
	api: ApiServer,
	namespace: string,
	signal: AbortSignal | undefined,
): Promise<Known<string>> {
	const config = await find(api, kinds.ConfigMap, namespace, 'istio', signal);
	const { mesh } = fieldsOf(config?.data);
	if (typeof mesh !== 'string') {
		return unknown(`there is no mesh configuration in namespace ${namespace}`);
	}
	try {
		// Read like a kubeconfig: a text that would keep a parser busy for minutes is refused.
		const config = readUntrustedYaml(Buffer.from(mesh), { noun: 'mesh configuration', remedy: 'shorten it' });
		const trustDomain = config instanceof Map ? config.get('trustDomain') : undefined;
		const domain = typeof trustDomain === 'string' && trustDomain !== '' ? trustDomain : defaultTrustDomain;
		// The domain goes into messages, so it must be a name.
		return /^[A-Za-z0-9_.-]{1,253}$/.test(domain)
			? known(domain, `ConfigMap ${namespace}/istio`)
			: unknown(`the trust domain in ConfigMap ${namespace}/istio is no name`);
	} catch (error) {
		if (!(error instanceof UntrustedYamlError)) throw error;
		return unknown(`ConfigMap ${namespace}/istio could not be read as YAML`);
	}
}

/** A place where a mesh keeps its roots. */
interface Place {
	readonly kind: Kind;
	readonly name: string;
	/** Keys with PEM. The first one with a certificate counts: without a root the authority's own certificate is the root. */
	readonly keys: readonly string[];
}

const secretKeys = ['root-cert.pem', 'ca-cert.pem'];

/**
 * Asks first for the ConfigMap in which Citadel 1.1 and later publishes its root (base64 of PEM), because it is public.
 * Then for the Secret of the mesh's own authority, or for those that the charts and Citadel itself use.
 */
function placesOf(caSecretName: string | undefined): readonly Place[] {
	const secret = (name: string): Place => ({ kind: kinds.Secret, name, keys: secretKeys });
	return [
		{ kind: kinds.ConfigMap, name: 'istio-security', keys: ['caTLSRootCert'] },
		...(caSecretName === undefined ? ['cacerts', 'istio-ca-secret'] : [caSecretName]).map(secret),
	];
}

async function rootsIn(
	api: ApiServer,
	namespace: string,
	caSecretName: string | undefined,
	signal: AbortSignal | undefined,
): Promise<Known<readonly RootCertificate[]>> {
	const reasons: string[] = [];
	for (const { kind, name, keys } of placesOf(caSecretName)) {
		const found = await optional<readonly RootCertificate[]>(`${kind.kind} ${namespace}/${name}`, async () => {
			const object = await find(api, kind, namespace, name, signal);
			const data = fieldsOf(object?.data);
			const roots = keys.map((key) => rootCertificates(decode(data[key]))).find(({ length }) => length > 0);
			return roots === undefined
				? unknown(object === undefined ? '' : `${kind.kind} ${namespace}/${name} holds no root certificate`)
				: known(roots, `${kind.kind} ${namespace}/${name}`);
		});
		if (found.known) return found;
		if (found.why !== '') reasons.push(found.why);
	}
	return unknown(
		reasons.length === 0 ? `there is no certificate authority in namespace ${namespace}` : reasons.join(', '),
	);
}

function decode(value: unknown): string {
	return typeof value === 'string' ? Buffer.from(value, 'base64').toString('latin1') : '';
}

function find(
	api: ApiServer,
	{ apiVersion, kind }: Kind,
	namespace: string,
	name: string,
	signal: AbortSignal | undefined,
): Promise<KubeObject | undefined> {
	return orAbsent(api.get({ apiVersion, kind, namespace, name }, { signal }));
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
	return isRecord(value) ? value : {};
}
