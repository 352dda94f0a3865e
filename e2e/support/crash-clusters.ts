/**
 * Two clusters, a mesh in one that the other joins and leaves, and an operator that dies at any of its writes in either:
 * each API server has a proxy before it, and when one lets the operator die, nothing goes through the other any more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { remoteSecretsSinceAnnotation } from '../../api/v1/constants.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { issueCertificate, makeAuthority } from './certificate-authority.ts';
import { kubeconfigThrough } from './crash-kubeconfig.ts';
import { momentsOf } from './crash-moments.ts';
import { type CrashPoint, type CrashProxy, startCrashProxy } from './crash-proxy.ts';
import { eventually } from './eventually.ts';
import { allRecords } from './full-mesh.ts';
import { applyInstallation, liveChildren, readInstallation } from './installation.ts';
import {
	administratorOf,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	startJoiningOperator,
	startMeshClusters,
} from './joined.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import type { RunningOperator } from './operator.ts';
import { type TestClock, testClock } from './test-clock.ts';

type Side = 'home' | 'there';

/** A write in one of the two clusters. */
export interface ClusterCrashPoint extends CrashPoint {
	readonly side: Side;
}

/** Something that a person does, or that time brings. */
export interface ClusterAct {
	readonly begin: (stage: ClusterCrashStage) => Promise<unknown>;
	/** Called again and again until it is done: lets time pass where it has to. */
	readonly drive?: (stage: ClusterCrashStage) => Promise<unknown>;
	readonly isDone: (stage: ClusterCrashStage) => Promise<boolean>;
}

export interface ClusterRehearsal {
	readonly points: readonly ClusterCrashPoint[];
	readonly result: unknown;
}

/** Name of the cluster that joins. */
export const joiner = 'east';

/** When nothing was written for this time, the work is done. */
const quietMs = 200;
/** The same for a rehearsal, with more certainty: a later write would be missing in all comparisons with it. */
const rehearsalQuietMs = 1_500;
/** Pause between two looks at the cluster, because timers don't follow the moved clock. */
const nudgeMs = 150;

export class ClusterCrashStage implements AsyncDisposable {
	readonly home: MeshCluster;
	readonly there: MeshCluster;
	readonly clock: TestClock = testClock();
	readonly #proxies: Readonly<Record<Side, CrashProxy>>;
	readonly #kubeconfig: string;
	#operator: RunningOperator | undefined;

	private constructor(home: MeshCluster, there: MeshCluster, proxies: Record<Side, CrashProxy>, kubeconfig: string) {
		this.home = home;
		this.there = there;
		this.#proxies = proxies;
		this.#kubeconfig = kubeconfig;
	}

	/** Starts the clusters; the operator comes with the first `operate`. */
	static async start(): Promise<ClusterCrashStage> {
		const options = { auditLog: false } as const;
		const clusters = await startMeshClusters({ name: 'home', ...options }, { name: joiner, ...options });
		const [home, there] = clusters as [MeshCluster, MeshCluster];
		// A mesh of its own that lists nobody, so that it is told from here; its operator has nothing to do with this.
		await applyInstallation(there.api, 'mesh', multiCluster([], { clusterName: joiner }));
		const authority = await makeAuthority({ organisation: 'proxies' });
		const { certChain, key } = await issueCertificate(authority, ['127.0.0.1']);
		const proxies = {
			home: await startCrashProxy(home.cluster),
			there: await startCrashProxy(there.cluster, { cert: certChain, key }),
		};
		const reachable = { ...administratorOf(there.cluster), url: proxies.there.url, ca: authority.certificate };
		await giveKubeconfig(home.api, joiner, flatKubeconfig(reachable));
		const kubeconfig = await kubeconfigThrough(proxies.home, home.cluster, home.kubeconfig);
		return new ClusterCrashStage(home, there, proxies, kubeconfig);
	}

