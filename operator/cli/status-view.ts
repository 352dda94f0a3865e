/** Makes the lines of `status` for one installation, by plain functions. */
import { namespaceOf, type ParsedStatus, parseStatus, type Reason } from '../../api/v1/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { age, table } from './output.ts';
import { revisionText } from './tag/revision-text.ts';
import type { Paint } from './terminal.ts';
import { upgradeLines } from './upgrade/stage-lines.ts';

type Conditions = NonNullable<ParsedStatus['conditions']>;
export type Condition = Conditions[number];

/** An installation as the API server has it. A malformed status counts as missing. */
export interface InstallationView {
	readonly name: string;
	readonly generation: number;
	readonly version: string;
	readonly namespace: string;
	readonly profile: string;
	readonly deleting: boolean;
	readonly status: ParsedStatus;
}

export function viewOf(installation: KubeObject): InstallationView {
	const spec = (installation.spec ?? {}) as Readonly<Record<string, unknown>>;
	const text = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);
	return {
		name: installation.metadata.name,
		generation: installation.metadata.generation ?? 0,
		version: text(spec.version, ''),
		namespace: namespaceOf(installation),
		profile: text(spec.profile, 'minimal'),
		deleting: installation.metadata.deletionTimestamp !== undefined,
		status: parseStatus(installation.status).status ?? {},
	};
}

/** Whether it is ready, and the status is about the spec as it is now. */
export function isReady({ status, generation, deleting }: InstallationView): boolean {
	const ready = status.conditions?.find(({ type }) => type === 'Ready');
	return !deleting && ready?.status === 'True' && status.observedGeneration === generation;
}

/** `Reconciling` and `Stalled` mean trouble when True, all others when not. */
export function isGood({ type, status }: Condition): boolean {
	return type === 'Reconciling' || type === 'Stalled' ? status === 'False' : status === 'True';
}

/** Reasons of a condition that is not true yet and becomes true without anybody's help. */
const underway: ReadonlySet<string> = new Set<Reason>(['Progressing', 'Outdated']);

function mark(condition: Condition, paint: Paint): string {
	if (isGood(condition)) {
		return paint('green', '✔');
	}
	const isUnderway =
		condition.status === 'Unknown' || condition.type === 'Reconciling' || underway.has(condition.reason);
	return isUnderway ? paint('yellow', '…') : paint('red', '✘');
}

/** `✔ Ready  True  Installed  2m  all 5 objects are as asked`, one line per condition. */
function conditionLines(conditions: Conditions, now: number, paint: Paint): string[] {
	const rows = conditions.map((condition) => [
		condition.type,
		condition.status,
		condition.reason,
		age(condition.lastTransitionTime, now),
		condition.message,
	]);
	return table(rows)
		.split('\n')
		.flatMap((line, index) => {
			const condition = conditions[index];
			return condition === undefined ? [] : [`${mark(condition, paint)} ${line}`];
		});
}

function componentLines(components: NonNullable<ParsedStatus['components']>): string[] {
	const rows = components.map(({ name, ready, desired, version, image, reason, message, addresses }) => [
		name,
		`${ready ?? 0}/${desired ?? 0}`,
		version ?? '',
		image ?? '',
		[...(addresses ?? []), [reason, message].filter((part) => part !== undefined).join(': ')]
			.filter((part) => part !== '')
			.join(', '),
	]);
	return table([['COMPONENT', 'READY', 'VERSION', 'IMAGE', ''], ...rows]).split('\n');
}

/** Objects below their namespace. Cluster-scoped objects come first. */
export function objectTree(objects: readonly Pick<KubeObject, 'kind' | 'metadata'>[], paint: Paint): string[] {
	const byNamespace = Map.groupBy(objects, ({ metadata }) => metadata.namespace ?? '');
	return [...byNamespace.entries()]
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.flatMap(([namespace, members]) => {
			const names = members
				.map(
					({ kind, metadata }) =>
						`${kind}/${metadata.name}${metadata.deletionTimestamp === undefined ? '' : ' (going)'}`,
				)
				.sort();
			return [
				namespace === '' ? 'the cluster' : `namespace ${namespace}`,
				...names.map((name, index) => `${paint('dim', index === names.length - 1 ? '└─' : '├─')} ${name}`),
			];
		});
}

/** One line that names an installation and says how it is. */
export function headline(view: InstallationView, paint: Paint): string {
	const { status } = view;
	const phase = view.deleting ? 'Deleting' : (status.phase ?? 'Unknown');
	const word = paint(isReady(view) ? 'green' : view.deleting ? 'yellow' : 'red', phase);
	const ready = status.ready === undefined ? '' : ` (${status.ready} ready)`;
	const runs = status.version === undefined || status.version === view.version ? '' : `, ${status.version} runs`;
	return `${paint('bold', view.name)}: Istio ${view.version}${runs}, profile ${view.profile}, namespace ${view.namespace}: ${word}${ready}`;
}

export function installationLines(
	installation: KubeObject,
	objects: readonly Pick<KubeObject, 'kind' | 'metadata'>[],
	now: number,
	paint: Paint,
): string[] {
	const view = viewOf(installation);
	const { conditions = [], components = [], revisions = [] } = view.status;
	const changing = upgradeLines(view.status, paint);
	const indent = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);
	return [
		headline(view, paint),
		...(conditions.length === 0
			? ['  no conditions yet: is the operator running? (kubectl -n meshwright-system get pods)']
			: indent(conditionLines(conditions, now, paint))),
		...(changing.length === 0 ? [] : ['', ...indent(changing)]),
		...(revisions.length === 0 ? [] : ['', ...indent(revisions.map((one) => `revision ${revisionText(one)}`))]),
		...(components.length === 0 ? [] : ['', ...indent(componentLines(components))]),
		...(objects.length === 0 ? [] : ['', ...indent(objectTree(objects, paint))]),
	];
}

/** A line for each condition that is new or has changed. */
export function changedConditions(before: KubeObject | undefined, after: KubeObject, paint: Paint): string[] {
	const known = before === undefined ? [] : (viewOf(before).status.conditions ?? []);
	const current = viewOf(after).status.conditions ?? [];
	const gone = known.filter(({ type }) => !current.some((condition) => condition.type === type));
	return [
		...current
			.filter((condition) => {
				const old = known.find(({ type }) => type === condition.type);
				return old?.status !== condition.status || old.reason !== condition.reason || old.message !== condition.message;
			})
			.map(
				(condition) =>
					`${mark(condition, paint)} ${condition.type}=${condition.status} ${condition.reason}: ${condition.message}`,
			),
		...gone.map(({ type }) => `${paint('green', '✔')} ${type} is over`),
	];
}
