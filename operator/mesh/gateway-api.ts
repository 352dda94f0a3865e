/**
 * Looks what has become of the Gateways of the Gateway API for which istiod makes proxies, for the status and for `meshwright check`.
 *
 * The cost is bounded: one look for all meshes, some time after the first pass and then every two minutes, page by page, which
 * keeps a few words of each object, and ends after a while. Where the API is not there, or may not be read, nothing is told.
 */
import { isDeepStrictEqual } from 'node:util';
import type { ResolvedMesh } from '../releases/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../runtime/errors.ts';
import type { Kind } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import { isRecord, recordsIn } from '../runtime/object-shape.ts';
import type { GatewayApiObservation } from '../status/gateway-api.ts';

export const gatewayApiGroup = 'gateway.networking.k8s.io';
export const gatewayClassKind: Kind = {
	apiVersion: `${gatewayApiGroup}/v1`,
	kind: 'GatewayClass',
	plural: 'gatewayclasses',
	namespaced: false,
};
export const gatewayKind: Kind = {
	apiVersion: `${gatewayApiGroup}/v1`,
	kind: 'Gateway',
	plural: 'gateways',
	namespaced: true,
};

/** The names that istiod goes by (istio 1.30 `pkg/config/constants`). */
const controllers: readonly unknown[] = [
	'istio.io/gateway-controller',
	'istio.io/mesh-controller',
	'istio.io/eastwest-controller',
	'istio.io/unmanaged-gateway',
];

/** Of a GatewayClass of istiod, or of a Gateway. */
interface Seen {
	readonly name: string;
	/** Class of a Gateway. */
	readonly of: unknown;
	/** Why it is not accepted, or has no proxy. Undefined when all is well. */
	readonly trouble: string | undefined;
}

function seenOf(type: string, { metadata, spec, ...rest }: KubeObject): Seen {
	const conditions = recordsIn(isRecord(rest.status) ? rest.status.conditions : undefined);
	const { status, reason } = conditions.find((condition) => condition.type === type) ?? {};
	// A reason is one word; what is none is not told.
	const why = typeof reason === 'string' && /^[A-Za-z]{1,64}$/.test(reason) ? reason : 'nobody says why';
	return {
		name: metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`,
		of: isRecord(spec) ? (spec.gatewayClassName ?? spec.controllerName) : undefined,
		trouble: status === 'True' ? undefined : why,
	};
}

const mostNamed = 5;

function summaryOf(classes: readonly Seen[], gateways: readonly Seen[]): GatewayApiObservation {
	const own = classes.filter((one) => controllers.includes(one.of));
	const names: ReadonlySet<unknown> = new Set(own.map(({ name }) => name));
	const ours = gateways.filter((one) => names.has(one.of));
	const troubles = (kind: string, all: readonly Seen[]) =>
		all.flatMap(({ name, trouble }) => (trouble === undefined ? [] : [`${kind} ${name} (${trouble})`]));
	const [refused, open] = [troubles('GatewayClass', own), troubles('Gateway', ours)];
	return {
		classes: own.length,
		accepted: own.length - refused.length,
		gateways: ours.length,
		programmed: ours.length - open.length,
		troubles: [...open, ...refused].sort().slice(0, mostNamed),
	};
}

/** What has become of the Gateways whose classes are istiod's. Pure. */
export function summarizeGateways(
	classes: readonly KubeObject[],
	gateways: readonly KubeObject[],
): GatewayApiObservation {
	return summaryOf(
		classes.map((each) => seenOf('Accepted', each)),
		gateways.map((each) => seenOf('Programmed', each)),
	);
}

export interface GatewayApiLookOptions {
	readonly api: Pick<ApiServer, 'pages'>;
	/** The outcome of a look differs from the one before. */
	readonly onChange: (mesh: string) => void;
	readonly onError: (error: unknown) => void;
	/** How long after the first pass the first look comes. Default: half a minute. */
	readonly firstMs?: number;
	readonly everyMs?: number;
}

/** One look takes no longer than this. */
const lookMs = 15_000;
const pageSize = 50;
/** More Gateways are not looked at. */
const mostObjects = 5_000;

export class GatewayApiLook {
	readonly #options: GatewayApiLookOptions;
	readonly #meshes = new Set<string>();
	#found: GatewayApiObservation | 'none' | undefined;
	#timer: NodeJS.Timeout | undefined;
	#ended = new AbortController();
	#isStopped = false;

	constructor(options: GatewayApiLookOptions) {
		this.#options = options;
	}

	/** What the last look found: `none` where the API is not there. Undefined while none has ended. Begins to look at the first call. */
	of({ name, release: { gatewayApi } }: ResolvedMesh): GatewayApiObservation | 'none' | undefined {
		if (gatewayApi === undefined) {
			this.forget(name);
			return 'none';
		}
		if (this.#isStopped) return undefined;
		if (this.#meshes.size === 0) {
			this.#ended = new AbortController();
			this.#lookAfter(this.#options.firstMs ?? 30_000);
		}
		this.#meshes.add(name);
		return this.#found;
	}

	forget(mesh: string): void {
		if (this.#meshes.delete(mesh) && this.#meshes.size === 0) this.#end();
	}

	stop(): void {
		this.#isStopped = true;
		this.#end();
	}

	#end(): void {
		clearTimeout(this.#timer);
		this.#ended.abort();
		this.#found = undefined;
	}

	#lookAfter(afterMs: number): void {
		this.#timer = setTimeout(() => void this.#lookNow(this.#ended.signal), afterMs);
		this.#timer.unref();
	}

	async #lookNow(ended: AbortSignal): Promise<void> {
		const { onChange, onError, everyMs = 2 * 60_000 } = this.#options;
		try {
			const found = await this.#look(AbortSignal.any([ended, AbortSignal.timeout(lookMs)]));
			if (!ended.aborted && !isDeepStrictEqual(found, this.#found)) {
				this.#found = found;
				for (const mesh of this.#meshes) onChange(mesh);
			}
		} catch (error) {
			// What was found before stands until a look ends.
			if (!ended.aborted) onError(error);
		}
		if (!ended.aborted) this.#lookAfter(everyMs);
	}

	async #look(signal: AbortSignal): Promise<GatewayApiObservation | 'none'> {
		try {
			const classes = await this.#all(gatewayClassKind, 'Accepted', signal);
			return summaryOf(classes, await this.#all(gatewayKind, 'Programmed', signal));
		} catch (error) {
			if (isNotFound(error) || isForbidden(error)) return 'none';
			throw error;
		}
	}

	async #all(kind: Kind, type: string, signal: AbortSignal): Promise<readonly Seen[]> {
		const all: Seen[] = [];
		const read = (object: KubeObject) => seenOf(type, object);
		for await (const { items } of this.#options.api.pages<Seen>(kind, { limit: pageSize, read, signal })) {
			all.push(...items);
			if (all.length >= mostObjects) break;
		}
		return all;
	}
}
