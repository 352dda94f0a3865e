/**
 * `meshwright clusters leave`: removes the entry from the spec, waits until the operator has cleaned the cluster, and then
 * deletes what `join` has made: the account there and the kubeconfig here. It touches nothing that join has not made.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { listedClustersOf, namespaceOf, type ParsedStatus } from '../../../api/v1/index.ts';
import { clusterId } from '../../clusters/checks/gather.ts';
import { recordReference } from '../../clusters/secret/record.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import { describeObject, type KubeObject } from '../../runtime/object.ts';
import { clustersOf } from '../clusters/view.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { readInstallations } from '../status.ts';
import { note, print } from '../terminal.ts';
import { type JoinAccessOptions, joinAccess } from './access.ts';
import { joinNamespaceLabel } from './account.ts';
import { entryManager, entryOwners, removeEntry } from './entry.ts';
import { removeAccount } from './remove.ts';
import { findSecret, isMadeFor, type SecretName, secretReference } from './secret.ts';
import { joinedMeshLabel } from './token.ts';

export interface ClustersLeaveOptions extends ConnectionOptions, Omit<JoinAccessOptions, 'server'> {
	readonly mesh: string;
	readonly secretNamespace: string;
	readonly apply: boolean;
	readonly wait: boolean;
	/** Seconds. */
	readonly timeout: number;
}

const pollMs = 500;

export async function clustersLeave(name: string, options: ClustersLeaveOptions): Promise<number> {
	await using api = await connect(options);
	const before = await findMesh(api, options.mesh);
	const namespace = before === undefined ? await namespaceOfGone(api, name, options) : namespaceOf(before);
	const isOut = before === undefined || !isListed(before, name) || (await unlist(api, before, name, options));
	if (!isOut && !options.wait) return exitCodes.differs;
	if (!(await hasLeft(api, options.mesh, namespace, name))) {
		if (!options.wait) {
			note(`${name} is leaving. Run the same command again when it has left, or with --wait.`);
			return exitCodes.differs;
		}
		note(`Waiting until ${name} has left …`);
		await waitUntilLeft(api, namespace, name, options);
	}
	await print(`${name} is no part of MeshInstallation ${options.mesh} any more.`);
	await tellLeftBehind(api, options.mesh, name);
	await cleanThere(api, namespace, name, options);
	await cleanHere(api, name, options);
	return exitCodes.ok;
}

async function findMesh(api: ApiServer, name: string): Promise<KubeObject | undefined> {
	const all = await readInstallations(api, undefined);
	return all.find(({ metadata }) => metadata.name === name);
}

/**
 * The namespace of a mesh that was deleted; all its clusters have left. The kubeconfig that was made for it shows that it
 * existed, and where.
 */
async function namespaceOfGone(api: ApiServer, name: string, options: ClustersLeaveOptions): Promise<string> {
	const secret = await findSecret(api, kubeconfigName(name, options));
	const { [joinedMeshLabel]: mesh, [joinNamespaceLabel]: namespace } = secret?.metadata.labels ?? {};
	if (mesh !== options.mesh || namespace === undefined) {
		await readInstallations(api, options.mesh);
		throw new CommandError(`there is no MeshInstallation ${options.mesh}`);
	}
	return namespace;
}

function kubeconfigName(cluster: string, { secretNamespace }: ClustersLeaveOptions): SecretName {
	return { namespace: secretNamespace, name: `${cluster}-kubeconfig` };
}

function isListed(object: KubeObject, name: string): boolean {
	return listedClustersOf(object).some((entry) => entry.name === name);
}

