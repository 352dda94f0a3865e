/** One pod of a node whose pods really run: its program as a process, from its start until it was told to end. */
import { randomInt } from 'node:crypto';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { isIstiodReady, launchIstiod } from './istiod-process.ts';
import type { RealIstio } from './locate.ts';
import { containerOf, type PodObject } from './mounted-pod.ts';
import { startProxy } from './proxy-process.ts';

/** A pod that is told to end is asked for so long by who has not heard of it yet. */
const unheardMs = 1_000;
const probeMs = 100;
/**
 * An API server keeps its connections to webhooks, and may ask by one at the very moment when istiod closes it. In a cluster that
 * moment is shorter than a request is on its way; through the process that plays the network here, on a busy machine, it is not. So
 * the network closes these connections when a question was answered a moment ago, and then istiod is told to end.
 */
const quiet = { sinceMs: 50, withinMs: 20_000 } as const;
/** The port of istiod's webhooks: whoever asks there waits for an answer. */
const webhookPort = 15_017;
/** An answer to an API server is longer, and what HTTP/2 says of itself is shorter. Bytes. */
const shortestAnswer = 150;

interface Program extends AsyncDisposable {
	readonly isReady: () => Promise<boolean>;
	readonly hasExited: () => boolean;
	/** Lets it end in order. */
	readonly terminate: () => Promise<void>;
	/** Ports of 127.0.0.1 by those of the pod. */
	readonly ports: Readonly<Record<number, number>>;
	readonly lines: readonly string[];
}

export interface Surroundings {
	readonly cluster: Cluster;
	readonly api: ApiServer;
	/** The programs of each line that there are. */
	readonly reals: readonly RealIstio[];
	/** A port of the loopback that leads to a Service, by its address in the cluster. */
	readonly doorTo: (address: string) => Promise<number>;
	/** Takes what went wrong. */
	readonly tell: (trouble: string) => void;
}

export class PodProcess {
	/** With its address. */
	readonly pod: PodObject;
	readonly #around: Surroundings;
	readonly #ending = new AbortController();
	readonly #started: Promise<void>;
	#program: Program | undefined;
	#isReady = false;
	#isAsked = true;
	readonly #connections = new Set<Duplex>();
	/** How many bytes had been sent to API servers when each of them asked last. */
	readonly #asked = new Map<Socket, number>();
	#askedAt = 0;

	constructor(pod: PodObject, around: Surroundings) {
		this.pod = { ...pod, status: { ...pod.status, podIP: podAddress(pod) } };
		this.#around = around;
		this.#started = this.#start().catch((error: Error) => this.#tell(`${error}: ${error.cause}`));
	}

	/** Whether Services lead to it. */
	get isServing(): boolean {
		return this.#isReady && this.#isAsked;
	}

	get isEnding(): boolean {
		return this.#ending.signal.aborted;
	}

	get lines(): readonly string[] {
		return this.#program?.lines ?? [];
	}

	/** Notes who asks it, when, and whether he has been answered. */
	note(connection: Duplex, port: number): void {
		this.#connections.add(connection);
		connection.on('data', () => {
			this.#askedAt = performance.now();
			if (port === webhookPort && connection instanceof Socket) this.#asked.set(connection, connection.bytesWritten);
		});
		connection.once('close', () => this.#connections.delete(connection));
	}

	/** The port of 127.0.0.1 for one of the pod. */
	portOf(port: number): number | undefined {
		return this.#program?.ports[port];
	}

	/** Ends it as a kubelet does whose pod is deleted. Settled when the pod is gone. */
	async end(): Promise<void> {
		const { namespace = '', name, uid = '' } = this.pod.metadata;
		this.#ending.abort();
		const unheard = sleep(unheardMs).then(() => {
			this.#isAsked = false;
		});
		await this.#started;
		await sleep(preStopMs(this.pod));
		await this.#untilQuiet();
		for (const connection of this.#connections) connection.destroy();
		if (this.#program?.hasExited() === false) await this.#program.terminate();
		await unheard;
		await orAbsent(
			this.#around.api.delete({ ...kinds.Pod, namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } }),
		);
	}

	/** Ends the program at once. */
	async kill(): Promise<void> {
		this.#ending.abort();
		await this.#started;
		await this.#program?.[Symbol.asyncDispose]();
	}

	async #untilQuiet(): Promise<void> {
		const end = performance.now() + quiet.withinMs;
		const isAnswered = ([connection, sent]: readonly [Socket, number]) =>
			connection.destroyed || connection.bytesWritten - sent >= shortestAnswer;
		const isQuiet = () => performance.now() - this.#askedAt > quiet.sinceMs && [...this.#asked].every(isAnswered);
		while (!isQuiet() && performance.now() < end) await sleep(quiet.sinceMs / 5);
	}

	async #start(): Promise<void> {
		await this.#say(false);
		const { name } = this.pod.metadata;
		// What it mounts may not be there yet.
		const program = await eventually(`pod ${name} starts`, async () =>
			this.isEnding ? 'too late' : await startProgram(this.pod, this.#around),
		);
		if (program === 'too late') return;
		this.#program = program;
		while (!this.isEnding && !program.hasExited()) {
			if (await program.isReady().catch(() => false)) {
				this.#isReady = true;
				return this.#say(true);
			}
			await sleep(probeMs);
		}
		if (program.hasExited()) this.#tell(`it ended:\n${program.lines.slice(-20).join('\n')}`);
	}

	async #say(isReady: boolean): Promise<void> {
		const { namespace = '', name } = this.pod.metadata;
		const options = { fieldManager: 'played-kubelet', type: 'merge', subresource: 'status' } as const;
		await orAbsent(
			this.#around.api.patch({ ...kinds.Pod, namespace, name }, { status: podStatus(this.pod, isReady) }, options),
		);
	}

	#tell(trouble: string): void {
		this.#around.tell(`${this.pod.metadata.name}: ${trouble}`);
	}
}

