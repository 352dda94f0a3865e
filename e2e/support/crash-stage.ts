/**
 * A cluster with one installation at a time and an operator that can be killed at any of its writes. What an
 * undisturbed operator makes of a change is recorded once (`rehearse`); then the operator is killed at a write of the same
 * change, a new one is started, and the result must become the recorded one (`crash`).
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../../operator/runtime/object.ts';
import { kubeconfigThrough } from './crash-kubeconfig.ts';
import { momentsOf } from './crash-moments.ts';
import { type FollowedOperator, startOperatorProcess, startOperatorWithin } from './crash-operator.ts';
import { type CrashPoint, type CrashProxy, startCrashProxy } from './crash-proxy.ts';
import { isInstallationAsIn, type Snapshot, takeSnapshot } from './crash-snapshot.ts';
import { deadlineMs, eventually, orAbsent } from './eventually.ts';
import { readInstallation } from './installation.ts';
import { type MeshCluster, startMeshCluster } from './mesh-cluster.ts';

/** What a person does to the installation of this name. */
export type Act = (api: ApiServer, name: string) => Promise<unknown>;

export interface Rehearsal {
	/** Before the first write of the operator, and after every one; see `momentsOf`. The name of the installation is `<name>` in it. */
	readonly points: readonly CrashPoint[];
	readonly result: Snapshot;
}

/** When nothing was written for this time, the work is done. */
const quietMs = 700;
/** Of a rehearsal surely: what came later would be found missing at the crash points. */
const rehearsalQuietMs = 1_500;
/**
 * How often CRDs that are still being deleted are changed, milliseconds: an API server whose own write of one conflicts does
 * not look at it again before something else changes, or five minutes are over (kubernetes 1.36 apiextensions-apiserver
 * pkg/controller/finalizer/crd_finalizer.go, `sync` and `updateCustomResourceDefinition`).
 */
const nudgeCrdsMs = 10_000;

export class CrashStage implements AsyncDisposable {
	readonly #mesh: MeshCluster;
	readonly #proxy: CrashProxy;
	readonly #kubeconfig: string;
	readonly #isProcess: boolean;
	#operator: FollowedOperator | undefined;
	#installations = 0;

	private constructor(mesh: MeshCluster, proxy: CrashProxy, kubeconfig: string, isProcess: boolean) {
		this.#mesh = mesh;
		this.#proxy = proxy;
		this.#kubeconfig = kubeconfig;
		this.#isProcess = isProcess;
	}

	/**
	 * Starts the cluster; the operator comes with the first `operate`.
	 * @param isProcess whether each operator is a process that dies by SIGKILL. In the process of the test it dies as its API server
	 * sees it: all its connections end, and none comes again.
	 */
	static async start({ isProcess = false }: { readonly isProcess?: boolean } = {}): Promise<CrashStage> {
		const mesh = await startMeshCluster({ parts: 'api-server', auditLog: false });
		const { cluster } = mesh;
		const proxy = await startCrashProxy(cluster);
		const kubeconfig = await kubeconfigThrough(proxy, cluster, mesh.kubeconfig);
		return new CrashStage(mesh, proxy, kubeconfig, isProcess);
	}

	/** As administrator, past the proxy. */
	get api(): ApiServer {
		return this.#mesh.api;
	}

	/** For who plays something in it. */
	get cluster(): MeshCluster['cluster'] {
		return this.#mesh.cluster;
	}

	/** A name for an installation and its namespace that was not used before. */
	nextName(): string {
		this.#installations++;
		return `mesh${String(this.#installations).padStart(4, '0')}`;
	}

