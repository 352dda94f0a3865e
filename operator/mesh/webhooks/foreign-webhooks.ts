/**
 * Finds webhooks of others that keep the pods of a mesh, and those that it injects, from being made: API servers must ask
 * them, and nobody answers. What an earlier installer has left behind is the usual case.
 *
 * The cost is bounded: one watch for each of two kinds in the whole cluster, begun with the first mesh, and one for each
 * Service behind a webhook that chooses pods of a mesh. Nothing is asked again while nothing changes.
 */

import { applySetLabel } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden } from '../../runtime/errors.ts';
import { type Kind, kinds, webhookKinds } from '../../runtime/kinds.ts';
import { type ObjectName, objectKey } from '../../runtime/object.ts';
import { Reflector } from '../../runtime/watch/reflector.ts';
import { ServiceLook } from './service-look.ts';
import { type PodPlace, type PodWebhook, placesOf, podWebhooksOf } from './webhook-facts.ts';

export interface ForeignWebhooksOptions {
	readonly api: ApiServer;
	/** Something is known that was not known before; all meshes should look. */
	readonly onChange: () => void;
	readonly onError: (error: unknown) => void;
}

interface Configuration {
	readonly partOf: string | undefined;
	readonly webhooks: readonly PodWebhook[];
}

/** More Services are not watched for one mesh. */
const mostServices = 16;
/** So many namespaces are named in a message. */
const mostNamed = 3;

export class ForeignWebhooks {
	readonly #options: ForeignWebhooksOptions;
	readonly #configurations: readonly Reflector<Configuration>[];
	readonly #looks = new Map<string, { readonly look: ServiceLook; readonly meshes: Set<string> }>();
	/** Whether a mesh goes on saying what was said before, until more is known. */
	#isAwaited = false;
	#isStarted = false;
	#isStopped = false;

	constructor(options: ForeignWebhooksOptions) {
		this.#options = options;
		const { api, onChange, onError } = options;
		this.#configurations = webhookKinds.map((kind) => {
			const reflector = new Reflector<Configuration>(api, {
				kind,
				transform: (object) => ({
					partOf: object.metadata.labels?.[applySetLabel],
					webhooks: podWebhooksOf(object),
				}),
				// Without the right nothing is told of this kind: `unseen` tells that.
				onError: (error) => {
					if (isForbidden(error)) this.#becameKnown();
					else onError(error);
				},
			});
			const isNews = (configuration: Configuration | undefined) => (configuration?.webhooks.length ?? 0) > 0;
			reflector.addHandler(({ old, current, initial }) => {
				if (!initial && (isNews(old) || isNews(current))) onChange();
			});
			void reflector.synced.then(() => {
				if ([...reflector.store.values()].some(isNews)) onChange();
				else this.#becameKnown();
			});
			return reflector;
		});
	}

	/**
	 * Sentences about the webhooks that keep pods from being made, sorted. Undefined while none is known and some may be.
	 * Begins to look at the first call.
	 * @param wasTold whether the mesh has told of some before
	 * @param isOurs whether an ApplySet is that of a mesh here: its injector is a component of that
	 */
	problemsOf(
		mesh: string,
		places: readonly PodPlace[],
		wasTold: boolean,
		isOurs: (partOf: string) => boolean,
	): readonly string[] | undefined {
		if (this.#isStopped) return undefined;
		if (!this.#isStarted) {
			this.#isStarted = true;
			for (const reflector of this.#configurations) reflector.start();
		}
		const concerned = this.#configurations
			.flatMap(({ store }) => [...store.values()])
			.filter(({ partOf }) => partOf === undefined || !isOurs(partOf))
			.flatMap(({ webhooks }) => webhooks)
			.map((webhook) => ({ webhook, namespaces: placesOf(webhook, places) }))
			.filter(({ namespaces }) => namespaces.length > 0);
		this.#follow(
			mesh,
			concerned.map(({ webhook }) => webhook.service),
		);
		const problems = concerned
			.flatMap(({ webhook, namespaces }) => {
				const trouble = this.#looks.get(keyOf(webhook.service))?.look.trouble;
				return trouble === undefined ? [] : [sentence(webhook, namespaces, trouble)];
			})
			.sort();
		const isKnown =
			this.#configurations.every(({ hasSynced, failure }) => hasSynced || isForbidden(failure)) &&
			concerned.every(({ webhook }) => {
				const look = this.#looks.get(keyOf(webhook.service))?.look;
				return look === undefined || look.isKnown || look.refused !== undefined;
			});
		if (problems.length > 0 || isKnown) return problems;
		if (wasTold) this.#isAwaited = true;
		return undefined;
	}

	/** The kinds that may not be read, so that something may be wrong and is not told. */
	get unseen(): readonly Kind[] {
		const configurations = this.#configurations.flatMap(({ kind, failure }) => (isForbidden(failure) ? [kind] : []));
		const behind = [...this.#looks.values()].flatMap(({ look }) => look.refused ?? []);
		return [...new Set([...configurations, ...behind])];
	}

	#becameKnown(): void {
		if (!this.#isAwaited) return;
		this.#isAwaited = false;
		this.#options.onChange();
	}

	forget(mesh: string): void {
		this.#follow(mesh, []);
	}

	stop(): void {
		this.#isStopped = true;
		for (const reflector of this.#configurations) reflector.stop();
		for (const { look } of this.#looks.values()) look.stop();
		this.#looks.clear();
	}

	/** Watches these Services for a mesh, and no others. */
	#follow(mesh: string, services: readonly ObjectName[]): void {
		const all = new Map(services.map((service) => [keyOf(service), service]));
		const wanted = new Map([...all].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, mostServices));
		for (const [key, { look, meshes }] of this.#looks) {
			if (wanted.has(key) || !meshes.delete(mesh) || meshes.size > 0) continue;
			look.stop();
			this.#looks.delete(key);
		}
		const { api, onChange, onError } = this.#options;
		for (const [key, service] of wanted) {
			const known = this.#looks.get(key) ?? {
				look: new ServiceLook({ api, service, onChange, onKnown: () => this.#becameKnown(), onError }),
				meshes: new Set<string>(),
			};
			known.meshes.add(mesh);
			this.#looks.set(key, known);
		}
	}
}

function sentence(
	{ title, service: { namespace, name }, isConditional }: PodWebhook,
	namespaces: readonly string[],
	trouble: string,
): string {
	const more = namespaces.length - mostNamed;
	const where = `${namespaces.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
	const which = isConditional ? 'the new pods that its matchConditions choose' : 'every new pod';
	return `${title}, must be asked about ${which} in ${namespaces.length === 1 ? 'namespace' : 'namespaces'} ${where}, and its Service ${namespace}/${name} ${trouble}: delete the configuration if nobody needs it any more, or let its Service answer`;
}

function keyOf(service: ObjectName): string {
	return objectKey({ ...kinds.Service, ...service });
}
