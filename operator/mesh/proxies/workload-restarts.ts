/**
 * `spec.upgrade.restartWorkloads`: restarts workloads whose pods have another proxy than the mesh gives now, a few at a time,
 * as `kubectl rollout restart` does. Each pass makes one step. What it did stands on the workloads themselves and in the
 * status, so a process that starts goes on where another ended.
 */
import {
	type ParsedSpec,
	type ParsedStatus,
	restartedAtAnnotation,
	restartedForAnnotation,
	timeText,
	tryDuration,
} from '../../../api/v1/index.ts';
import { restartFieldManager } from '../../apply/identity.ts';
import type { CountedMesh, ProxyFacts } from '../../plan/proxies/count.ts';
import {
	atOnce,
	judge,
	type Lagging,
	laggingIn,
	nameOfWorkload,
	progressOf,
	type WorkloadReference,
	type WorkloadSeen,
	workloadOfName,
} from '../../plan/proxies/restarts.ts';
import { windowsAt } from '../../plan/upgrade/windows.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { ConflictError, orAbsent, RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { budgetsFor, readWorkload } from './read-workload.ts';

export interface WorkloadRestartsOptions {
	readonly api: Pick<ApiServer, 'get' | 'list' | 'patch'>;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
}

/** A mesh whose workloads may be restarted. */
export interface RestartedMesh {
	readonly name: string;
	readonly counted: CountedMesh;
	readonly upgrade: NonNullable<ParsedSpec['upgrade']>;
	readonly status: ParsedStatus | undefined;
	readonly generation: number;
}

export type RestartsStatus = NonNullable<NonNullable<ParsedStatus['proxies']>['restarts']>;

export interface RestartStep {
	/** Undefined when nothing lags. */
	readonly status: RestartsStatus | undefined;
	/** Why no other workload is restarted, in a sentence: one did not come back. */
	readonly failed?: string;
	/** The next step is due after this time. */
	readonly againInMs?: number;
	/** Whether all that can be restarted has been, and is well. */
	readonly isOver: boolean;
	/** Whether it waits for a maintenance window. */
	readonly isPatient?: boolean;
}

/** While workloads are being restarted, they are looked at this often. */
const goingMs = 3_000;
/** While something has to change by itself or by its owner. */
const waitingMs = 30_000;
/** Workloads that are read in one step. */
const mostRead = 32;
/** What was said of a workload that is left alone holds for this time. */
const skippedMs = 5 * 60_000;
const passingMs = 30_000;
/** So many are named in the status. */
const mostNamed = 5;
const defaultDeadlineMs = 10 * 60_000;

interface Skipped {
	readonly why: string;
	/** Whether it is expected to change by itself. */
	readonly isPassing: boolean;
	readonly untilMs: number;
}

/** What a process remembers of the restarts for one version of a mesh. */
interface Memory {
	readonly version: string;
	readonly current: Map<string, WorkloadReference>;
	readonly skipped: Map<string, Skipped>;
}

export class WorkloadRestarts {
	readonly #options: WorkloadRestartsOptions;
	readonly #memories = new Map<string, Memory>();

	constructor(options: WorkloadRestartsOptions) {
		this.#options = options;
	}

	forget(mesh: string): void {
		this.#memories.delete(mesh);
	}

