/** Applies Istio's CRDs, by the rules of `crd-plan.ts`. */
import { InvalidError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import { describeObject, type KubeObject, objectKey, referenceOf } from '../runtime/object.ts';
import { type Child, type CrdFacts, toChild } from './child.ts';
import { isInvalid } from './clear-way.ts';
import { compareReleases, decideCrd, missingVersions, newerVersions, releaseOf, withVersionsOf } from './crd-plan.ts';
import { bodyHash, fingerprint } from './fingerprint.ts';
import { adoptAnnotation, nudgeAnnotation, nudgeFieldManager } from './identity.ts';
import type { LiveObjects } from './live.ts';
import { ownershipOf } from './ownership.ts';
import type { Applied } from './plan.ts';
import type { Writer } from './writer.ts';

/** What one process remembers about the shared CRDs between passes, by key. */
export interface CrdMemory {
	readonly applied: Map<string, Applied>;
	/** CRDs of ours that others have made newer, and that was told. */
	readonly newer: Set<string>;
	/** CRDs that somebody else made or changed, and that no watch shows: what they serve, and the monotonic time at which we asked. */
	readonly foreign: Map<string, ForeignCrd>;
	/** Monotonic time since when, without a break, some CRD was not Established. */
	waitingSince?: number | undefined;
}

interface ForeignCrd {
	readonly facts: CrdFacts;
	readonly owner: string;
	readonly askedAt: number;
}

/** A foreign CRD is read again after this time, because no watch tells when it changes. */
const foreignMemoryMs = 5 * 60_000;
const notEstablishedRetryMs = 2_000;
/**
 * The API server establishes a CRD within a second, or after 5 s in clusters with several API servers. When it takes longer
 * than this, the operator reads the CRD itself and nudges it.
 */
const establishingMs = 10_000;

export interface CrdsApplied {
	/** Names of the CRDs that can't be used yet. */
	readonly waitingFor: readonly string[];
	/** The inventory's line for each CRD, by key. */
	readonly inventory: ReadonlyMap<string, Applied>;
}

/** The inventory that the caches show for the CRDs. It holds when nothing has changed since it was recorded. */
export function assumedCrds(crds: readonly KubeObject[], live: LiveObjects): ReadonlyMap<string, Applied> {
	return new Map(
		crds.map((crd) => {
			const key = objectKey(crd);
			const current = live.get(key);
			const own = { bodyHash: bodyHash(crd), fingerprint: current?.fingerprint ?? '' };
			const decision = decideCrd(crd, current, own);
			if (current === undefined || decision.kind === 'ask') return [key, foreignLine(crd)];
			if (decision.kind === 'newer') return [key, newerLine(crd, decision.versions)];
			return [key, decision.kind === 'kept' ? keptLine(crd, decision.release) : own];
		}),
	);
}

/** Writes the CRDs that need it, in parallel. Failures are in `writer.errors`. */
export async function applyCrds(crds: readonly KubeObject[], memory: CrdMemory, writer: Writer): Promise<CrdsApplied> {
	const notEstablished: KubeObject[] = [];
	const inventory = new Map<string, Applied>();
	const isThere = await whatIsThere(crds, memory, writer);
	await writer.all(crds, async (crd) => {
		const { line, established } = await applyCrd(crd, memory, writer, isThere);
		inventory.set(objectKey(crd), line);
		if (!established) notEstablished.push(crd);
	});
	const waitingFor = await stillWaiting(notEstablished, memory, writer);
	return { waitingFor: waitingFor.map(({ metadata }) => metadata.name).sort(), inventory };
}

/** Up to this many CRDs are read one by one. For more, one request lists the names. */
const fewCrds = 3;

/** Tells which names are taken. When the API server may have none of many CRDs, this asks once instead of for each. */
async function whatIsThere(
	crds: readonly KubeObject[],
	memory: CrdMemory,
	writer: Writer,
): Promise<(crd: KubeObject) => boolean> {
	const unknown = crds.filter((crd) => {
		const key = objectKey(crd);
		return decideCrd(crd, writer.live.get(key), memory.applied.get(key)).kind === 'ask' && !memory.foreign.has(key);
	});
	if (unknown.length <= fewCrds) return () => true;
	const names = await writer.listNames(kinds.CustomResourceDefinition);
	return ({ metadata }) => names.has(metadata.name);
}

/**
 * Reads the CRDs itself when the watch does not tell for long that they are Established: nothing else would move the
 * installation on.
 */
async function stillWaiting(
	crds: readonly KubeObject[],
	memory: CrdMemory,
	writer: Writer,
): Promise<readonly KubeObject[]> {
	if (crds.length === 0) {
		memory.waitingSince = undefined;
		return crds;
	}
	memory.waitingSince ??= writer.now;
	writer.lookAgainWithin(establishingMs);
	if (writer.now - memory.waitingSince < establishingMs) return crds;
	memory.waitingSince = writer.now;
	await writer.all(crds, async (crd) => {
		const found = await writer.find(crd);
		if (found === undefined) return;
		writer.live.expectWrite(crd)(found);
		const isOurs = fingerprint(found.metadata) !== undefined;
		if (isOurs && !isEstablished(toChild(found))) await nudge(found, writer);
	});
	return crds.filter((crd) => !isEstablished(writer.live.get(objectKey(crd))));
}

/**
 * When an API server ends between accepting a CRD's names and establishing the CRD, it forgets to establish it: it does so
 * on updates only (kubernetes 1.36 apiextensions-apiserver pkg/apiserver/customresource_handler.go,
 * `updateCustomResourceDefinition`). So we send an update, and another one that takes it back.
 */
async function nudge(
	{ apiVersion, kind, metadata: { name, resourceVersion = '' } }: KubeObject,
	writer: Writer,
): Promise<void> {
	const annotations = { [nudgeAnnotation]: resourceVersion };
	await writer.applyAs(nudgeFieldManager, { apiVersion, kind, metadata: { name, annotations } });
	await writer.applyAs(nudgeFieldManager, { apiVersion, kind, metadata: { name } });
}

interface CrdApplied {
	readonly line: Applied;
	readonly established: boolean;
}

async function applyCrd(
	crd: KubeObject,
	memory: CrdMemory,
	writer: Writer,
	isThere: (crd: KubeObject) => boolean,
): Promise<CrdApplied> {
	const key = objectKey(crd);
	const live = writer.live.get(key);
	const applied = memory.applied.get(key);
	const decision = decideCrd(crd, live, applied);
	if (decision.kind === 'ask') return askForCrd(crd, memory, writer, isThere);
	if (decision.kind === 'kept') {
		requireVersions(crd, live?.crd, `Istio ${decision.release}`);
		return { line: keptLine(crd, decision.release), established: isEstablished(live) };
	}
	if (decision.kind === 'newer') {
		tellNewer(crd, decision.versions, changerOf(live), memory, writer);
		return { line: newerLine(crd, decision.versions), established: isEstablished(live) };
	}
	if (decision.kind === 'current') {
		memory.newer.delete(key);
		return { line: applied ?? { bodyHash: bodyHash(crd), fingerprint: '' }, established: isEstablished(live) };
	}
	if (decision.cause === 'outdated') return write(crd, true, memory, writer);
	writer.assertMayRepair('crd', crd, live);
	// A CRD that is gone from the caches may only have lost its label, or another installer may have made it anew.
	const written =
		decision.cause === 'deleted'
			? await askForCrd(crd, memory, writer, isThere)
			: await write(crd, true, memory, writer);
	if (memory.applied.has(key)) writer.noticeRepair(crd, live);
	return written;
}

async function askForCrd(
	crd: KubeObject,
	memory: CrdMemory,
	writer: Writer,
	isThere: (crd: KubeObject) => boolean,
): Promise<CrdApplied> {
	const key = objectKey(crd);
	const known = memory.foreign.get(key);
	if (known !== undefined && writer.now - known.askedAt < foreignMemoryMs) return useForeign(crd, known, writer);
	memory.foreign.delete(key);
	memory.applied.delete(key);
	const found = isThere(crd) ? await writer.find(crd) : undefined;
	if (found === undefined) return write(crd, false, memory, writer);
	const ownership = ownershipOf(found.metadata, '');
	const live = toChild(found);
	const facts = live.crd ?? { established: false, versions: [], servedVersions: [], release: undefined };
	const newer = ownership.kind === 'ours' ? newerVersions(crd, facts) : [];
	const owner = ownership.kind === 'foreign' ? ownership.owner : newer.length > 0 ? changerOf(live) : undefined;
	if (owner !== undefined) {
		if (newer.length > 0) tellNewer(crd, newer, owner, memory, writer);
		const foreign = { facts, owner, askedAt: writer.now };
		const used = useForeign(crd, foreign, writer);
		// Remembered only once it serves. Until then its owner is about to change it.
		if (facts.established) memory.foreign.set(key, foreign);
		return used;
	}
	if (compareReleases(facts.release, releaseOf(crd)) > 0) {
		requireVersions(crd, facts, `Istio ${facts.release}`);
		return { line: keptLine(crd, facts.release ?? ''), established: facts.established };
	}
	const written = await write(crd, true, memory, writer);
	if (ownership.kind === 'adoptable') writer.noticeAdoption(crd);
	return written;
}

function useForeign(crd: KubeObject, { facts, owner }: ForeignCrd, writer: Writer): CrdApplied {
	requireVersions(crd, facts, owner);
	writer.lookAgainWithin(facts.established ? foreignMemoryMs : notEstablishedRetryMs);
	return { line: foreignLine(crd), established: facts.established };
}

async function write(crd: KubeObject, force: boolean, memory: CrdMemory, writer: Writer): Promise<CrdApplied> {
	const key = objectKey(crd);
	const { fingerprint: acknowledged } = await applyKeepingStored(crd, force, writer);
	const line = { bodyHash: bodyHash(crd), fingerprint: acknowledged };
	memory.applied.set(key, line);
	memory.newer.delete(key);
	return { line, established: isEstablished(writer.live.get(key)) };
}

/** Applies a CRD. Versions that somebody has added stay when the API server does not let them go. */
async function applyKeepingStored(crd: KubeObject, force: boolean, writer: Writer): Promise<Applied> {
	try {
		return await writer.apply(crd, force);
	} catch (error) {
		const live = isInvalid(error) ? await writer.find(crd) : undefined;
		if (live === undefined) throw error;
		return await writer.apply(withVersionsOf(live, crd), force);
	}
}

function tellNewer(
	crd: KubeObject,
	versions: readonly string[],
	who: string,
	{ newer }: CrdMemory,
	writer: Writer,
): void {
	const key = objectKey(crd);
	if (newer.has(key)) return;
	newer.add(key);
	writer.notice(
		'Normal',
		'NewerCrd',
		`${describeObject(crd)} was brought to a newer state by ${who} (${versions.join(', ')}): it serves what this release reads, and stays as it is`,
	);
}

/** Who changed a CRD of ours, in the words of messages. */
function changerOf(live: Child | undefined): string {
	return live?.changedBy ?? 'somebody else';
}

function isEstablished(live: Child | undefined): boolean {
	return live?.crd?.established === true && live.metadata.deletionTimestamp === undefined;
}

function requireVersions(crd: KubeObject, facts: CrdFacts | undefined, owner: string): void {
	const missing = facts === undefined ? [] : missingVersions(crd, facts);
	if (missing.length === 0) return;
	throw new InvalidError(
		'CrdConflict',
		`CustomResourceDefinition ${crd.metadata.name} belongs to ${owner} and does not serve ${missing.join(', ')}, which this release reads: ` +
			`serve that version there, or give the CRD to Meshwright with annotation ${adoptAnnotation}: "true" on it`,
		{ object: referenceOf(crd) },
	);
}

/** The inventory's line for a CRD whose stored definition is from a newer release. */
function keptLine(crd: KubeObject, release: string): Applied {
	return { bodyHash: bodyHash(crd), fingerprint: `kept ${release}` };
}

/** The inventory's line for a CRD of ours that others have made newer. */
function newerLine(crd: KubeObject, versions: readonly string[]): Applied {
	return { bodyHash: bodyHash(crd), fingerprint: `newer ${versions.join()}` };
}

/** Whether a line was recorded for a CRD of ours that others have made newer, so that it has been told. */
export function isNewerLine({ fingerprint: acknowledged }: Applied): boolean {
	return acknowledged.startsWith('newer ');
}

/** The inventory's line for a CRD that somebody else made. */
function foreignLine(crd: KubeObject): Applied {
	return { bodyHash: bodyHash(crd), fingerprint: 'foreign' };
}
