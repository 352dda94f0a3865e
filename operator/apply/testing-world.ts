/** Installations that a test applies to a real API server, each with its own namespace and cache. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiServer } from '../runtime/client/api-server.ts';
import type { KubeObject } from '../runtime/object.ts';
import { type ApplierOptions, type ApplyResult, applyInstallation } from './applier.ts';
import type { CrdMemory } from './apply-crds.ts';
import type { Owner } from './identity.ts';
import { emptyMemory, type InstallationMemory } from './installation-memory.ts';
import { type Desired, planInstallation } from './installation-plan.ts';
import { RepairLimit } from './repair-limit.ts';
import { labels, liveOf } from './testing.ts';
import type { ApplyNotice } from './writer.ts';

/** A pass that takes longer has failed. */
const deadlineMs = 60_000;

/** What is needed of a test: it calls this when it ends. */
interface Scope {
	teardown(end: () => Promise<void>): void;
}

/** How a test reaches its API server. */
export interface Connections {
	/** A connection of its own, which tells each request as `PATCH ConfigMap`. */
	readonly connect: (onRequest: (line: string) => void) => ApiServer;
	readonly admin: ApiServer;
}

/** Connections to the API server of a test's cluster. */
export function connectTo({
	url,
	ca,
	adminToken: token,
}: {
	readonly url: string;
	readonly ca: string;
	readonly adminToken: string;
}): Connections {
	return {
		admin: new ApiServer({ url, ca, token }),
		connect: (onRequest) =>
			new ApiServer({ url, ca, token }, { observe: ({ method, kind = '' }) => onRequest(`${method} ${kind}`) }),
	};
}

/** The part of an operator's process that applies one installation. */
export class Process {
	readonly #api: ApiServer;
	readonly #admin: ApiServer;
	/** Wraps each request of applying, so that a test can make some of them fail. */
	around: <T>(request: () => Promise<T>) => Promise<T> = (request) => request();
	readonly #objects: () => readonly KubeObject[];
	readonly owner: Owner;
	readonly partOf: string;
	/** The requests of the last pass, each as `PATCH ConfigMap`. */
	readonly requests: string[] = [];
	readonly notices: ApplyNotice[] = [];
	readonly memory: InstallationMemory = emptyMemory();
	readonly crdMemory: CrdMemory = { applied: new Map(), newer: new Set(), foreign: new Map() };
	readonly #repairLimit = new RepairLimit();
	/** Every kind that was rendered once. */
	readonly #kinds = new Set<string>();
	recordedHash: string | undefined;
	held: ReadonlyMap<string, string> = new Map();
	kept: ReadonlySet<string> = new Set();
	now = 0;

	constructor({ connect, admin }: Connections, name: string, objects: () => readonly KubeObject[]) {
		this.#api = connect((line) => this.requests.push(line));
		this.#admin = admin;
		this.#objects = objects;
		this.owner = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', name, uid: `uid-of-${name}` };
		this.partOf = `applyset-${name}-v1`;
	}

	/** One pass. The caches are up to date, as if the watches had just told everything. */
	async pass(): Promise<ApplyResult> {
		const options = await this.#options();
		this.requests.length = 0;
		this.notices.length = 0;
		const desired = { ...this.#desired(), held: this.held, kept: this.kept };
		return applyInstallation(options, desired, this.memory, AbortSignal.timeout(deadlineMs));
	}

	/**
	 * Makes passes until no gate is closed.
	 * @param onPass is called after each pass
	 */
	async settle(onPass: () => void = () => undefined): Promise<ApplyResult> {
		for (const end = performance.now() + deadlineMs; ; await sleep(50)) {
			const result = await this.pass();
			onPass();
			if (result.gate === undefined) return result;
			if (performance.now() > end) throw new Error(`${this.owner.name} does not come on: ${result.gate}`);
		}
	}

	async differences(): Promise<number> {
		const desired = { ...this.#desired(), held: this.held, kept: this.kept };
		return planInstallation(await this.#options(), desired, this.memory).differing;
	}

	async #options(): Promise<ApplierOptions> {
		for (const { kind } of this.#objects()) this.#kinds.add(kind);
		const api = this.#api;
		return {
			api: {
				apply: (...args) => this.around(() => api.apply(...args)),
				get: (...args) => this.around(() => api.get(...args)),
				getMetadata: (...args) => this.around(() => api.getMetadata(...args)),
				list: (...args) => this.around(() => api.list(...args)),
				delete: (...args) => this.around(() => api.delete(...args)),
				patch: (...args) => this.around(() => api.patch(...args)),
			},
			live: await liveOf(this.#admin, this.#kinds),
			repairLimit: this.#repairLimit,
			now: () => this.now,
			crdMemory: this.crdMemory,
			hooks: { onNotice: (notice) => this.notices.push(notice) },
		};
	}

	#desired(): Desired {
		const { owner, partOf, recordedHash } = this;
		return { owner, partOf, objects: this.#objects(), recordedHash };
	}

	reasons(): readonly string[] {
		return this.notices.map(({ reason }) => reason);
	}

	close(): Promise<void> {
		return this.#api.close();
	}
}

/** An installation whose objects a test may change while it runs. */
export class World {
	readonly #t: Scope;
	readonly #connections: Connections;
	readonly name: string;
	readonly #setLabels: Readonly<Record<string, string>>;
	objects: readonly KubeObject[] = [];

	constructor(t: Scope, connections: Connections, name: string) {
		this.#t = t;
		this.#connections = connections;
		this.name = name;
		this.#setLabels = {
			...labels,
			'app.kubernetes.io/instance': name,
			'applyset.kubernetes.io/part-of': `applyset-${name}-v1`,
		};
	}

	/**
	 * Gives a test object the names of this world: its namespace, its set, and a name of its own where it is cluster-scoped.
	 */
	place = (object: KubeObject): KubeObject => {
		const { metadata } = object;
		if (object.kind === 'CustomResourceDefinition') return object;
		if (object.kind === 'Namespace') return { ...object, metadata: { ...metadata, name: this.name } };
		return {
			...object,
			metadata: {
				...metadata,
				...(metadata.namespace === undefined ? { name: `${metadata.name}-${this.name}` } : { namespace: this.name }),
				labels: this.#setLabels,
			},
		};
	};

	set(objects: readonly KubeObject[]): void {
		this.objects = objects.map(this.place);
	}

	/** Starts a process without any memory. */
	start(recordedHash?: string): Process {
		const process = new Process(this.#connections, this.name, () => this.objects);
		process.recordedHash = recordedHash;
		this.#t.teardown(() => process.close());
		return process;
	}
}
