/** Whether a mesh is as the operator says that it should be, by its status. Pure. */
import { type Reason, reasons } from '../../../api/v1/index.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import { type Condition, type InstallationView, isGood } from '../status-view.ts';
import type { CheckResult } from './result.ts';

/** Conditions that say the same as others, or nothing that a sentence could be made of. */
const untold: ReadonlySet<string> = new Set(['Reconciling']);

/** Reasons of conditions that are as they should be, but will not stay so. */
const passing: ReadonlySet<string> = new Set<Reason>(['CAExpiring', 'CAOutlived']);

export function checkStatus(view: InstallationView): readonly CheckResult[] {
	const { status, generation } = view;
	const { observedGeneration = -1, conditions = [], components = [] } = status;
	const observed: CheckResult = {
		name: 'mesh-observed',
		sentence: 'the operator has looked at its spec',
		...(observedGeneration === generation
			? { state: 'ok' }
			: {
					state: 'failed',
					detail: observedGeneration < 0 ? 'it has not looked yet' : 'it has not looked at the last change',
					hint: 'is the operator running, and does it lead? The lines above say so',
				}),
	};
	return [
		observed,
		...conditions.filter(({ type }) => !untold.has(type)).map(judgeCondition),
		...components.map((component) => judgeComponent(component, view.namespace)),
	];
}

function judgeCondition(condition: Condition): CheckResult {
	const { type, status, reason, message } = condition;
	const sentence = `condition ${type} is ${type === 'Stalled' ? 'not ' : ''}True`;
	const known: (typeof reasons)[Reason] | undefined = Object.hasOwn(reasons, reason)
		? reasons[reason as Reason]
		: undefined;
	const told = { detail: `${reason}: ${message}`, ...(known?.remedy ? { hint: known.remedy } : {}) };
	const named = { name: 'mesh-condition', sentence } as const;
	if (!isGood(condition)) return { ...named, state: status === 'Unknown' ? 'unknown' : 'failed', ...told };
	return passing.has(reason) ? { ...named, state: 'warning', ...told } : { ...named, state: 'ok' };
}

type Component = NonNullable<InstallationView['status']['components']>[number];

function judgeComponent({ name, ready = 0, desired = 0, reason, message }: Component, namespace: string): CheckResult {
	const named = { name: 'mesh-component', sentence: `${name} runs` } as const;
	const count = `${ready}/${desired} pods are ready`;
	if (reason === undefined && ready >= desired) return { ...named, state: 'ok', detail: count };
	return {
		...named,
		state: 'failed',
		detail: [count, message].filter((part) => part !== undefined).join('; '),
		hint: `kubectl -n ${namespace} describe pods`,
	};
}

/** Whether anything is known against the release of a mesh. */
export function checkRelease(version: string, findings: readonly UpgradeFinding[]): CheckResult {
	const named = { name: 'release-known', sentence: `nothing is known against Istio ${version}` } as const;
	const [first] = findings;
	if (first === undefined) return { ...named, state: 'ok' };
	const told = findings.map(({ name, subject, message }) => `${name}: ${subject} ${message}`);
	return { ...named, state: 'warning', detail: told.join('; '), hint: first.remedy };
}
