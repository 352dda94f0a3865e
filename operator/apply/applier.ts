/**
 * Makes the cluster match what was rendered, by server-side apply: wave after wave, in parallel inside a wave. When a write
 * fails, its wave is finished and the pass ends. Nothing here waits for a gate: a closed gate is part of the answer.
 */
import { BlockedError, ConflictError } from '../runtime/errors.ts';
import { isWebhook, isWorkload, type Kind, kindOf, kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey } from '../runtime/object.ts';
import { applyCrds, type CrdMemory } from './apply-crds.ts';
import { askAboutChanges, type ChangedObject, changedOf, changesRecheckMs } from './ask-changes.ts';
import type { Child } from './child.ts';
import { forgetOthers, type InstallationMemory, rememberReady, webhookGraceLeft } from './installation-memory.ts';
import { childrenOf, type Desired, type InstallationPlan, planPass, recallOnce } from './installation-plan.ts';
import type { LiveCache } from './live.ts';
import { inOrder } from './pass-order.ts';
import { hashInventory } from './plan.ts';
import { waveOf, waves } from './waves.ts';
import { beginReplicas, pruneChild, writeChild } from './write-child.ts';
import { Writer, type WriterOptions } from './writer.ts';

export interface ApplyResult {
	/** Number of objects of the installation, shared ones included. */
	readonly objects: number;
	/** Hash over all of them. Undefined while not everything is as rendered. */
	readonly hash: string | undefined;
	/** What the pass waits for, in a sentence. Undefined when it waits for nothing. */
	readonly gate: string | undefined;
	/** Objects that something at admission changes. */
	readonly changed: readonly ChangedObject[];
	/** Every failure of this pass. */
	readonly errors: readonly unknown[];
	/** Set when no watch would bring the next pass in time: it has to come after this time. */
	readonly againInMs: number | undefined;
}

export interface ApplierOptions extends WriterOptions {
	readonly crdMemory: CrdMemory;
}

/**
 * Makes the cluster match `desired`. Throws only when `signal` aborts; failures of requests are in the result.
 * @param planned the plan of this pass, if there is one. One in which nothing differs is used as it is: a later change wakes
 * the next pass. Any other is made anew once CRDs, namespace and caches are there.
 */
export async function applyInstallation(
	options: ApplierOptions,
	desired: Desired,
	memory: InstallationMemory,
	signal: AbortSignal,
	planned?: InstallationPlan,
): Promise<ApplyResult> {
	const writer = new Writer(options, signal);
	const crds = desired.objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
	const children = childrenOf(desired);
	const result = (gate: string | undefined, hash?: string): ApplyResult => {
		const changed = changedOf(children, memory);
		if (changed.length > 0) writer.lookAgainWithin(changesRecheckMs);
		const { errors, againInMs } = writer;
		return { objects: desired.objects.length, hash, gate, errors, againInMs, changed };
	};

	rememberReady(memory, options.live.ofApplySet(desired.partOf));
	recallOnce(crds, children, desired.recordedHash, options, memory);
	const { waitingFor, inventory } = await applyCrds(crds, options.crdMemory, writer);
	if (writer.errors.length > 0) return result(undefined);
	// The sentence does not name the CRDs: it would change, and with it the status, whenever one of them gets ready.
	if (waitingFor.length > 0) return result("waiting for Istio's CRDs to be Established");

	const freshNamespaces = new Set<string>();
	await writer.all(
		desired.objects.filter(({ kind }) => kind === 'Namespace'),
		(namespace) => ensureNamespace(namespace, freshNamespaces, writer),
	);
	if (writer.errors.length > 0) return result(undefined);

	forgetOthers(memory, children);
	await writer.all([uniqueKinds(children)], (kinds) => options.live.follow(kinds));
	if (writer.errors.length > 0) return result(undefined);
	const isOther = await askAboutChanges(children, memory, writer);
	const isQuiet = planned?.differing === 0 && !isOther;
	const { writes, prune, heldFor } = isQuiet ? planned.children : planPass(children, desired, options, memory);
	const pass = { writer, memory, desired, freshNamespaces };
	for (const wave of inOrder(writes, memory.applied)) {
		await writer.all(wave, (write) => writeChild(write, pass));
		if (writer.errors.length > 0) return result(undefined);
	}
	const deployments = children.filter(({ kind }) => kind === 'Deployment');
	await writer.all(deployments, (deployment) => beginReplicas(deployment, pass));
	if (writer.errors.length > 0) return result(undefined);
	const going = children.filter(
		(child) => options.live.get(objectKey(child))?.metadata.deletionTimestamp !== undefined,
	);
	if (going.length > 0) return result(`waiting for ${list(going.map(describeObject))} to be gone, to make it again`);
	// Pruning comes last and goes backwards: an old object goes when its replacement stands.
	const ending = options.live.ofApplySet(desired.partOf).filter(isEnding);
	for (const wave of waves(prune, waveOf).toReversed()) {
		const graceMs = webhookGraceLeft(memory, writer.now);
		if (graceMs > 0 && !wave.some(isWebhook)) {
			writer.lookAgainWithin(graceMs);
			return result('waiting for the API servers to send no more pods to the webhook that was deleted');
		}
		if (ending.length > 0 && !wave.some(isWorkload))
			return result(
				`waiting for the pods of ${list(ending.map(describeObject))} to end, which need their rights until then`,
			);
		await writer.all(wave, (child) => pruneChild(child, pass));
		if (writer.errors.length > 0) return result(undefined);
		ending.push(...wave.filter(({ kind }) => kind === kinds.DaemonSet.kind));
	}
	if (heldFor.length > 0) return result(heldFor.join('; '));
	return result(undefined, hashInventory(new Map([...inventory, ...memory.applied])));
}

/** Whether an object goes as soon as its pods have ended. */
function isEnding({ kind, metadata }: Child): boolean {
	return kind === kinds.DaemonSet.kind && metadata.deletionTimestamp !== undefined;
}

function uniqueKinds(objects: readonly KubeObject[]): readonly Kind[] {
	return [...new Set(objects.map(kindOf))];
}

/** Makes the namespace when it is missing. An existing one is used as it is, whoever made it. */
async function ensureNamespace(namespace: KubeObject, fresh: Set<string>, writer: Writer): Promise<void> {
	const { name } = namespace.metadata;
	assertNamespaceStays(name, writer.live);
	if (writer.live.get(objectKey(namespace)) !== undefined) return;
	if (!(await writer.apply(namespace, false)).created)
		throw new ConflictError(`namespace ${name} was made meanwhile: what is in it has to be looked at first`);
	fresh.add(name);
}

/** Throws while a namespace is being deleted: nothing can be made in it, and rights in it may be gone already. */
export function assertNamespaceStays(name: string, live: Pick<LiveCache, 'get'>): void {
	const reference = { apiVersion: kinds.Namespace.apiVersion, kind: kinds.Namespace.kind, name };
	if (live.get(objectKey(reference))?.metadata.deletionTimestamp === undefined) return;
	throw new BlockedError(
		'NamespaceTerminating',
		`namespace ${name} is being deleted: the mesh is installed again as soon as it is gone`,
		{ object: reference },
	);
}

function list(names: readonly string[]): string {
	const shown = names.slice(0, 5).join(', ');
	return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
