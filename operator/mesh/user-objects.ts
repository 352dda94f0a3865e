/**
 * Looks whether users' Istio objects are as their release reads them, since nobody checks them at admission. It tells how many
 * are not, and names some; `meshwright validate` says what is wrong with each.
 *
 * The cost is bounded: one look for all meshes of a release, a minute after the first pass and then every ten, which lists what
 * the operator may list anyway, page by page, keeps nothing of an object but its name, and ends after a while.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Lines } from '../lines/index.ts';
import type { ObjectKind, Release, ResolvedMesh } from '../releases/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../runtime/errors.ts';
import { describeObject, type KubeObject } from '../runtime/object.ts';

export interface UserObjectsOptions {
	readonly api: Pick<ApiServer, 'pages'>;
	readonly lines: Lines;
	/** The outcome of a look differs from the one before. */
	readonly onChange: (mesh: string) => void;
	readonly onError: (error: unknown) => void;
	/** How long after the first pass the first look comes. Default: a minute. */
	readonly firstMs?: number;
	readonly everyMs?: number;
}

export interface WrongObjects {
	/** How many are wrong among those that were looked at. */
	readonly count: number;
	/** Kinds and names of some. */
	readonly names: readonly string[];
}

/** One look takes no longer than this. */
const lookMs = 15_000;
/** A page is in memory as a whole, and whoever writes objects makes them as large as an API server lets him. */
const pageSize = 20;
/** More objects are not looked at. */
const mostObjects = 5_000;
const mostNames = 5;

interface Look {
	readonly release: Release;
	readonly meshes: Set<string>;
	readonly ended: AbortController;
	found: WrongObjects | undefined;
	timer: NodeJS.Timeout | undefined;
}

export class UserObjects {
	readonly #options: UserObjectsOptions;
	readonly #looks = new Map<string, Look>();
	#isStopped = false;

	constructor(options: UserObjectsOptions) {
		this.#options = options;
	}

	/** What the last look found. Undefined while none has ended. Begins to look at the first call. */
	of(mesh: ResolvedMesh): WrongObjects | undefined {
		// A Pilot that serves another cluster reads the objects there.
		const isElsewhere = this.#options.lines.of(mesh).servedCluster(mesh) !== undefined;
		if (this.#isStopped) return undefined;
		if (isElsewhere) {
			this.forget(mesh.name);
			return { count: 0, names: [] };
		}
		const { release, name } = mesh;
		for (const look of this.#looks.values()) if (look.release.version !== release.version) this.#leave(name, look);
		let look = this.#looks.get(release.version);
		if (look === undefined) {
			look = { release, meshes: new Set(), ended: new AbortController(), found: undefined, timer: undefined };
			this.#looks.set(release.version, look);
			this.#lookAfter(look, this.#options.firstMs ?? 60_000);
		}
		look.meshes.add(name);
		return look.found;
	}

	forget(mesh: string): void {
		for (const look of this.#looks.values()) this.#leave(mesh, look);
	}

	stop(): void {
		this.#isStopped = true;
		for (const look of this.#looks.values()) this.#end(look);
	}

	#leave(mesh: string, look: Look): void {
		if (look.meshes.delete(mesh) && look.meshes.size === 0) this.#end(look);
	}

	#end(look: Look): void {
		clearTimeout(look.timer);
		look.ended.abort();
		this.#looks.delete(look.release.version);
	}

	#lookAfter(look: Look, afterMs: number): void {
		look.timer = setTimeout(() => void this.#lookNow(look), afterMs);
		look.timer.unref();
	}

	async #lookNow(look: Look): Promise<void> {
		const { api, lines, onChange, onError, everyMs = 10 * 60_000 } = this.#options;
		const { ended, release } = look;
		try {
			const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(lookMs)]);
			const found = await findWrongObjects(api, lines, release, signal);
			if (!ended.signal.aborted && !isDeepStrictEqual(found, look.found)) {
				const isNews = found.count > 0 || look.found !== undefined;
				look.found = found;
				if (isNews) for (const mesh of look.meshes) onChange(mesh);
			}
		} catch (error) {
			// What was found before stands until a look ends.
			if (!ended.signal.aborted) onError(error);
		}
		if (!ended.signal.aborted) this.#lookAfter(look, everyMs);
	}
}

/** Lists the objects of all kinds whose fields are known. Kinds that are not there, or may not be listed, are left out. */
export async function findWrongObjects(
	api: Pick<ApiServer, 'pages'>,
	lines: Lines,
	release: Release,
	signal: AbortSignal,
): Promise<WrongObjects> {
	const line = lines.of(release);
	const isKnown = ({ apiVersion, kind }: ObjectKind) =>
		line.checkObject(release, { apiVersion, kind }).kind === 'checked';
	const names: string[] = [];
	let [count, seen] = [0, 0];
	const read = (object: KubeObject): undefined => {
		seen++;
		const check = line.checkObject(release, object);
		if (check.kind !== 'checked' || check.findings.length === 0) return;
		count++;
		if (names.length < mostNames) names.push(describeObject(object));
	};
	for (const kind of line.objectKinds(release).filter(isKnown)) {
		try {
			for await (const _ of api.pages<undefined>(kind, { limit: pageSize, read, signal })) {
				if (seen >= mostObjects) return { count, names };
			}
		} catch (error) {
			if (!isForbidden(error) && !isNotFound(error)) throw error;
		}
	}
	return { count, names };
}
