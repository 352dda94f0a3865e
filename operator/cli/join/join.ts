/**
 * `meshwright clusters join`: makes the account in the other cluster, a kubeconfig for it, and the Secret here. It tries
 * each before it makes the next. Then it prints what belongs into the spec, or writes it with `--apply`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { clusterId } from '../../clusters/checks/gather.ts';
import { readClusterKubeconfig } from '../../clusters/kubeconfig/kubeconfig.ts';
import { remoteKubeconfig } from '../../clusters/secret/remote-secret.ts';
import type { ResolvedCluster } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { ConflictError, isNotFound, orAbsent } from '../../runtime/errors.ts';
import { describeObject, type KubeObject, referenceOf } from '../../runtime/object.ts';
import { type AccessChoices, findingLines, settingsOf } from '../clusters/check.ts';
import { type LookedAt, lookAtClusters } from '../clusters/look.ts';
import { type ClustersMesh, readClustersMesh, wantedForChecks } from '../clusters/mesh.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { toYaml } from '../document.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Format, formatValue } from '../output.ts';
import { note, painter, printDocument } from '../terminal.ts';
import { type JoinAccess, type JoinAccessOptions, joinAccess } from './access.ts';
import { accountObjects, accountParts, cliFieldManager, isMadeByJoin, unmarked } from './account.ts';
import { applyEntry, type ClusterEntry, type EntryOptions, entriesOf, entryFor, meshWith } from './entry.ts';
import { assertSecretFree, kubeconfigSecret, secretReference, writeSecret } from './secret.ts';
import { issueJoinToken, type Joiner, tokenSecret } from './token.ts';

export interface ClustersJoinOptions extends ConnectionOptions, JoinAccessOptions, EntryOptions, AccessChoices {
	readonly mesh: string;
	readonly apply: boolean;
	readonly dryRun: boolean;
	readonly output: Format;
}

/**
 * An API server knows new roles only a moment after they were stored. So missing rights are checked again during this time.
 */
const rightsPatienceMs = 5_000;

export async function clustersJoin(name: string, options: ClustersJoinOptions): Promise<number> {
	await using api = await connect(options);
	await using there = await joinAccess(options);
	const before = await readClustersMesh(api, options.mesh);
	const entry = entryFor(
		name,
		options,
		entriesOf(before.spec).find((one) => one.name === name),
	);
	const mesh = meshWith(before, entry);
	assertUsable(name, there, options);
	await assertSecretFree(api, entry.kubeconfigSecret, name, options.mesh);
	const localId = await clusterId(api);
	if ((await clusterId(there.api)) === localId) {
		throw new CommandError(
			'both contexts lead to the same cluster: it can not join itself',
			'name the context of the other cluster with --join-context',
		);
	}
	const joiner: Joiner = { mesh: options.mesh, namespace: mesh.mesh.namespace, localId };

	const { role, dataPlane } = resolvedEntry(mesh, name);
	const parts = accountParts(role, dataPlane !== undefined, mesh.mesh.line);
	for (const object of accountObjects(parts, joiner.namespace)) {
		note(`${name}: ${describeObject(object)} ${await applyThere(there.api, object, options.dryRun)}`);
	}
	if (options.dryRun) return await dryRunRest(api, name, joiner, entry, options);

	const token = await issueJoinToken(there.api, joiner);
	note(`${name}: ${describeObject(tokenSecret(joiner))} has a token`);
	const kubeconfig = kubeconfigFor(name, there, token);
	const found = await lookWith(api, mesh, name, kubeconfig, options);
	if (found.problems.length > 0) {
		for (const line of findingLines(found, painter('stderr'))) note(line);
		note(
			`Nothing was written here. Correct this and run the same command again; \`meshwright clusters leave ${name}\` takes the account away.`,
		);
		return exitCodes.differs;
	}
	await writeSecret(api, kubeconfigSecret(entry.kubeconfigSecret, name, joiner, kubeconfig));
	note(`${describeObject(secretReference(entry.kubeconfigSecret))} was written`);
	await printEntry(entry, options);
	if (options.apply) {
		await applyEntry(api, options.mesh, entry, false);
		note(`MeshInstallation ${options.mesh} lists ${name}. Follow it: meshwright clusters list ${options.mesh}`);
	} else {
		note(`Add this to spec.multiCluster.clusters of MeshInstallation ${options.mesh}, or run again with --apply.`);
	}
	return exitCodes.ok;
}

