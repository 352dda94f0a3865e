/** `meshwright install`: applies the CRD and the operator by server-side apply, and waits until they work. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isNotFound, orAbsent } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, referenceOf } from '../runtime/object.ts';
import { CommandError } from './command-error.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import { exitCodes } from './exit-codes.ts';
import { type ManifestOptions, manifests, meshNamespaces, podSecurityLabel } from './manifests.ts';
import { type Format, formatObjects } from './output.ts';
import { note, painter, print, printDocument } from './terminal.ts';

/**
 * This manager differs from the operator's: the operator never touches what `install` made, and `install` never touches
 * what the operator makes.
 */
const fieldManager = 'meshwright-install';

export interface InstallOptions extends ConnectionOptions, ManifestOptions {
	readonly namespace: string;
	readonly dryRun: boolean;
	readonly forceConflicts: boolean;
	readonly wait: boolean;
	/** Seconds. */
	readonly timeout: number;
	readonly output: Format;
}

type Outcome = 'created' | 'changed' | 'unchanged' | 'to be created';

const colours = { created: 'green', changed: 'yellow', unchanged: 'dim', 'to be created': 'green' } as const;

/**
 * What whoever installs should know of a namespace that was there before.
 * @param wanted as it would be made
 * @param standing its label, if it has one
 */
function podSecurityRemark(
	{ metadata: { name, labels } }: KubeObject,
	standing: string | undefined,
): string | undefined {
	const takesAny = labels?.[podSecurityLabel] === 'privileged';
	if (takesAny && (standing === 'baseline' || standing === 'restricted'))
		return (
			`Namespace ${name} refuses pods that change their nodes (${podSecurityLabel}=${standing}). Let it take them: ` +
			`kubectl label --overwrite namespace ${name} ${podSecurityLabel}=privileged`
		);
	return takesAny || standing !== undefined
		? undefined
		: `Pods in namespace ${name} may take over nodes, so the operator may too. Keep them from it: ` +
				`kubectl label namespace ${name} ${podSecurityLabel}=baseline`;
}

export async function install(options: InstallOptions): Promise<number> {
	const objects = manifests(options);
	const deadline = performance.now() + options.timeout * 1000;
	await using api = await connect(options);
	if (options.output !== 'text') {
		await printDocument(formatObjects(objects, options.output));
	}
	const say = async (line: string): Promise<void> => (options.output === 'text' ? print(line) : note(line));
	const paint = painter(options.output === 'text' ? 'stdout' : 'stderr');

	const tell = async (object: KubeObject, outcome: Outcome): Promise<void> => {
		const label = options.dryRun ? `${outcome} (dry run)` : outcome;
		await say(`${describeObject(object)}: ${paint(colours[outcome], label)}`);
	};
	for (const object of meshNamespaces(options)) {
		const before = await orAbsent(api.getMetadata(referenceOf(object)));
		await tell(object, before === undefined ? await makeNamespace(api, object, options) : 'unchanged');
		if (before === undefined) continue;
		const remark = podSecurityRemark(object, before.metadata.labels?.[podSecurityLabel]);
		if (remark !== undefined) note(remark);
	}
	for (const object of objects) await tell(object, await applyOne(api, object, options));
	if (options.dryRun) {
		return exitCodes.ok;
	}
	if (options.rightsOnly === true) {
		await say('The operator has these rights now. A MeshInstallation that waits for them goes on within a minute.');
		return exitCodes.ok;
	}
	await waitFor(api, findKind(objects, 'CustomResourceDefinition'), 'Established', deadline);
	if (options.wait) {
		await say('Waiting until the operator is available …');
		await waitFor(api, findKind(objects, 'Deployment'), 'Available', deadline);
	}
	await say(
		options.wait
			? 'The operator is available. Apply a MeshInstallation, and follow it with: meshwright status --watch'
			: `Applied. The operator is starting: kubectl -n ${options.namespace} rollout status deployment/meshwright`,
	);
	return exitCodes.ok;
}

/** Makes the namespace of a mesh. */
async function makeNamespace(
	api: ApiServer,
	object: KubeObject,
	{ dryRun }: Pick<InstallOptions, 'dryRun'>,
): Promise<Outcome> {
	if (dryRun) return 'to be created';
	await api.apply(object, { fieldManager, force: false, fieldValidation: 'Strict' });
	return 'created';
}

async function applyOne(api: ApiServer, object: KubeObject, options: InstallOptions): Promise<Outcome> {
	const before = await resourceVersion(api, object);
	try {
		const written = await api.apply(object, {
			fieldManager,
			force: options.forceConflicts,
			dryRun: options.dryRun,
			fieldValidation: 'Strict',
			metadataOnly: true,
		});
		if (before === undefined) {
			return options.dryRun ? 'to be created' : 'created';
		}
		return written.resourceVersion === before ? 'unchanged' : 'changed';
	} catch (error) {
		// A dry run stores no namespace, so the API server can't check what is in a new one.
		if (options.dryRun && before === undefined && isNotFound(error)) {
			return 'to be created';
		}
		throw error;
	}
}

async function resourceVersion(api: ApiServer, object: KubeObject): Promise<string | undefined> {
	return (await orAbsent(api.getMetadata(referenceOf(object))))?.metadata.resourceVersion;
}

function findKind(objects: readonly KubeObject[], kind: string): KubeObject {
	const found = objects.find((object) => object.kind === kind);
	if (found === undefined) {
		throw new Error(`the manifests hold no ${kind}`);
	}
	return found;
}

interface Status {
	readonly observedGeneration?: number;
	readonly conditions?: readonly {
		readonly type: string;
		readonly status: string;
		readonly reason?: string;
		readonly message?: string;
	}[];
}

/**
 * @param deadline on the clock of `performance.now()`
 * @throws CommandError when the condition is not True by then
 */
async function waitFor(api: ApiServer, object: KubeObject, condition: string, deadline: number): Promise<void> {
	for (;;) {
		const live = await api.get({ ...object.metadata, apiVersion: object.apiVersion, kind: object.kind });
		const status = (live.status ?? {}) as Status;
		const conditions = status.conditions ?? [];
		const isCurrent = object.kind !== kinds.Deployment.kind || status.observedGeneration === live.metadata.generation;
		if (isCurrent && conditions.some(({ type, status: value }) => type === condition && value === 'True')) {
			return;
		}
		if (performance.now() > deadline) {
			const reasons = conditions
				.filter(({ status: value }) => value !== 'True')
				.map(({ type, reason, message }) => `${type}: ${reason ?? ''} ${message ?? ''}`.trim());
			const { name, namespace } = object.metadata;
			throw new CommandError(
				[`${describeObject(object)} is not ${condition} in time`, ...reasons.map((reason) => `  ${reason}`)],
				object.kind === kinds.Deployment.kind
					? [
							`look at its pods: kubectl -n ${namespace ?? ''} describe pods -l app.kubernetes.io/name=meshwright`,
							'wait longer with --timeout',
						]
					: `look at it: kubectl describe ${kinds.CustomResourceDefinition.plural} ${name}`,
			);
		}
		await sleep(200);
	}
}