/** Addresses of istiod by the ports of its pod. */
const istiodPorts = {
	8080: 'httpAddr',
	15010: 'grpcAddr',
	15012: 'secureGRPCAddr',
	15014: 'monitoringAddr',
	15017: 'httpsAddr',
} as const;

const nothing: Program = {
	ports: {},
	lines: [],
	isReady: async () => true,
	hasExited: () => false,
	terminate: async () => undefined,
	[Symbol.asyncDispose]: async () => undefined,
};

async function startProgram(pod: PodObject, { reals, cluster, doorTo }: Surroundings): Promise<Program> {
	if (hasContainer(pod, 'discovery')) {
		const istiod = await launchIstiod(realFor(reals, pod, 'discovery'), cluster, pod);
		const ports = Object.entries(istiodPorts).map(([port, address]) => [port, istiod.ports[address]]);
		return { ...istiod, ports: Object.fromEntries(ports), isReady: () => isIstiodReady(istiod) };
	}
	if (!hasContainer(pod, 'istio-proxy')) return nothing;
	const proxy = await startProxy(realFor(reals, pod, 'istio-proxy'), cluster, pod, await doorTo(discoveryOf(pod)));
	return { ...proxy, ports: { 15000: proxy.adminPort } };
}

/** Whom a proxy asks. What is Istio's own default is left out of its configuration (`pkg/kube/inject/template.go`, `protoToJSON`). */
function discoveryOf(pod: PodObject): string {
	const { env = [] } = containerOf(pod, 'istio-proxy');
	const read = (variable: string) => env.find(({ name }) => name === variable)?.value;
	const config = JSON.parse(read('PROXY_CONFIG') ?? '{}') as { readonly discoveryAddress?: string };
	return config.discoveryAddress ?? read('CA_ADDR') ?? '';
}

function hasContainer({ spec }: PodObject, name: string): boolean {
	return [...(spec.initContainers ?? []), ...spec.containers].some((container) => container.name === name);
}

/** The programs of the minor that a container's image is of. */
function realFor(reals: readonly RealIstio[], pod: PodObject, container: string): RealIstio {
	const { image = '' } = containerOf(pod, container);
	const found = reals.find(({ pins }) => image.includes(`:${pins.line}.`));
	if (found === undefined) throw new Error(`there are no programs for ${image}`);
	return found;
}

/** Proxies of other pods really reach a proxy at its address. API servers ask istiod through the pod, and never a loopback address. */
function podAddress(pod: PodObject): string {
	const rest = `${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
	return hasContainer(pod, 'istio-proxy') ? `127.${rest}` : `10.${rest}`;
}

function preStopMs({ spec }: PodObject): number {
	return Math.max(...spec.containers.map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0)) * 1_000;
}

function podStatus({ spec: { containers }, status }: PodObject, ready: boolean): object {
	return {
		phase: 'Running',
		podIP: status?.podIP,
		podIPs: [{ ip: status?.podIP }],
		conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
			type,
			status: type.endsWith('Ready') && !ready ? 'False' : 'True',
		})),
		containerStatuses: containers.map(({ name, image }) => ({
			name,
			image,
			imageID: '',
			restartCount: 0,
			ready,
			started: ready,
			state: { running: {} },
		})),
	};
}
