/** Watches whether anybody answers behind a Service of somebody else. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, orAbsent } from '../../runtime/errors.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import type { KubeObject, ObjectName } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { Reflector } from '../../runtime/watch/reflector.ts';

/** Pods of a Service are replaced all the time. Only one without any for this long is told. */
export const deadAfterMs = 20_000;

export interface ServiceLookOptions {
	readonly api: ApiServer;
	readonly service: ObjectName;
	/** It has been without anybody who answers for long enough, or somebody answers again. */
	readonly onChange: () => void;
	/** It is known now that somebody answers, or that nobody here may know. */
	readonly onKnown: () => void;
	readonly onError: (error: unknown) => void;
}

export class ServiceLook {
	readonly #options: ServiceLookOptions;
	/** Whether an EndpointSlice has an endpoint that is ready, by its key. */
	readonly #slices: Reflector<boolean>;
	#timer: NodeJS.Timeout | undefined;
	#trouble: string | undefined;
	#isServiceRefused = false;
	#isStopped = false;

	constructor(options: ServiceLookOptions) {
		this.#options = options;
		const { api, service, onKnown, onError } = options;
		this.#slices = new Reflector<boolean>(api, {
			kind: kinds.EndpointSlice,
			namespace: service.namespace,
			labelSelector: `kubernetes.io/service-name=${service.name}`,
			transform: hasReadyEndpoint,
			onError: (error) => {
				if (isForbidden(error)) onKnown();
				else onError(error);
			},
		});
		this.#slices.addHandler(({ initial }) => {
			if (!initial) this.#look();
		});
		void this.#slices.synced.then(() => this.#look());
		this.#slices.start();
	}

	/** Why nobody answers, as the end of a sentence about the Service. Undefined while somebody does, or nobody knows. */
	get trouble(): string | undefined {
		return this.#trouble;
	}

	/** Whether it is known that somebody answers, or why nobody does. */
	get isKnown(): boolean {
		return this.#slices.hasSynced && this.#timer === undefined;
	}

	/** The kind that may not be read, without which nothing is known. */
	get refused(): Kind | undefined {
		if (isForbidden(this.#slices.failure)) return kinds.EndpointSlice;
		return this.#isServiceRefused ? kinds.Service : undefined;
	}

	stop(): void {
		this.#isStopped = true;
		clearTimeout(this.#timer);
		this.#slices.stop();
	}

	#look(): void {
		if (this.#isStopped) return;
		if ([...this.#slices.store.values()].some((isReady) => isReady)) {
			clearTimeout(this.#timer);
			this.#timer = undefined;
			if (this.#trouble === undefined) this.#options.onKnown();
			this.#tell(undefined);
		} else if (this.#timer === undefined && this.#trouble === undefined) {
			this.#findOutLater();
		}
	}

	#findOutLater(): void {
		this.#timer = setTimeout(() => void this.#findOut(), deadAfterMs);
		this.#timer.unref();
	}

	/** A Service of type ExternalName has no endpoints here, and may have somebody who answers. */
	async #findOut(): Promise<void> {
		const { api, service, onKnown, onError } = this.#options;
		const { apiVersion, kind } = kinds.Service;
		try {
			const found = await orAbsent(api.get<KubeObject>({ apiVersion, kind, ...service }));
			if (this.#timer === undefined || this.#isStopped) return;
			this.#timer = undefined;
			this.#isServiceRefused = false;
			if (found === undefined) this.#tell('does not exist');
			else if (!isRecord(found.spec) || found.spec.type !== 'ExternalName') this.#tell('has no endpoint that is ready');
		} catch (error) {
			if (this.#isStopped) return;
			this.#isServiceRefused = isForbidden(error);
			if (this.#isServiceRefused) onKnown();
			else onError(error);
			this.#findOutLater();
		}
	}

	#tell(trouble: string | undefined): void {
		if (trouble === this.#trouble) return;
		this.#trouble = trouble;
		this.#options.onChange();
	}
}

/** Whether an EndpointSlice has an endpoint that answers. */
export function hasReadyEndpoint({ endpoints }: KubeObject): boolean {
	return (
		Array.isArray(endpoints) &&
		endpoints.some((endpoint) => {
			const conditions = isRecord(endpoint) && isRecord(endpoint.conditions) ? endpoint.conditions : {};
			// When nothing is said, it is ready, as the API defines.
			return conditions.ready !== false;
		})
	);
}
