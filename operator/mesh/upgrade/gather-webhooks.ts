/** Looks for webhooks of others that must be asked about what an upgrade writes, and behind which nobody answers. */
import { managedByLabel, managedByValue } from '../../../api/v1/index.ts';
import { type Child, toChild } from '../../apply/child.ts';
import type { SeenWebhook } from '../../plan/upgrade/gathered.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { orAbsent } from '../../runtime/errors.ts';
import { type Kind, kindOf, kinds, webhookKinds } from '../../runtime/kinds.ts';
import { describeObject, type KubeObject, type ObjectName, objectKey } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { podPlaces } from '../webhooks/pod-places.ts';
import { hasReadyEndpoint } from '../webhooks/service-look.ts';
import {
	blockingWebhooksOf,
	isRuleAbout,
	type Labels,
	type PodWebhook,
	placesOf,
	podWebhooksOf,
	selects,
} from '../webhooks/webhook-facts.ts';
import type { LookingAt } from './look.ts';

const mostConfigurations = 500;
const mostNamespaces = 10_000;
const mostServices = 32;

/** Namespaces with their labels, as caches have them. */
export type KnownNamespaces = Parameters<typeof podPlaces>[3];

/**
 * @param objects what the new version renders
 * @param listed namespaces that the spec lists for injection. Undefined without an injector.
 * @param known the namespaces, where somebody knows them already
 */
export async function gatherWebhooks(
	at: LookingAt,
	mesh: ResolvedMesh,
	objects: readonly KubeObject[],
	listed: readonly string[] | undefined,
	known: KnownNamespaces | undefined,
): Promise<readonly SeenWebhook[]> {
	const places = podPlaces(mesh, objects, listed, known ?? (await namespacesIn(at)));
	const labels = places.find((place) => place.namespace === mesh.namespace)?.labels ?? {};
	const concerned = await concernedOf(at, (configuration) => [
		...podWebhooksOf(configuration).map((webhook) => ({ webhook, about: aboutPods(placesOf(webhook, places)) })),
		...aboutObjects(configuration, objects, labels),
	]);
	const troubles = new Map<string, string | undefined>();
	const found: SeenWebhook[] = [];
	for (const { webhook, about } of concerned) {
		const key = `${webhook.service.namespace}/${webhook.service.name}`;
		if (!troubles.has(key) && troubles.size >= mostServices) continue;
		if (!troubles.has(key)) troubles.set(key, await troubleOf(at, webhook.service));
		const trouble = troubles.get(key);
		if (trouble !== undefined) found.push({ title: webhook.title, about, trouble: `Service ${key} ${trouble}` });
	}
	return found;
}

/** A webhook, and what it must be asked about. */
interface Concerned {
	readonly webhook: PodWebhook;
	readonly about: string;
}

/** Keeps of each configuration what matters: whoever writes them makes them large. */
async function concernedOf(
	{ api, signal }: LookingAt,
	of: (configuration: KubeObject) => readonly { readonly webhook: PodWebhook; readonly about: string | undefined }[],
): Promise<readonly Concerned[]> {
	let seen = 0;
	const readInto =
		(found: Concerned[]) =>
		(configuration: KubeObject): undefined => {
			seen++;
			// Those of meshes are components, which answer for themselves.
			if (configuration.metadata.labels?.[managedByLabel] === managedByValue) return;
			for (const { webhook, about } of of(configuration)) if (about !== undefined) found.push({ webhook, about });
		};
	const look = async (kind: Kind): Promise<readonly Concerned[]> => {
		const found: Concerned[] = [];
		const read = readInto(found);
		for await (const _ of api.pages<undefined>(kind, { limit: 10, read, signal })) {
			if (seen >= mostConfigurations) break;
		}
		return found;
	};
	return (await Promise.all(webhookKinds.map(look))).flat();
}

async function namespacesIn({ api, signal }: LookingAt): Promise<KnownNamespaces> {
	const namespaces: Child[] = [];
	for await (const { items } of api.pages<KubeObject>(kinds.Namespace, { limit: 500, metadataOnly: true, signal })) {
		namespaces.push(
			...items.map((item) => toChild({ ...item, apiVersion: kinds.Namespace.apiVersion, kind: kinds.Namespace.kind })),
		);
		if (namespaces.length >= mostNamespaces) break;
	}
	const byKey = new Map(namespaces.map((namespace) => [objectKey(namespace), namespace]));
	return { get: (key) => byKey.get(key), ofKind: () => namespaces };
}

function aboutPods(namespaces: readonly string[]): string | undefined {
	if (namespaces.length === 0) return undefined;
	const more = namespaces.length - 3;
	return `new pods in namespace ${namespaces.slice(0, 3).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** The webhooks that are asked about the objects themselves. */
function aboutObjects(
	configuration: KubeObject,
	objects: readonly KubeObject[],
	namespaceLabels: Labels,
): readonly { readonly webhook: PodWebhook; readonly about: string | undefined }[] {
	const isAsked = (object: KubeObject, rule: Readonly<Record<string, unknown>>) =>
		isRuleAbout(rule, kindOf(object), 'CREATE', 'UPDATE');
	return blockingWebhooksOf(configuration, (rule) => objects.some((object) => isAsked(object, rule))).map((webhook) => {
		const asked = objects.filter(
			(object) =>
				blockingWebhooksOf(configuration, (rule) => isAsked(object, rule)).some(
					({ title }) => title === webhook.title,
				) &&
				(object.metadata.namespace === undefined || selects(webhook.namespaceSelector, namespaceLabels)) &&
				selects(webhook.objectSelector, object.metadata.labels ?? {}),
		);
		const [first] = asked;
		const more = asked.length > 1 ? ` and ${asked.length - 1} more` : '';
		return { webhook, about: first === undefined ? undefined : `${describeObject(first)}${more}` };
	});
}

/** Why nobody answers behind a Service. Undefined when somebody may. */
async function troubleOf({ api, signal }: LookingAt, { namespace, name }: ObjectName): Promise<string | undefined> {
	const labelSelector = `kubernetes.io/service-name=${name}`;
	const slices = await api.list<boolean>(kinds.EndpointSlice, {
		namespace,
		labelSelector,
		read: hasReadyEndpoint,
		signal,
	});
	if (slices.items.some((isReady) => isReady)) return undefined;
	const { apiVersion, kind } = kinds.Service;
	const service = await orAbsent(api.get<KubeObject>({ apiVersion, kind, namespace, name }, { signal }));
	if (service === undefined) return 'does not exist';
	// Somebody elsewhere may answer.
	return isRecord(service.spec) && service.spec.type === 'ExternalName' ? undefined : 'has no endpoint that is ready';
}
