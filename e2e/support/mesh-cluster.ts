/**
 * A real cluster as a user has it before the first mesh: the CRD, the operator's namespace, and its ServiceAccount with
 * nothing but the rights that `deploy/` gives. The operator under test always works as that account.
 */
import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Cluster, type ClusterOptions, startCluster } from '../control-plane/cluster.ts';
import { untilInForce } from './authorizer.ts';
import { eventually } from './eventually.ts';

const root = new URL('../../', import.meta.url);

/**
 * The rights of the operator under test: those for meshes in any namespace, since tests have many.
 * `operator-rights.api-server.test.ts` looks at what it does with less.
 */
const operatorRights = ['deploy/rbac.generated.yaml', 'deploy/components/everywhere/rbac.generated.yaml'] as const;

/** The field manager of the person who works with the cluster. */
export const person = 'kubectl';

export const operatorAccount = { namespace: 'meshwright-system', name: 'meshwright' } as const;

/** User name of the operator in the audit log. */
export const operatorUser = userOf(operatorAccount);

export interface MeshCluster extends AsyncDisposable {
	readonly cluster: Cluster;
	/** As administrator. */
	readonly api: ApiServer;
	/** Kubeconfig of the operator's ServiceAccount. */
	readonly kubeconfig: string;
	readonly stop: () => Promise<void>;
}

export interface MeshClusterOptions extends ClusterOptions {
	/** Whether the CRD of MeshInstallation is installed. True by default. */
	readonly crd?: boolean;
}

/** User name of a ServiceAccount. */
export function userOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
	return `system:serviceaccount:${namespace}:${name}`;
}

/** All objects of a YAML file of the repository, by its path from the root. */
export async function readObjects(file: string): Promise<readonly KubeObject[]> {
	const text = await readFile(new URL(file, root), 'utf8');
	return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** Applies the objects of YAML files one after the other, as `kubectl apply --server-side` does. Settled when the rights that they give are in force. */
export async function applyFiles(api: ApiServer, ...files: readonly string[]): Promise<void> {
	const objects = (await Promise.all(files.map(readObjects))).flat();
	for (const object of objects) await api.apply(object, { fieldManager: person });
	await untilInForce(api, objects);
}

/** Makes a namespace where it is missing, as whoever owns the cluster does before there are rights in it. */
export async function makeNamespace(api: ApiServer, name: string): Promise<void> {
	const { apiVersion, kind } = kinds.Namespace;
	await api.apply({ apiVersion, kind, metadata: { name } }, { fieldManager: person });
}

/** Installs the CRD of MeshInstallation; settled when it is served. */
export async function installCrd(api: ApiServer): Promise<void> {
	await applyFiles(api, 'crds/meshinstallations.yaml');
	await eventually('MeshInstallations are served', async () => (await api.list(kinds.MeshInstallation)) !== undefined);
}

/** Starts a cluster with an audit log. */
export async function startMeshCluster({ crd = true, ...options }: MeshClusterOptions = {}): Promise<MeshCluster> {
	const cluster = await startCluster({ auditLog: true, ...options });
	const api = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	const stop = async () => {
		await api.close();
		await cluster.stop();
	};
	try {
		await applyFiles(api, 'deploy/namespace.yaml', 'deploy/service-account.yaml', ...operatorRights);
		if (crd) await installCrd(api);
		return {
			cluster,
			api,
			kubeconfig: await cluster.kubeconfigFor(operatorAccount),
			stop,
			[Symbol.asyncDispose]: stop,
		};
	} catch (error) {
		await stop();
		throw error;
	}
}

/**
 * A second account with the operator's rights, for a second replica: in the audit log the two can be told apart.
 * Returns its kubeconfig.
 */
export async function addOperatorAccount({ api, cluster }: MeshCluster, name: string): Promise<string> {
	const account = { namespace: operatorAccount.namespace, name };
	await api.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: account });
	const bindings = (await Promise.all(operatorRights.map(readObjects)))
		.flat()
		.filter(({ kind }) => kind.endsWith('Binding'))
		.map((object) => ({
			...object,
			metadata: { ...object.metadata, name: `${object.metadata.name}-${name}` },
			subjects: [{ kind: 'ServiceAccount', ...account }],
		}));
	for (const binding of bindings) await api.create(binding);
	await untilInForce(api, bindings);
	return cluster.kubeconfigFor(account);
}
