/**
 * Whether the new pods find room beside the old ones. Deployments roll one after another, a pod at a time, so one more pod
 * of each must fit: on a node, into the quotas of the namespace, between the limits of its LimitRanges.
 */
import type { KubeObject } from '../../runtime/object.ts';
import { found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';
import type { Amounts, SeenNode } from './gathered.ts';
import { amountOf, fieldsAt, listAt, mayRunOn, type Rolled, requestsOf, totalOf } from './pods-of.ts';

const none: Amounts = { cpu: 0, memory: 0, pods: 0 };
/** Sums of floating point differ in the last digits. */
const tiny = 1e-6;

export function checkNodes(
	rolled: readonly Rolled[],
	nodes: readonly SeenNode[],
	used: ReadonlyMap<string, Amounts>,
): readonly UpgradeFinding[] {
	// Then the present version does not run either.
	if (nodes.length === 0)
		return [found('not-looked-at', 'room on the nodes', 'could not be looked at, since there is no node')];
	return rolled
		.filter(({ surges }) => surges)
		.flatMap(({ title, pod }) => {
			const wanted = requestsOf(pod);
			const possible = nodes.filter((node) => mayRunOn(pod, node));
			const hasRoom = possible.some(({ name, allocatable }) => {
				const taken = used.get(name) ?? none;
				return (['cpu', 'memory', 'pods'] as const).every(
					(what) => taken[what] + wanted[what] <= allocatable[what] + tiny,
				);
			});
			if (hasRoom) return [];
			const what = `${describeAmounts(wanted)} for one more pod`;
			return [
				found(
					'no-room',
					title,
					possible.length === 0
						? `needs ${what}, and none of ${nodes.length} nodes takes it, by its labels and taints`
						: `needs ${what}, and none of the ${possible.length} nodes that take it has so much left`,
				),
			];
		});
}

function describeAmounts({ cpu, memory }: Pick<Amounts, 'cpu' | 'memory'>): string {
	return `${Math.ceil(cpu * 1000)}m of CPU and ${Math.ceil(memory / 2 ** 20)}Mi of memory`;
}

/** What a pod adds to each figure of a quota (kubernetes `pkg/quota/v1/evaluator/core/pods.go`). */
function addedBy(pod: Rolled['pod'], figure: string): number | undefined {
	switch (figure) {
		case 'pods':
		case 'count/pods':
			return 1;
		case 'cpu':
		case 'memory':
			return totalOf(pod, 'requests', figure);
		case 'requests.cpu':
		case 'requests.memory':
			return totalOf(pod, 'requests', figure.slice('requests.'.length));
		case 'limits.cpu':
		case 'limits.memory':
			return totalOf(pod, 'limits', figure.slice('limits.'.length));
		default:
			return undefined;
	}
}

export function checkQuotas(rolled: readonly Rolled[], quotas: readonly KubeObject[]): readonly UpgradeFinding[] {
	return quotas.filter(isForAllPods).flatMap(({ metadata, spec, status }) => {
		const hard = fieldsAt(spec, 'hard');
		const used = fieldsAt(status, 'used');
		const subject = `ResourceQuota ${metadata.namespace}/${metadata.name}`;
		return Object.entries(hard).flatMap(([figure, most]) => {
			const tight = rolled.flatMap(({ title, pod, surges }) => {
				const added = addedBy(pod, figure);
				const isTight = surges && added !== undefined && amountOf(used[figure]) + added > amountOf(most) + tiny;
				return isTight ? [title] : [];
			});
			if (tight.length === 0) return [];
			const message = `allows ${figure} ${String(most)}, of which ${String(used[figure] ?? '0')} are used: one more pod of ${tight.join(', ')} does not fit`;
			return [found('quota-exceeded', subject, message)];
		});
	});
}

/** A quota with scopes counts some pods only. Of these the scopes that the pods of a control plane have are known. */
function isForAllPods({ spec }: KubeObject): boolean {
	const { scopes = [], scopeSelector } = fieldsAt({ spec }, 'spec');
	const isOurs = (scope: unknown) => scope === 'NotTerminating' || scope === 'NotBestEffort';
	return scopeSelector === undefined && Array.isArray(scopes) && scopes.every(isOurs);
}

export function checkLimitRanges(rolled: readonly Rolled[], ranges: readonly KubeObject[]): readonly UpgradeFinding[] {
	return ranges.flatMap(({ metadata, spec }) => {
		const subject = `LimitRange ${metadata.namespace}/${metadata.name}`;
		return listAt(fieldsAt({ spec }, 'spec'), 'limits').flatMap((range) =>
			rolled.flatMap(({ title, pod }) =>
				problemsOf(range, pod).map((problem) => found('limit-range', subject, `refuses pods of ${title}: ${problem}`)),
			),
		);
	});
}

/** As the admission plugin LimitRanger does: what is not set is filled in first (`plugin/pkg/admission/limitranger`). */
function problemsOf(range: Readonly<Record<string, unknown>>, pod: Rolled['pod']): readonly string[] {
	const figures = (['cpu', 'memory'] as const).map((resource) => ({
		resource,
		min: fieldsAt(range, 'min')[resource],
		max: fieldsAt(range, 'max')[resource],
	}));
	if (range.type === 'Pod') {
		return figures.flatMap(({ resource, min, max }) => [
			...(max !== undefined && totalOf(pod, 'limits', resource) > amountOf(max) + tiny
				? [`together their limits of ${resource} are above ${String(max)}`]
				: []),
			...(min !== undefined && totalOf(pod, 'requests', resource) < amountOf(min) - tiny
				? [`together their requests of ${resource} are below ${String(min)}`]
				: []),
		]);
	}
	if (range.type !== 'Container') return [];
	return [...listAt(pod, 'initContainers'), ...listAt(pod, 'containers')].flatMap((container) =>
		figures.flatMap(({ resource, min, max }) => {
			const limit = fieldsAt(container, 'resources', 'limits')[resource] ?? fieldsAt(range, 'default')[resource] ?? max;
			const request =
				fieldsAt(container, 'resources', 'requests')[resource] ??
				fieldsAt(container, 'resources', 'limits')[resource] ??
				fieldsAt(range, 'defaultRequest')[resource] ??
				limit;
			const name = `container ${String(container.name)}`;
			return [
				...(max !== undefined && Math.max(amountOf(limit), amountOf(request)) > amountOf(max) + tiny
					? [`${name} has more ${resource} than ${String(max)}`]
					: []),
				...(min !== undefined && request !== undefined && amountOf(request) < amountOf(min) - tiny
					? [`${name} asks for less ${resource} than ${String(min)}`]
					: []),
			];
		}),
	);
}
