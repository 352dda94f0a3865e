/** What an overlay must not change: how the operator finds its objects, and what the rest of the operator relies on. */
import { isDeepStrictEqual } from 'node:util';
import { applySetLabel, isObject, managedByLabel } from '../../api/v1/index.ts';
import type { KubeObject } from '../runtime/object.ts';

/** A change that is not allowed. */
export interface Forbidden {
	/** Completes "must not …" and "… of Deployment istio-pilot". */
	readonly what: string;
	readonly remedy: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Inventory, pruning and the status know an object by these labels. */
const ownedLabels: ReadonlySet<string> = new Set([
	applySetLabel,
	managedByLabel,
	'app.kubernetes.io/instance',
	'app.kubernetes.io/component',
]);

const leave = 'Leave it as it is.';

/** Every forbidden difference between a rendered object and what a patch, which is not trusted, has made of it. */
export function findForbidden(rendered: KubeObject, after: Fields): readonly Forbidden[] {
	return [
		...['apiVersion', 'kind']
			.filter((field) => after[field] !== rendered[field])
			.map((field) => ({ what: `change ${field}`, remedy: leave })),
		...metadataChanges(rendered, after.metadata),
		...shapeChanges(rendered, after),
		...(specChanges[rendered.kind]?.(rendered, after) ?? []),
	];
}

/** Only labels and annotations of the metadata may change, and not the operator's own. */
function metadataChanges({ metadata }: KubeObject, after: unknown): readonly Forbidden[] {
	if (!isObject(after)) {
		return [{ what: 'take away metadata', remedy: leave }];
	}
	const before: Fields = { ...metadata };
	const names = new Set([...Object.keys(before), ...Object.keys(after)]);
	return [...names].flatMap((name): readonly Forbidden[] => {
		if (name === 'labels' || name === 'annotations') {
			return keyChanges(name, before[name], after[name]);
		}
		return isDeepStrictEqual(before[name], after[name])
			? []
			: [{ what: `change metadata.${name}`, remedy: 'Only metadata.labels and metadata.annotations can be changed.' }];
	});
}

function keyChanges(field: 'labels' | 'annotations', before: unknown, after: unknown): readonly Forbidden[] {
	if (after !== undefined && !(isObject(after) && Object.values(after).every((value) => typeof value === 'string'))) {
		return [
			{ what: `make metadata.${field} anything but a map of texts`, remedy: 'Put numbers and truths in quotes.' },
		];
	}
	const [old, now] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
	return [...new Set([...Object.keys(old), ...Object.keys(now)])]
		.filter((key) => isOwned(key) && own(old, key) !== own(now, key))
		.map((key) => ({
			what: `change metadata.${field}[${key}]`,
			remedy: 'Leave it as it is: the operator knows its objects by it.',
		}));
}

function isOwned(key: string): boolean {
	return ownedLabels.has(key) || /^([a-z0-9.-]+\.)?(meshwright\.io|applyset\.kubernetes\.io)\//.test(key);
}

/**
 * Fields at the top keep their form, because code that reads a rendered `spec` expects one. The status belongs to the
 * cluster.
 */
function shapeChanges(rendered: KubeObject, after: Fields): readonly Forbidden[] {
	return [
		...Object.keys(rendered)
			.filter((field) => !['apiVersion', 'kind', 'metadata'].includes(field))
			.filter((field) => shapeOf(own(after, field)) !== shapeOf(rendered[field]))
			.map((field) => ({ what: `take away or change the form of ${field}`, remedy: 'Change single fields in it.' })),
		...(Object.hasOwn(after, 'status') && !Object.hasOwn(rendered, 'status')
			? [{ what: 'set the status', remedy: 'Remove it: the cluster writes it.' }]
			: []),
	];
}

function shapeOf(value: unknown): string {
	return Array.isArray(value) ? 'list' : value === null ? 'null' : typeof value;
}

/** What must stay in kinds for which the operator has code of its own. */
const specChanges: Readonly<Record<string, (rendered: KubeObject, after: Fields) => readonly Forbidden[]>> = {
	Deployment: (rendered, after) => {
		const selector = at(rendered, 'spec', 'selector', 'matchLabels');
		const labels = at(after, 'spec', 'template', 'metadata', 'labels');
		return [
			...fixed(rendered, after, ['spec', 'selector'], 'It can not be changed, and Services find the pods by it.'),
			...fixed(
				rendered,
				after,
				['spec', 'replicas'],
				'Use the fields replicas and autoscaling of the component in the spec.',
			),
			...Object.entries(isObject(selector) ? selector : {})
				.filter(([key, value]) => !isObject(labels) || own(labels, key) !== value)
				.map(([key]) => ({
					what: `change the label ${key} in spec.template`,
					remedy: 'Leave it as it is: the pods are found by it.',
				})),
			...(hasContainers(after)
				? []
				: [{ what: 'leave spec.template without containers that have a name and an image', remedy: leave }]),
		];
	},
	HorizontalPodAutoscaler: (rendered, after) =>
		fixed(rendered, after, ['spec', 'scaleTargetRef'], 'It scales the component that it was made for.'),
};

function fixed(rendered: KubeObject, after: Fields, path: readonly string[], remedy: string): readonly Forbidden[] {
	return isDeepStrictEqual(at(rendered, ...path), at(after, ...path))
		? []
		: [{ what: `change ${path.join('.')}`, remedy }];
}

function hasContainers(deployment: Fields): boolean {
	const containers = at(deployment, 'spec', 'template', 'spec', 'containers');
	return (
		Array.isArray(containers) &&
		containers.length > 0 &&
		containers.every((container) => ['name', 'image'].every((field) => typeof at(container, field) === 'string'))
	);
}

function at(value: unknown, ...path: readonly string[]): unknown {
	return path.reduce<unknown>((parent, part) => (isObject(parent) ? own(parent, part) : undefined), value);
}

function own(parent: Fields, key: string): unknown {
	return Object.hasOwn(parent, key) ? parent[key] : undefined;
}
