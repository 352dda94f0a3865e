/**
 * A mesh that has joined a cluster whose API server stands behind a hostile proxy, and the operator as it is shipped, in a
 * process of its own. What the operator costs is looked at from outside.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { Child } from '../../operator/apply/child.ts';
import { applySetId } from '../../operator/render/index.ts';
import type { LeaseSpec } from '../../operator/runtime/election/decision.ts';
import type { Lease } from '../../operator/runtime/election/lease.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { objectKey } from '../../operator/runtime/object.ts';
import {
	installation,
	openStage,
	operatorNamespace,
	type RunningOperator,
	type Stage,
	type StageOptions,
	startOperator,
	until,
} from '../bench/stage.ts';
import { timeRepair } from '../bench/time-repair.ts';
import { startCluster } from '../control-plane/cluster.ts';
import { administratorOf, entry, flatKubeconfig, giveKubeconfig } from '../support/joined.ts';
import type { ModeName } from './modes.ts';
import { type Deeds, type HostileProxy, startHostileProxy } from './start-hostile-proxy.ts';

const mesh = 'attacked';
const cluster = 'hostile';
/** Enough objects at home that none is repaired so often that its repairs are slowed down. */
const components = {
	gateways: { ingress: { enabled: true }, egress: { enabled: true } },
};
/**
 * Not bindings: a writer without `bind` waits for the API server at each write of one, which is not the operator's time.
 */
const repairedKinds: ReadonlySet<string> = new Set([
	'ServiceAccount',
	'Role',
	'ClusterRole',
	'ConfigMap',
	'Service',
	'Deployment',
]);
/** Repairs of one object that follow each other faster than each 2 s, many times, are slowed down. There are twelve. */
const betweenRepairsMs = 100;
/** Health is asked this often. */
const sampleMs = 50;

export interface Samples {
	/** The slowest answer of `/healthz`. */
	healthMs: number;
	/** The most that was resident, megabytes (10⁶ bytes). */
	rssMB: number;
}

type ClusterStatus = NonNullable<ParsedStatus['clusters']>[number];

export interface Scene extends AsyncDisposable {
	readonly operator: RunningOperator;
	/** Answers in this mode from now on. Returns what was done in the mode before. */
	become(mode: ModeName | 'good'): Promise<Deeds>;
	/** How many requests the mode has answered so far. */
	answered(): Promise<number>;
	/** Lets the cluster's API server take as much of the processor as it took before, and otherwise go on as it does. */
	burn(spent: Deeds['spent']): Promise<void>;
	/** Writes the kubeconfig anew, so that the operator connects at once. */
	touch(): Promise<void>;
	/** The condition of the cluster. */
	condition(type: string): NonNullable<ClusterStatus['conditions']>[number] | undefined;
	/** Waits until the cluster is reached and joined. */
	untilWell(): Promise<void>;
	/** Times how long a change of each of our objects at home lives, one after the other. Milliseconds. */
	repairs(amount: { readonly count: number } | { readonly ms: number }): Promise<readonly number[]>;
	/** The Lease that the operator holds. */
	lease(): Promise<LeaseSpec>;
	/** Looks at the operator until the end of the work. */
	watched<T>(work: () => Promise<T>): Promise<Samples & { readonly result: T }>;
}

export async function openScene(options: StageOptions = {}): Promise<Scene> {
	await using started = new AsyncDisposableStack();
	const stage = started.use(await openStage(options));
	const other = started.use(await startCluster({ parts: 'api-server' }));
	const proxy = started.use(await startHostileProxy(administratorOf(other)));
	const operator = started.use(await startOperator(stage, { flags: ['--leader-elect', '--allow-loopback-clusters'] }));
	const scene = new OpenScene(stage, proxy, operator);
	await scene.join();
	const all = started.move();
	return Object.assign(scene, { [Symbol.asyncDispose]: () => all.disposeAsync() });
}

class OpenScene {
	readonly operator: RunningOperator;
	readonly #stage: Stage;
	readonly #proxy: HostileProxy;
	#touched = 0;
	#repaired = 0;

	constructor(stage: Stage, proxy: HostileProxy, operator: RunningOperator) {
		this.#stage = stage;
		this.#proxy = proxy;
		this.operator = operator;
	}