	async #launch(): Promise<void> {
		this.#operator = this.#isProcess
			? await startOperatorProcess({ kubeconfig: this.#kubeconfig })
			: startOperatorWithin(this.#kubeconfig, () => this.#proxy.cut());
	}

	/** Starts an operator; settled when its caches are filled. */
	async operate(): Promise<void> {
		await this.#launch();
		await this.#running.until('the operator starts', () => this.#running.hasSaid('started'));
	}

	/** Lets the running operator do its work in peace, and records what it did. */
	async rehearse(name: string, act: Act): Promise<Rehearsal> {
		this.#proxy.forget();
		await act(this.api, name);
		await this.settle(name, rehearsalQuietMs);
		const writes = this.#proxy.writes.map((write) => write.replaceAll(name, '<name>'));
		const points = writes.flatMap((write, index) => {
			const nth = writes.slice(0, index + 1).filter((other) => other === write).length;
			return momentsOf(index).map((when) => ({ write, nth, when }));
		});
		return { points, result: await takeSnapshot(this.api, name) };
	}

	/** Waits until the running operator has nothing more to do for an installation. */
	async settle(name: string, quiet = quietMs): Promise<void> {
		await eventually(`the operator is done with ${name}`, async () => {
			const object = await orAbsent(readInstallation(this.api, name));
			return object === undefined || isInstalled(object.status, object.metadata.generation);
		});
		for (let seen = -1; seen !== this.#proxy.writes.length; await sleep(quiet)) seen = this.#proxy.writes.length;
	}

	/**
	 * Kills the running operator at a point of what `act` sets off, and starts another one. Settled when the result is as
	 * expected; throws, with what differs, when that does not come.
	 */
	async crash(name: string, act: Act, point: CrashPoint, expected: Snapshot): Promise<void> {
		await this.breakOff(name, act, point);
		await this.operate();
		await this.becomes(name, expected);
	}

	/** Kills the running operator at a point of what `act` sets off; then none runs. */
	async breakOff(name: string, act: Act, point: CrashPoint): Promise<void> {
		this.#proxy.forget();
		const over = new AbortController();
		const killed = this.killAt({ ...point, write: point.write.replaceAll('<name>', name) }, over.signal);
		await act(this.api, name);
		// How often the status is told depends on what comes together: it may not be told once more.
		if (point.nth > 1 && !isNoStatus(point)) {
			await Promise.race([killed, this.settle(name)]);
			over.abort();
		}
		if (await killed) return;
		await this.kill();
	}

	/**
	 * Kills operators one after the other, each after one more write of the same change, and lets the last one finish. (What
	 * is stored before a write is what was stored after the one before it.) Of several writes of one object the first counts.
	 * @param onStep called after each death
	 */
	async crashLoop(
		name: string,
		act: Act,
		{ points, result }: Rehearsal,
		onStep: () => void = () => undefined,
	): Promise<void> {
		const distinct = points.filter(({ nth, when }) => nth === 1 && when === 'after');
		let isAsked = false;
		// The status comes last, also where the rehearsal had one in between: an operator that has written it has done all.
		for (const point of [...distinct.filter(isNoStatus), ...distinct.filter((entry) => !isNoStatus(entry))]) {
			const killed = this.killAt({ ...point, write: point.write.replaceAll('<name>', name) });
			if (!isAsked) await act(this.api, name);
			isAsked = true;
			await killed;
			onStep();
			await this.#launch();
		}
		await this.#running.until('the operator starts', () => this.#running.hasSaid('started'));
		await this.becomes(name, result);
	}

	/**
	 * Starts an operator that dies of the first write that changes anything, when it is stored, unless it is over before that comes.
	 * Returns whether it died.
	 */
	async liveForOneWrite(over?: AbortSignal): Promise<boolean> {
		await this.#launch();
		return this.killAt({ write: '*', nth: 1, when: 'after' }, over);
	}

	/**
	 * Lets operators live for one write each, one after the other, until what `act` sets off is done. The last one finishes.
	 * @param onStep called after each death
	 * @returns how many died
	 */
	async inLives(name: string, act: Act, { points, result }: Rehearsal, onStep: () => void): Promise<number> {
		await this.kill();
		await act(this.api, name);
		let lives = 0;
		// Twice as many as there are writes.
		const mostLives = 2 * points.filter(({ when }) => when === 'after').length;
		const isDone = async () => {
			const object = await orAbsent(readInstallation(this.api, name));
			const isLeaving = object?.metadata.deletionTimestamp !== undefined;
			return object === undefined || (!isLeaving && isInstalled(object.status, object.metadata.generation));
		};
		for (; !(await isDone()); lives++) {
			if (lives > mostLives) throw new Error(`${lives} operators came to no end with ${name}`);
			const over = new AbortController();
			const done = eventually(`${name} is done, or an operator dies`, async () => over.signal.aborted || isDone());
			// The write by which an installation goes shows no new revision.
			const isKilled = await this.liveForOneWrite(AbortSignal.any([over.signal, signalOf(done)]));
			over.abort();
			await done;
			if (!isKilled) await this.kill();
			onStep();
		}
		await this.operate();
		await this.becomes(name, result);
		return lives;
	}

	/** What `crash` does, without a crash. */
	async undisturbed(name: string, act: Act, expected: Snapshot): Promise<void> {
		await act(this.api, name);
		await this.becomes(name, expected);
	}

	/** What was stored since the last `crash` or `rehearse` began that is neither of this installation nor a CRD. */
	writesElsewhere(name: string): readonly string[] {
		return this.#proxy.writes.filter(
			(write) => !write.includes(name) && !write.includes('/customresourcedefinitions/'),
		);
	}

	/** Waits until Istio's CRDs are gone for the API server and for the running operator. */
	async untilNoCrds(): Promise<void> {
		let left: readonly KubeObject[] = [];
		let nudgedAt = performance.now();
		try {
			await eventually('no CRD of Istio is left', async () => {
				const { items } = await this.api.list<KubeObject>(kinds.CustomResourceDefinition);
				left = items.filter(({ metadata }) => metadata.name.endsWith('.istio.io'));
				if (performance.now() - nudgedAt > nudgeCrdsMs) {
					nudgedAt = performance.now();
					await this.#nudge(left.filter(({ metadata }) => metadata.deletionTimestamp !== undefined));
				}
				return left.length === 0;
			});
		} catch (error) {
			const stuck = left.map(({ metadata, status }) =>
				JSON.stringify({ ...metadata, managedFields: undefined, status }),
			);
			throw new Error([(error as Error).message, ...stuck, ...this.#proxy.writes].join('\n'), { cause: error });
		}
		await this.kill();
		await this.operate();
	}

	/** Changes them, which has the API server look at them again. */
	async #nudge(crds: readonly KubeObject[]): Promise<void> {
		const annotations = { 'example.com/nudged-at': new Date().toISOString() };
		for (const crd of crds)
			await orAbsent(this.api.patch(referenceOf(crd), { metadata: { annotations } }, { type: 'merge' }));
	}

	/** resourceVersions of all CRDs. */
	async crdVersions(): Promise<Readonly<Record<string, string | undefined>>> {
		const { items } = await this.api.list<KubeObject>(kinds.CustomResourceDefinition);
		return Object.fromEntries(items.map(({ metadata: { name, resourceVersion } }) => [name, resourceVersion]));
	}

	/** Kills the running operator at a write, unless it is over before that comes. Returns whether it came. */
	async killAt(point: CrashPoint, over?: AbortSignal): Promise<boolean> {
		const operator = this.#running;
		const killed = this.#proxy.killAt(point, () => operator.kill());
		const timer = new AbortController();
		const signal = over === undefined ? timer.signal : AbortSignal.any([timer.signal, over]);
		const late = sleep(deadlineMs, undefined, { signal }).then(
			() => {
				throw new Error(
					`no write ${point.write} (${point.nth}.) came, but\n${this.#proxy.writes.join('\n')}\n${operator.log()}`,
				);
			},
			() => false,
		);
		const isKilled = await Promise.race([killed.then(() => true), late]);
		timer.abort();
		return isKilled;
	}

	/** Waits until a pass of the running operator has left an installation as expected. */
	async becomes(name: string, expected: Snapshot): Promise<void> {
		const operator = this.#running;
		for (let passes = 0; ; ) {
			const exists = (await orAbsent(readInstallation(this.api, name))) !== undefined;
			if (exists || passes > 0) {
				const known = passes;
				await operator.until(`a pass over ${name}`, () => operator.passesOf(name) > known);
			}
			passes = operator.passesOf(name);
			const installation = await orAbsent(readInstallation(this.api, name));
			if (!isInstallationAsIn(expected, installation, name)) continue;
			if (isDeepStrictEqual(await takeSnapshot(this.api, name), expected)) return;
		}
	}

	get #running(): FollowedOperator {
		if (this.#operator === undefined) throw new Error('no operator was started');
		return this.#operator;
	}

	/** Kills the running operator. The next one may come. */
	async kill(): Promise<void> {
		await this.#running.kill();
		await this.#proxy.revive();
	}

	async stop(): Promise<void> {
		await this.#operator?.kill();
		await this.#proxy.stop();
		await this.#mesh.stop();
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}
}

/** Aborted when something is settled. */
function signalOf(promise: Promise<unknown>): AbortSignal {
	const settled = new AbortController();
	const abort = () => settled.abort();
	promise.then(abort, abort);
	return settled.signal;
}

function isNoStatus({ write }: CrashPoint): boolean {
	return !write.includes('/status ');
}

function isInstalled(status: ParsedStatus | undefined, generation: number | undefined): boolean {
	return (
		status?.inventory?.hash !== undefined &&
		status.conditions?.some(
			({ type, status: value, observedGeneration }) =>
				type === 'Installed' && value === 'True' && observedGeneration === generation,
		) === true
	);
}