/** Removes the entry. Returns whether it is gone: what others own of it stays, and they are named. */
async function unlist(
	api: ApiServer,
	object: KubeObject,
	name: string,
	options: ClustersLeaveOptions,
): Promise<boolean> {
	const { mesh, apply } = options;
	const owners = entryOwners(object, name);
	const isOurs = owners.includes(entryManager(name));
	if (apply && isOurs) {
		const after = await removeEntry(api, mesh, name);
		if (!isListed(after, name)) {
			note(`MeshInstallation ${mesh} lists ${name} no more`);
			return true;
		}
		await print(
			`The entry ${name} is still in spec.multiCluster.clusters of MeshInstallation ${mesh}: it is owned by ${entryOwners(after, name).join(', ')} as well. Remove it there.`,
		);
		return false;
	}
	const whose = owners.length === 0 ? '' : ` (it is owned by ${owners.join(', ')})`;
	await print(
		`Remove the entry ${name} from spec.multiCluster.clusters of MeshInstallation ${mesh}${whose}.${
			isOurs ? ' It was written by `clusters join --apply`: run again with --apply.' : ''
		} Its account and kubeconfig stay until the cluster has left; then run this command again.`,
	);
	return false;
}

/** Whether the cluster has left: neither spec nor status knows it, and its record is gone. */
async function hasLeft(api: ApiServer, mesh: string, namespace: string, name: string): Promise<boolean> {
	const object = await findMesh(api, mesh);
	if (object !== undefined && clustersOf(object).some((cluster) => cluster.name === name)) return false;
	try {
		await api.getMetadata(recordReference(namespace, name));
		return false;
	} catch (error) {
		// When the user may not read it, the status counts.
		if (isNotFound(error) || isForbidden(error)) return true;
		throw error;
	}
}

async function waitUntilLeft(
	api: ApiServer,
	namespace: string,
	name: string,
	{ mesh, timeout }: ClustersLeaveOptions,
): Promise<void> {
	const deadline = performance.now() + timeout * 1_000;
	while (!(await hasLeft(api, mesh, namespace, name))) {
		if (performance.now() > deadline) {
			const object = await findMesh(api, mesh);
			const reasons = object === undefined ? [] : clustersOf(object).find((cluster) => cluster.name === name)?.reasons;
			throw new CommandError(
				[`${name} has not left within ${timeout} s`, ...(reasons ?? []).map((reason) => `  ${reason}`)],
				[
					'see whether the operator runs (kubectl -n meshwright-system get pods), and whether the entry is still listed',
					'wait longer with --timeout; nothing of the account was deleted',
				],
			);
		}
		await sleep(pollMs);
	}
}

async function tellLeftBehind(api: ApiServer, mesh: string, name: string): Promise<void> {
	const object = await findMesh(api, mesh);
	const { leftBehind = [] } = (object?.status ?? {}) as Partial<ParsedStatus>;
	const left = leftBehind.find(({ cluster }) => cluster === name);
	if (left !== undefined) {
		note(`It could not be cleaned (${left.reason}). Left there: ${(left.objects ?? []).join(', ')}`);
	}
}

async function cleanThere(
	api: ApiServer,
	namespace: string,
	name: string,
	options: ClustersLeaveOptions,
): Promise<void> {
	if (options.joinContext === undefined && options.joinKubeconfig === undefined) {
		note(`The account in ${name} stays: name its context with --join-context to have it deleted.`);
		return;
	}
	await using there = await joinAccess(options);
	const joiner = { mesh: options.mesh, namespace, localId: await clusterId(api) };
	const { deleted, kept } = await removeAccount(there.api, joiner);
	for (const object of deleted) note(`${name}: ${describeObject(object)} was deleted`);
	if (kept !== undefined) note(`${name}: ${kept}`);
}

async function cleanHere(api: ApiServer, name: string, options: ClustersLeaveOptions): Promise<void> {
	const where = kubeconfigName(name, options);
	const found = await findSecret(api, where);
	const text = describeObject(secretReference(where));
	if (found === undefined) return;
	if (!isMadeFor(found, name, options.mesh)) {
		note(`${text} was not made by \`clusters join\` for this mesh and stays`);
		return;
	}
	const { uid } = found.metadata;
	await api.delete(secretReference(where), uid === undefined ? {} : { preconditions: { uid } });
	note(`${text} was deleted`);
}