	async join(): Promise<void> {
		await this.touch();
		const clusters = [
			entry(cluster, 1, {
				serviceCIDRs: ['172.22.0.0/24'],
				dataPlane: { enabled: true, controlPlaneAddresses: ['192.0.2.10'] },
			}),
		];
		const multiCluster = {
			clusterName: 'home',
			podCIDRs: ['172.21.0.0/24'],
			serviceCIDRs: ['172.23.0.0/24'],
			clusters,
		};
		await this.#stage.user.create(installation(mesh, '1.4.10', { ...components, multiCluster }), {
			fieldManager: 'user',
		});
		await until(
			'the installation is stored',
			() => this.#status?.conditions?.some(({ type, status }) => type === 'Installed' && status === 'True') === true,
		);
		await this.untilWell();
	}

	become(mode: ModeName | 'good'): Promise<Deeds> {
		return this.#proxy.become(mode);
	}

	answered(): Promise<number> {
		return this.#proxy.answered();
	}

	burn(spent: Deeds['spent']): Promise<void> {
		return this.#proxy.burn(spent);
	}

	async touch(): Promise<void> {
		// White space changes nothing but the text.
		const text = flatKubeconfig(this.#proxy.reachable) + ' '.repeat(++this.#touched);
		await giveKubeconfig(this.#stage.user, cluster, text);
	}

	get #status(): ParsedStatus | undefined {
		return this.#stage.seen.installations.get(mesh)?.status as ParsedStatus | undefined;
	}

	condition(type: string) {
		const told = this.#status?.clusters?.find(({ name }) => name === cluster);
		return told?.conditions?.find((condition) => condition.type === type);
	}

	async untilWell(): Promise<void> {
		const types = ['Reachable', 'Compatible', 'Joined'];
		await until(
			'the cluster is well',
			() => types.every((type) => this.condition(type)?.status === 'True'),
			120_000,
			50,
		).catch((error: Error) => {
			throw new Error(`${error.message}; ${JSON.stringify(types.map((type) => this.condition(type)))}`);
		});
	}

	async lease(): Promise<LeaseSpec> {
		const reference = { ...kinds.Lease, namespace: operatorNamespace, name: 'meshwright' };
		return (await this.#stage.user.get<Lease>(reference)).spec ?? {};
	}

	async repairs(amount: { readonly count: number } | { readonly ms: number }): Promise<readonly number[]> {
		const ours = this.#stage.seen.children
			.ofApplySet(applySetId(mesh))
			.filter(({ kind }) => repairedKinds.has(kind))
			.toSorted((a, b) => (objectKey(a) < objectKey(b) ? -1 : 1));
		const series: number[] = [];
		const startedAt = performance.now();
		const isOver = () =>
			'count' in amount ? series.length >= amount.count : performance.now() - startedAt >= amount.ms;
		while (!isOver()) {
			const child = ours[this.#repaired++ % ours.length] as Child;
			series.push(await timeRepair(this.#stage, child, false));
			await sleep(betweenRepairsMs);
		}
		return series;
	}

	#unwell(answer: string | Response): string {
		const how = typeof answer === 'string' ? answer : `it answers ${answer.status}`;
		const { hasExited, lastLines } = this.operator;
		return `/healthz: ${how}; the operator ${hasExited() ? 'has ended' : 'runs'}. Its last lines:\n${lastLines.join('\n')}`;
	}

	async watched<T>(work: () => Promise<T>): Promise<Samples & { readonly result: T }> {
		const samples: Samples = { healthMs: 0, rssMB: 0 };
		let isOver = false;
		const looking = (async () => {
			while (!isOver) {
				const startedAt = performance.now();
				const answer = await fetch(`http://127.0.0.1:${this.operator.healthPort}/healthz`).catch(String);
				if (typeof answer === 'string' || !answer.ok) throw new Error(this.#unwell(answer));
				samples.healthMs = Math.max(samples.healthMs, performance.now() - startedAt);
				samples.rssMB = Math.max(samples.rssMB, residentMB(this.operator));
				await sleep(sampleMs);
			}
		})();
		try {
			const result = await Promise.race([work(), looking.then(() => new Promise<never>(() => undefined))]);
			return { ...samples, result };
		} finally {
			isOver = true;
			await looking;
		}
	}
}

/** Reads the kernel's own file where there is one: asking `ps` each time would cost more than what is measured. */
function residentMB(operator: RunningOperator): number {
	try {
		const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${operator.pid}/status`, 'utf8')) ?? [];
		return (Number(kib) * 1024) / 1e6;
	} catch {
		return operator.rssMB();
	}
}