	async operate(): Promise<void> {
		this.#operator = await startJoiningOperator(this.home, {
			kubeconfig: this.#kubeconfig,
			wallClock: this.clock.now,
		});
	}

	/** Has the joined cluster looked at now. */
	async nudge(): Promise<void> {
		await this.home.api.patch(
			{ apiVersion: 'v1', kind: 'Secret', namespace: 'meshwright-system', name: `${joiner}-kubeconfig` },
			{ metadata: { annotations: { 'example.com/looked-at': String(performance.now()) } } },
			{ type: 'merge' },
		);
	}

	/** Lets the running operator work in peace, and records what it did. */
	async rehearse(act: ClusterAct): Promise<ClusterRehearsal> {
		for (const proxy of Object.values(this.#proxies)) proxy.forget();
		await act.begin(this);
		await this.#settle(act, rehearsalQuietMs);
		const points = Object.entries(this.#proxies).flatMap(([side, { writes }]) =>
			writes.flatMap((write, index) => {
				const nth = writes.slice(0, index + 1).filter((other) => other === write).length;
				if (!isPoint(writes, index)) return [];
				return momentsOf(index, isPoint(writes, index - 1)).map((when) => ({ side: side as Side, write, nth, when }));
			}),
		);
		return { points, result: await this.snapshot() };
	}

	/**
	 * Lets the operator die at a point of what an act sets off, where it comes, and another one go on. Throws, with what
	 * differs, when the end is not as expected. Returns whether the point came.
	 */
	async crash(act: ClusterAct, point: ClusterCrashPoint | undefined, expected: unknown): Promise<boolean> {
		for (const proxy of Object.values(this.#proxies)) proxy.forget();
		const killed = point === undefined ? new Promise<never>(() => undefined) : this.#killAt(point);
		await act.begin(this);
		const settled = this.#settle(act).then((isAlive) => (isAlive ? false : killed.then(() => true)));
		const isKilled = await Promise.race([killed.then(() => true), settled]);
		for (const proxy of Object.values(this.#proxies)) proxy.disarm();
		if (isKilled) {
			await this.operate();
			await this.#settle(act);
		}
		let found: unknown;
		try {
			await eventually(`the same end after ${JSON.stringify(point)}`, async () => {
				found = await this.snapshot();
				return isDeepStrictEqual(found, expected);
			});
		} catch (error) {
			throw new Error([(error as Error).message, ...differences(found, expected)].join('\n'), { cause: error });
		}
		return isKilled;
	}

	async #killAt({ side, ...point }: ClusterCrashPoint): Promise<void> {
		const { home, there } = this.#proxies;
		await this.#proxies[side].killAt(point, async () => {
			const dying = this.#operator;
			this.#operator = undefined;
			home.cut();
			there.cut();
			// It can't do anything any more; that it does not end in order is the purpose.
			await dying?.stop().catch(() => undefined);
			await (side === 'home' ? there : home).revive();
		});
	}

	/** Waits until an act is done and nothing more is written. False when the operator dies meanwhile. */
	async #settle(act: ClusterAct, quiet = quietMs): Promise<boolean> {
		const operator = this.#operator;
		try {
			await this.#untilDone(act, quiet);
			return this.#operator === operator;
		} catch (error) {
			const { status } = await readInstallation(this.home.api, 'mesh');
			const writes = Object.entries(this.#proxies).flatMap(([side, proxy]) =>
				proxy.writes.map((write) => `${side}: ${write}`),
			);
			const message = [(error as Error).message, ...writes, JSON.stringify(status, null, 1)].join('\n');
			throw new Error(message, { cause: error });
		}
	}

	async #untilDone(act: ClusterAct, quiet: number): Promise<void> {
		let nudgedAt = 0;
		const operator = this.#operator;
		await eventually('the operator is done', async () => {
			if (this.#operator !== operator) return true;
			if (performance.now() - nudgedAt > nudgeMs) {
				nudgedAt = performance.now();
				await act.drive?.(this);
			}
			if (!(await act.isDone(this))) return false;
			const before = this.#writes;
			await sleep(quiet);
			return before === this.#writes;
		});
	}

	get #writes(): number {
		return this.#proxies.home.writes.length + this.#proxies.there.writes.length;
	}

	/** What is there of the mesh in both clusters, and what the status says of them, in a form in which equal ends are equal. */
	async snapshot(): Promise<unknown> {
		const [home, there, records, { status }] = await Promise.all([
			liveChildren(this.home.api),
			liveChildren(this.there.api),
			allRecords(this.home),
			readInstallation(this.home.api, 'mesh'),
		]);
		return {
			home: describe(home),
			there: describe(there),
			published: records.filter(({ metadata }) => metadata.labels?.['istio/multiCluster'] === 'true').length,
			leftBehind: status?.leftBehind,
			clusters: status?.clusters?.map(({ conditions, ...rest }) => ({
				fields: Object.keys(rest).sort(),
				conditions: conditions?.map(({ type, status: value, reason }) => `${type} ${value} ${reason}`),
			})),
		};
	}

	async stop(): Promise<void> {
		await this.#operator?.stop();
		await Promise.all([this.#proxies.home.stop(), this.#proxies.there.stop()]);
		await Promise.all([this.home.stop(), this.there.stop()]);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.stop();
	}
}

/** Namespaces stay, so each is made once; and how often the status is told depends on what comes together. */
function isPoint(writes: readonly string[], index: number): boolean {
	const write = writes[index];
	return write !== undefined && !isNamespace(write) && (!isStatus(write) || writes.indexOf(write) === index);
}

function isNamespace(write: string): boolean {
	return /\/api\/v1\/namespaces\/[^/]+ by/.test(write);
}

function isStatus(write: string): boolean {
	return write.includes('/status ');
}

/** Lines that one has and the other has not. */
function differences(found: unknown, expected: unknown): readonly string[] {
	const [is, shouldBe] = [found, expected].map((value) => JSON.stringify(value, null, 1).split('\n'));
	return [
		...(is ?? []).filter((line) => !shouldBe?.includes(line)).map((line) => `it has ${line}`),
		...(shouldBe ?? []).filter((line) => !is?.includes(line)).map((line) => `it lacks ${line}`),
	];
}

interface AnyObject extends KubeObject {
	readonly data?: object;
	readonly rules?: unknown;
	readonly subjects?: unknown;
	readonly spec?: { readonly template?: { readonly metadata?: { readonly annotations?: object } } };
}

function describe(objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
	const entries = (objects as readonly AnyObject[]).map(({ metadata, data, rules, subjects, spec, ...object }) => [
		objectKey({ ...object, metadata }),
		{
			labels: metadata.labels,
			// Tells of the last roll-out for Secrets, after which clusters may have left.
			annotations: Object.keys(metadata.annotations ?? {})
				.filter((name) => name !== remoteSecretsSinceAnnotation)
				.sort(),
			owners: metadata.ownerReferences?.map(({ name }) => name),
			managers: [...new Set(metadata.managedFields?.map(({ manager }) => manager))].sort(),
			data: Object.keys(data ?? {}).sort(),
			rules,
			subjects,
			template: Object.keys(spec?.template?.metadata?.annotations ?? {}).sort(),
		},
	]);
	return Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)));
}