	/** Makes one step. Rejects as `ApiServer.request` does; what was begun is then found again by the next step. */
	async step(mesh: RestartedMesh, proxies: Iterable<ProxyFacts>, signal: AbortSignal): Promise<RestartStep> {
		const lagging = laggingIn(proxies, mesh.counted);
		const memory = this.#memoryOf(mesh);
		const failed = await this.#lookAtCurrent(mesh, memory, signal);
		for (const name of memory.skipped.keys()) if (!lagging.workloads.has(name)) memory.skipped.delete(name);
		if (lagging.workloads.size === 0 && memory.current.size === 0) {
			return { status: lagging.others === 0 ? undefined : told(lagging, memory, undefined), isOver: true };
		}
		if (failed !== undefined) {
			const message = `${failed}. No other workload is restarted before it is well again: mend it, or undo the change (kubectl rollout undo)`;
			return { status: told(lagging, memory, message), failed: message, againInMs: waitingMs, isOver: false };
		}
		const waits = this.#waitOf(mesh, lagging);
		if (waits !== undefined) {
			const { why, ms, isPatient } = waits;
			return { status: told(lagging, memory, why), againInMs: ms, isOver: false, isPatient };
		}
		await this.#begin(mesh, lagging, memory, signal);
		const isGoing = memory.current.size > 0;
		return {
			status: told(lagging, memory, undefined),
			againInMs: isGoing ? goingMs : waitingMs,
			isOver: !isGoing && [...lagging.workloads.keys()].every((name) => memory.skipped.get(name)?.isPassing === false),
		};
	}

