/** What rendered Deployments ask of a cluster: requests and limits of a pod, where it may run, how many more there are. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { isObject, isQuantity, parseQuantity } from '../../../api/v1/index.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { Amounts, SeenNode } from './gathered.ts';

type Fields = Readonly<Record<string, unknown>>;

/** An amount of CPU or memory that anybody wrote. What can't be read counts as none. */
export function amountOf(value: unknown): number {
	return (typeof value === 'string' && isQuantity(value)) || typeof value === 'number' ? parseQuantity(value) : 0;
}

export function fieldsAt(value: unknown, ...path: readonly string[]): Fields {
	const found = path.reduce<unknown>(
		(parent, part) => (isObject(parent) && Object.hasOwn(parent, part) ? parent[part] : undefined),
		value,
	);
	return isObject(found) ? found : {};
}

export function listAt(fields: Fields, name: string): readonly Fields[] {
	const list = Object.hasOwn(fields, name) ? fields[name] : undefined;
	return Array.isArray(list) ? list.filter(isObject) : [];
}

/**
 * What the scheduler counts for a pod: the containers together, or the largest init container if that is more. Init
 * containers that go on (restartPolicy Always) count beside them.
 */
export function totalOf(pod: Fields, kind: 'requests' | 'limits', resource: string): number {
	const of = (container: Fields) => amountOf(fieldsAt(container, 'resources', kind)[resource]);
	const init = listAt(pod, 'initContainers');
	const together = [...listAt(pod, 'containers'), ...init.filter(({ restartPolicy }) => restartPolicy === 'Always')];
	const running = together.reduce((sum, container) => sum + of(container), 0);
	return Math.max(running, ...init.map(of)) + amountOf(fieldsAt(pod, 'overhead')[resource]);
}

export function requestsOf(pod: Fields): Amounts {
	return { cpu: totalOf(pod, 'requests', 'cpu'), memory: totalOf(pod, 'requests', 'memory'), pods: 1 };
}

/** A Deployment of the new version, as far as room for it is concerned. */
export interface Rolled {
	/** `Deployment istio-system/istio-pilot` */
	readonly title: string;
	readonly pod: Fields;
	/** Whether a new pod runs beside the old ones. */
	readonly surges: boolean;
}

/** @param before what runs. A Deployment whose pods stay as they are needs no room for others. */
export function rolledOf(objects: readonly KubeObject[], before: readonly KubeObject[] = []): readonly Rolled[] {
	const templates = new Map(before.map((object) => [objectKey(object), fieldsAt(object, 'spec', 'template')]));
	return objects
		.filter((object) => object.kind === 'Deployment')
		.filter((object) => !isDeepStrictEqual(templates.get(objectKey(object)), fieldsAt(object, 'spec', 'template')))
		.map(({ kind, metadata, spec }) => ({
			title: `${kind} ${metadata.namespace}/${metadata.name}`,
			pod: fieldsAt(spec, 'template', 'spec'),
			surges: surges(fieldsAt(spec, 'strategy')),
		}));
}

/** Kubernetes' default is a quarter of the pods, rounded up, so at least one. */
function surges(strategy: Fields): boolean {
	if (strategy.type === 'Recreate') return false;
	const { maxSurge = '25%' } = fieldsAt(strategy, 'rollingUpdate');
	return Number.parseInt(String(maxSurge), 10) > 0;
}

/** Whether the scheduler may put a pod on a node, apart from room: its selectors, required affinity, taints. */
export function mayRunOn(pod: Fields, node: SeenNode): boolean {
	if (!node.isSchedulable) return false;
	const selector = fieldsAt(pod, 'nodeSelector');
	if (Object.entries(selector).some(([key, value]) => labelOf(node, key) !== value)) return false;
	const required = fieldsAt(pod, 'affinity', 'nodeAffinity', 'requiredDuringSchedulingIgnoredDuringExecution');
	const terms = listAt(required, 'nodeSelectorTerms');
	if (terms.length > 0 && !terms.some((term) => isMet(term, node))) return false;
	const tolerations = listAt(pod, 'tolerations');
	return node.taints.every(
		(taint) => taint.effect === 'PreferNoSchedule' || tolerations.some((one) => tolerates(one, taint)),
	);
}

function isMet(term: Fields, node: SeenNode): boolean {
	return listAt(term, 'matchExpressions').every(({ key, operator, values }) => {
		const value = labelOf(node, String(key));
		const isListed = value !== undefined && Array.isArray(values) && values.includes(value);
		switch (operator) {
			case 'In':
				return isListed;
			case 'NotIn':
				return !isListed;
			case 'Exists':
				return value !== undefined;
			case 'DoesNotExist':
				return value === undefined;
			default:
				// Gt and Lt are rare. Nobody is refused because of them.
				return true;
		}
	});
}

function tolerates(toleration: Fields, taint: SeenNode['taints'][number]): boolean {
	const { key, operator = 'Equal', value = '', effect } = toleration;
	if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
	if (key === undefined || key === '') return operator === 'Exists';
	return key === taint.key && (operator === 'Exists' || value === taint.value);
}

function labelOf({ labels }: SeenNode, key: string): string | undefined {
	return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
