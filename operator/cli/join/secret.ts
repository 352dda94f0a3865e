/** The Secret here by which the operator reaches a cluster that joins. */
import { mayReadLabel } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, orAbsent } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { describeObject, type KubeObject, type ObjectReference } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { cliFieldManager, isMadeByJoin, joinNamespaceLabel, madeByJoin, madeByLabel } from './account.ts';
import { type Joiner, joinedMeshLabel } from './token.ts';

const joinedClusterLabel = 'meshwright.io/join-cluster';

export interface SecretName {
	readonly namespace: string;
	readonly name: string;
	readonly key?: string | undefined;
}

export function secretReference({ namespace, name }: SecretName): ObjectReference {
	const { apiVersion, kind } = kinds.Secret;
	return { apiVersion, kind, namespace, name };
}

export function kubeconfigSecret(
	where: SecretName,
	cluster: string,
	{ mesh, namespace }: Pick<Joiner, 'mesh' | 'namespace'>,
	kubeconfig: string,
): KubeObject {
	const { apiVersion, kind } = kinds.Secret;
	return {
		apiVersion,
		kind,
		metadata: {
			namespace: where.namespace,
			name: where.name,
			labels: {
				'app.kubernetes.io/part-of': 'meshwright',
				[madeByLabel]: madeByJoin,
				[joinedClusterLabel]: cluster,
				[joinNamespaceLabel]: namespace,
				[joinedMeshLabel]: mesh,
				[mayReadLabel]: mesh,
			},
		},
		type: 'Opaque',
		data: { [where.key ?? 'kubeconfig']: Buffer.from(kubeconfig).toString('base64') },
	};
}

/** The header of the Secret. Undefined when there is none. */
export function findSecret(api: ApiServer, where: SecretName): Promise<Pick<KubeObject, 'metadata'> | undefined> {
	return orAbsent(api.getMetadata(secretReference(where)));
}

/**
 * Whether join has made the Secret for this cluster of this mesh. Another mesh may have joined a cluster of the same name.
 */
export function isMadeFor(secret: Pick<KubeObject, 'metadata'>, cluster: string, mesh: string): boolean {
	const { [joinedClusterLabel]: forCluster, [joinedMeshLabel]: forMesh = mesh } = secret.metadata.labels ?? {};
	return isMadeByJoin(secret) && forCluster === cluster && forMesh === mesh;
}

/** Throws CommandError when a Secret of that name exists that join has not made, or has made for another mesh. */
export async function assertSecretFree(
	api: ApiServer,
	where: SecretName,
	cluster: string,
	mesh: string,
): Promise<void> {
	const found = await findSecret(api, where);
	if (found !== undefined && !isMadeFor(found, cluster, mesh)) {
		const { [joinedClusterLabel]: forCluster = '', [joinedMeshLabel]: forMesh = '' } = found.metadata.labels ?? {};
		const what = isMadeByJoin(found)
			? `was made by this command for cluster ${forCluster} of mesh ${forMesh}`
			: 'was not made by this command';
		throw new CommandError(
			`${describeObject(secretReference(where))} is there already, and ${what}; it is not touched`,
			'delete or rename it, choose another --secret-namespace, or list the cluster with this Secret in spec.multiCluster.clusters',
		);
	}
}

export async function writeSecret(api: ApiServer, secret: KubeObject): Promise<void> {
	try {
		await api.apply(secret, {
			fieldManager: cliFieldManager,
			force: true,
			fieldValidation: 'Strict',
			metadataOnly: true,
		});
	} catch (error) {
		if (!isNotFound(error)) throw error;
		throw new CommandError(
			`there is no namespace ${secret.metadata.namespace ?? ''} for ${describeObject(secret)}`,
			'run `meshwright install` first, or choose another one with --secret-namespace',
			error,
		);
	}
}