	/** After a start, the status says what was being restarted. */
	#memoryOf({ name, counted: { version }, status }: RestartedMesh): Memory {
		const known = this.#memories.get(name);
		if (known?.version === version) return known;
		const references = (status?.proxies?.restarts?.current ?? []).flatMap((text) => workloadOfName(text) ?? []);
		const current = new Map(references.map((reference) => [nameOfWorkload(reference), reference]));
		const memory = { version, current, skipped: new Map<string, Skipped>() };
		this.#memories.set(name, memory);
		return memory;
	}

	/** Looks at what is being restarted. Resolves with what does not come back. */
	async #lookAtCurrent(mesh: RestartedMesh, memory: Memory, signal: AbortSignal): Promise<string | undefined> {
		const deadlineMs = tryDuration(mesh.upgrade.progressDeadline ?? '') ?? defaultDeadlineMs;
		const failures: string[] = [];
		for (const [name, reference] of memory.current) {
			const seen = await this.#read(reference, signal);
			const progress =
				seen === undefined
					? ({ is: 'done' } as const)
					: progressOf(seen, memory.version, { nowMs: this.#options.wallClock(), deadlineMs });
			if (progress.is === 'done') memory.current.delete(name);
			if (progress.is === 'failed')
				failures.push(`${name} was restarted for ${memory.version} and does not come back (${progress.why})`);
		}
		return failures.length === 0 ? undefined : failures.sort().slice(0, mostNamed).join('; ');
	}

	/** What restarts wait for before any begins. */
	#waitOf(
		mesh: RestartedMesh,
		{ workloads }: Lagging,
	): { readonly why: string; readonly ms: number; readonly isPatient: boolean } | undefined {
		const { status, generation, counted, upgrade } = mesh;
		const ready = status?.conditions?.find(({ type }) => type === 'Ready');
		const isReady = ready?.status === 'True' && ready.observedGeneration === generation;
		// In its stage all stages before it are over, and the mesh is not Ready before it is over itself.
		const change = status?.upgrade;
		const isDue = change === undefined ? isReady : change.stage === 'Workloads' && change.to === counted.version;
		if (!isDue || status?.version !== counted.version)
			return { why: `waiting until the mesh itself is ready in ${counted.version}`, ms: goingMs, isPatient: false };
		const nowMs = this.#options.wallClock();
		const windows = windowsAt(upgrade.windows, nowMs);
		if (windows.isOpen || workloads.size === 0) return undefined;
		const opens = Number.isFinite(windows.untilMs) ? `until ${timeText(windows.untilMs)}` : 'for ever';
		return {
			why: `waiting for a maintenance window (spec.upgrade.windows) ${opens}`,
			ms: Math.min(Math.max(windows.untilMs - nowMs, 1_000), 60 * 60_000),
			isPatient: true,
		};
	}

	/** Begins as many restarts as there is room for. */
	async #begin(mesh: RestartedMesh, lagging: Lagging, memory: Memory, signal: AbortSignal): Promise<void> {
		const { upgrade } = mesh;
		const most = atOnce(upgrade.restartWorkloads?.maxUnavailable, lagging.total);
		const nowMs = this.#options.wallClock();
		let read = 0;
		for (const [name, reference] of lagging.workloads) {
			if (memory.current.size >= most || read >= mostRead) return;
			if (memory.current.has(name) || (memory.skipped.get(name)?.untilMs ?? 0) > nowMs) continue;
			read++;
			const seen = await this.#read(reference, signal);
			if (seen === undefined) continue;
			const budgets = await this.#options.api.list<KubeObject>(kinds.PodDisruptionBudget, {
				namespace: reference.namespace,
				signal,
			});
			const judgement = judge(seen, budgetsFor(budgets.items, seen.podLabels), memory.version);
			memory.skipped.delete(name);
			if (judgement.do === 'skip') {
				const { why, isPassing } = judgement;
				memory.skipped.set(name, { why, isPassing, untilMs: nowMs + (isPassing ? passingMs : skippedMs) });
				continue;
			}
			const refusal =
				judgement.do === 'wait' ? undefined : await this.#restart(reference, seen, memory.version, signal);
			if (refusal === undefined) memory.current.set(name, reference);
			else memory.skipped.set(name, { why: refusal, isPassing: true, untilMs: nowMs + passingMs });
		}
	}

	async #read(
		reference: WorkloadReference,
		signal: AbortSignal,
	): Promise<(WorkloadSeen & { readonly resourceVersion: string | undefined }) | undefined> {
		const object = await orAbsent(this.#options.api.get<KubeObject>(targetOf(reference), { signal }));
		return object && { ...readWorkload(object), resourceVersion: object.metadata.resourceVersion };
	}

	/** Resolves with why it was not restarted, as the end of a sentence about it. Undefined when it was. */
	async #restart(
		reference: WorkloadReference,
		{ resourceVersion }: { readonly resourceVersion: string | undefined },
		version: string,
		signal: AbortSignal,
	): Promise<string | undefined> {
		const body = {
			metadata: { resourceVersion, annotations: { [restartedForAnnotation]: version } },
			spec: {
				template: { metadata: { annotations: { [restartedAtAnnotation]: timeText(this.#options.wallClock()) } } },
			},
		};
		try {
			await this.#options.api.patch(targetOf(reference), body, {
				type: 'merge',
				fieldManager: restartFieldManager,
				metadataOnly: true,
				signal,
			});
			return undefined;
		} catch (error) {
			if (error instanceof ConflictError) return 'has changed meanwhile, and is read again';
			// An admission policy, or a role that is not there for this namespace.
			if (error instanceof RequestError) return `could not be restarted: ${error.message}`;
			throw error;
		}
	}
}

function targetOf({ kind, namespace, name }: WorkloadReference) {
	const { apiVersion } = kinds[kind];
	return { apiVersion, kind, namespace, name };
}

function told(
	{ workloads, others }: Lagging,
	{ current, skipped }: Memory,
	message: string | undefined,
): RestartsStatus {
	const waiting = [...workloads.keys()].filter((name) => !current.has(name));
	const left = waiting.flatMap((name) => {
		const why = skipped.get(name)?.why;
		return why === undefined ? [] : [`${name} ${why}`];
	});
	const sentences = [
		...(message === undefined ? [] : [message]),
		...left.slice(0, mostNamed),
		...(left.length > mostNamed ? [`${left.length - mostNamed} more are left as they are`] : []),
		...(others === 0
			? []
			: [`${others} ${others === 1 ? 'pod has' : 'pods have'} another proxy and no workload that could be restarted`]),
	];
	return {
		waiting: waiting.length,
		current: [...current.keys()].sort().slice(0, 64),
		...(sentences.length === 0 ? {} : { message: sentences.join('; ') }),
	};
}
