/**
 * The webhooks of others that are asked about every new pod of some namespaces, and keep it from being made when nobody
 * answers: what is read of their configurations, and whom they choose. Pure.
 */
import { type Kind, kinds } from '../../runtime/kinds.ts';
import { groupOf, type KubeObject, type ObjectName } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';

export type Labels = Readonly<Record<string, string>>;

/** A label selector (kubernetes `apimachinery/pkg/apis/meta/v1/types.go`). Undefined selects all. */
export type LabelSelector = Readonly<Record<string, unknown>> | undefined;

/** A webhook that is called through a Service, for new pods unless said otherwise, with failurePolicy Fail. */
export interface PodWebhook {
	/** `MutatingWebhookConfiguration istio-sidecar-injector, webhook sidecar-injector.istio.io` */
	readonly title: string;
	readonly service: ObjectName;
	readonly namespaceSelector: LabelSelector;
	readonly objectSelector: LabelSelector;
	/** Whether conditions of it decide too, which nobody evaluates here. */
	readonly isConditional: boolean;
}

/** A namespace with pods of the mesh, or with pods that the mesh injects. */
export interface PodPlace {
	readonly namespace: string;
	readonly labels: Labels;
	/** Labels of the pods that are made there. Of pods of others none are known. */
	readonly pods: readonly Labels[];
}

/** More than this of a configuration is not looked at. */
const mostWebhooks = 64;

/** The webhooks of a configuration that may keep pods from being made. The others are dropped. */
export function podWebhooksOf(configuration: KubeObject): readonly PodWebhook[] {
	return blockingWebhooksOf(configuration, isAboutNewPods);
}

/** The webhooks of a configuration without whose answer something is refused, if a rule of theirs is about it. */
export function blockingWebhooksOf(
	{ kind, metadata, webhooks }: KubeObject,
	isAbout: (rule: Readonly<Record<string, unknown>>) => boolean,
): readonly PodWebhook[] {
	return recordsIn(webhooks)
		.slice(0, mostWebhooks)
		.flatMap((webhook): readonly PodWebhook[] => {
			// The default of admissionregistration.k8s.io/v1 is Fail.
			if (webhook.failurePolicy === 'Ignore' || !recordsIn(webhook.rules).some(isAbout)) return [];
			const service = isRecord(webhook.clientConfig) ? webhook.clientConfig.service : undefined;
			// Behind a URL nobody here can look.
			if (!isRecord(service) || typeof service.namespace !== 'string' || typeof service.name !== 'string') return [];
			return [
				{
					title: `${kind} ${metadata.name}, webhook ${typeof webhook.name === 'string' ? webhook.name : ''}`,
					service: { namespace: service.namespace, name: service.name },
					namespaceSelector: selectorOf(webhook.namespaceSelector),
					objectSelector: selectorOf(webhook.objectSelector),
					isConditional: recordsIn(webhook.matchConditions).length > 0,
				},
			];
		});
}

/** The namespaces of these in which a webhook is asked about a pod. */
export function placesOf(webhook: PodWebhook, places: readonly PodPlace[]): readonly string[] {
	return places
		.filter(
			({ labels, pods }) =>
				selects(webhook.namespaceSelector, labels) && pods.some((pod) => selects(webhook.objectSelector, pod)),
		)
		.map(({ namespace }) => namespace);
}

/** Whether a selector chooses something with these labels. One that can't be read chooses nothing. */
export function selects(selector: LabelSelector, labels: Labels): boolean {
	if (selector === undefined) return true;
	const { matchLabels = {}, matchExpressions = [] } = selector;
	if (!isRecord(matchLabels) || !Array.isArray(matchExpressions)) return false;
	return (
		Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
		matchExpressions.every((requirement) => isRecord(requirement) && isMet(requirement, labels))
	);
}

function isMet({ key, operator, values }: Readonly<Record<string, unknown>>, labels: Labels): boolean {
	const actual = typeof key === 'string' ? labelOf(labels, key) : undefined;
	const isListed = Array.isArray(values) && values.includes(actual);
	switch (operator) {
		case 'In':
			return actual !== undefined && isListed;
		case 'NotIn':
			return actual === undefined || !isListed;
		case 'Exists':
			return actual !== undefined;
		case 'DoesNotExist':
			return actual === undefined;
		default:
			return false;
	}
}

function labelOf(labels: Labels, key: string): string | undefined {
	return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

export function isAboutNewPods(rule: Readonly<Record<string, unknown>>): boolean {
	return isRuleAbout(rule, kinds.Pod, 'CREATE') && has(rule.apiVersions, kinds.Pod.apiVersion, '*');
}

/**
 * Whether a rule of a webhook or policy is about one of these operations on a kind, whatever version of it
 * (kubernetes `apiserver/pkg/admission/plugin/webhook/predicates/rules/rules.go`).
 */
export function isRuleAbout(
	{ apiGroups, operations, resources }: Readonly<Record<string, unknown>>,
	{ apiVersion, plural }: Pick<Kind, 'apiVersion' | 'plural'>,
	...wanted: readonly ('CREATE' | 'UPDATE')[]
): boolean {
	return (
		has(apiGroups, groupOf(apiVersion), '*') && has(operations, ...wanted, '*') && has(resources, plural, '*', '*/*')
	);
}

function has(list: unknown, ...wanted: readonly string[]): boolean {
	return Array.isArray(list) && list.some((entry) => wanted.includes(entry as string));
}

function selectorOf(value: unknown): LabelSelector {
	return isRecord(value) ? value : undefined;
}