/** The entry with its defaults filled in. */
function resolvedEntry({ mesh }: ClustersMesh, name: string): ResolvedCluster {
	const entry = mesh.multiCluster.clusters.find((one) => one.name === name);
	if (entry === undefined) throw new Error(`${name} is not in the list that it was put into`);
	return entry;
}

function kubeconfigFor(cluster: string, { server, ca, tlsServerName }: JoinAccess, token: string): string {
	return remoteKubeconfig({ cluster, server, ca, tlsServerName, token });
}

/** Ensures, before anything is made anywhere, that the operator can use what will be written. */
function assertUsable(name: string, there: JoinAccess, options: ClustersJoinOptions): void {
	const read = readClusterKubeconfig(Buffer.from(kubeconfigFor(name, there, 'to-come')), settingsOf(options));
	if (!read.ok) {
		throw new CommandError(
			`the operator would not use this kubeconfig: ${read.problem.message}`,
			'name an address by which other machines reach its API server with --server',
		);
	}
}

type Outcome = 'was made' | 'is up to date' | 'would be made' | 'is there' | 'is there, and is not ours';

/** Applies an object there. When somebody else has made it, it gets no mark of ours, so that `leave` does not delete it. */
async function applyThere(api: ApiServer, object: KubeObject, dryRun: boolean): Promise<Outcome> {
	const before = await orAbsent(api.getMetadata(referenceOf(object)));
	const isOurs = before === undefined || isMadeByJoin(before);
	if (object.kind === 'Namespace' && before !== undefined) return 'is there';
	try {
		await api.apply(isOurs ? object : unmarked(object), {
			fieldManager: cliFieldManager,
			force: isOurs,
			dryRun,
			fieldValidation: 'Strict',
			metadataOnly: true,
		});
	} catch (error) {
		// A dry run stores no namespace, so the API server can't check what is in a new one.
		if (dryRun && before === undefined && isNotFound(error)) return 'would be made';
		if (!(error instanceof ConflictError) || isOurs) throw error;
		throw new CommandError(
			`${describeObject(object)} is there already and is different: ${error.message}`,
			'apply deploy/remote anew with the tool that made it, or delete it',
			error,
		);
	}
	if (!isOurs) return 'is there, and is not ours';
	return before === undefined ? (dryRun ? 'would be made' : 'was made') : 'is up to date';
}

async function lookWith(
	api: ApiServer,
	mesh: ClustersMesh,
	name: string,
	kubeconfig: string,
	options: ClustersJoinOptions,
): Promise<LookedAt> {
	const deadline = performance.now() + rightsPatienceMs;
	for (;;) {
		await using looking = await lookAtClusters({
			api,
			mesh: wantedForChecks(mesh),
			settings: settingsOf(options),
			only: name,
			kubeconfigs: new Map([[name, Buffer.from(kubeconfig)]]),
		});
		const [found] = looking.clusters;
		if (found === undefined) throw new Error(`${name} is not in the list that it was put into`);
		const lacksRights = found.problems.some(
			({ reason }) => reason === 'PermissionsMissing' || reason === 'Unauthorized',
		);
		if (!lacksRights || performance.now() > deadline) return found;
		await sleep(250);
	}
}

async function dryRunRest(
	api: ApiServer,
	name: string,
	joiner: Joiner,
	entry: ClusterEntry,
	options: ClustersJoinOptions,
): Promise<number> {
	note(`${name}: ${describeObject(tokenSecret(joiner))} would be made, its token be waited for and tried out`);
	note(`${describeObject(secretReference(entry.kubeconfigSecret))} would be written`);
	if (options.apply) {
		await applyEntry(api, options.mesh, entry, true);
		note(`MeshInstallation ${options.mesh} would list ${name}`);
	}
	await printEntry(entry, options);
	return exitCodes.ok;
}

/** Prints the entry to standard output. Nothing else goes there. */
async function printEntry(entry: ClusterEntry, { output }: ClustersJoinOptions): Promise<void> {
	await printDocument(output === 'json' ? formatValue(entry, 'json') : toYaml([entry]));
}
