/** The lines and data of a plan. Pure. */

import { tagOf } from '../../plan/upgrade/changes.ts';
import type { CheckedArea } from '../../plan/upgrade/check-upgrade.ts';
import { describeFinding, type JudgedFinding } from '../../plan/upgrade/insist.ts';
import type { UpgradePlan } from '../../plan/upgrade/plan.ts';
import { table } from '../output.ts';
import type { Paint } from '../terminal.ts';

/** The plan, and how to go on. */
export function planLines(plan: UpgradePlan, next: readonly string[], paint: Paint): readonly string[] {
	const { mesh, from, to } = plan;
	const title = from === undefined ? `MeshInstallation ${mesh}: ${to}` : `MeshInstallation ${mesh}: ${from} → ${to}`;
	return [
		paint('bold', title),
		'',
		...componentLines(plan),
		...stageLines(plan),
		...checkLines(plan, paint),
		'',
		...endLines(plan, next, paint),
	];
}

function componentLines(plan: UpgradePlan): readonly string[] {
	const { components, proxies } = plan;
	if (components.length === 0) return [];
	const rows = components.map(({ name, before, after, rolls }) => [
		name,
		versionsOf(before),
		versionsOf(after),
		after.length === 0 ? 'deleted' : before.length === 0 ? 'new' : rolls ? 'replaced' : 'stay',
		after.join(', '),
	]);
	return [
		...table([['COMPONENT', 'CURRENT', 'NEXT', 'PODS', 'IMAGES'], ...rows]).split('\n'),
		'',
		...(proxies.isKnown ? proxies.value : []).map(
			({ version, count, example }) =>
				`${count} ${count === 1 ? 'pod has' : 'pods have'} a proxy of ${version ?? 'unknown version'} (${example}${count === 1 ? '' : ' …'}) and ${count === 1 ? 'keeps' : 'keep'} it until restarted`,
		),
		...(proxies.isKnown && proxies.value.length > 0 ? [''] : []),
	];
}

/** The stages in their order, each after the one before is ready. */
function stageLines({ stages }: UpgradePlan): readonly string[] {
	if (stages.length === 0) return [];
	const rows = stages.map(({ stage, objects, rolls, clusters, isPaused }) => {
		const replaced = rolls.length === 0 ? [] : [`replaces the pods of ${rolls.join(', ')}`];
		const changed = objects === 0 ? [] : [`${objects} ${objects === 1 ? 'object changes' : 'objects change'}`];
		const follow = clusters.length === 0 ? [] : [`${clusters.join(', ')}, one after the other`];
		const told = [...changed, ...replaced, ...follow].join('; ');
		return [stage, isPaused ? `waits for an approval; ${told}` : told];
	});
	return [...table([['STAGE', 'WHAT IT DOES'], ...rows]).split('\n'), ''];
}

/** The tags of images: one for a release as it is published. */
function versionsOf(images: readonly string[]): string {
	return [...new Set(images.map((image) => tagOf(image) ?? image))].join(', ') || '–';
}

/** What each check found: one line where it found nothing. */
function checkLines({ areas, judgement }: UpgradePlan, paint: Paint): readonly string[] {
	const { findings } = judgement;
	const isIn = (area: CheckedArea, { name, subject, message }: JudgedFinding) =>
		area.findings.some((one) => one.name === name && one.subject === subject && one.message === message);
	const told = new Set(areas.flatMap((area) => findings.filter((finding) => isIn(area, finding))));
	return [
		...areas.filter((area) => area.findings.length === 0).map(({ what }) => `${paint('green', '✔')} ${what}`),
		...[...told, ...findings.filter((finding) => !told.has(finding))].flatMap((finding) =>
			findingLines(finding, paint),
		),
	];
}

function findingLines(finding: JudgedFinding, paint: Paint): readonly string[] {
	const { name, severity, isInsisted, remedy } = finding;
	if (name === 'not-looked-at') return [`${paint('yellow', '?')} ${describeFinding({ ...finding, remedy: '' })}`];
	const mark = severity === 'warning' ? paint('yellow', '!') : isInsisted ? paint('yellow', '»') : paint('red', '✘');
	const note = isInsisted ? ' (insisted on)' : '';
	return [`${mark} ${name}${note}: ${describeFinding({ ...finding, remedy: '' })}`, `    do: ${remedy}`];
}

function endLines({ judgement }: UpgradePlan, next: readonly string[], paint: Paint): readonly string[] {
	const blockers = judgement.findings.filter(({ severity, isInsisted }) => severity === 'blocker' && !isInsisted);
	if (blockers.length === 0) return next;
	const count = blockers.length === 1 ? 'One blocker keeps' : `${blockers.length} blockers keep`;
	return [
		paint('red', `${count} the mesh at its version.`),
		'docs/upgrade-checks.md says what each is, and how to insist.',
	];
}

/** The same for programs. */
export function planData({ mesh, from, to, components, stages, proxies, judgement, areas }: UpgradePlan): object {
	return {
		mesh,
		...(from === undefined ? {} : { from }),
		to,
		blocked: judgement.isBlocked,
		components: components.map(({ name, before, after, rolls }) => ({ name, current: before, next: after, rolls })),
		stages: stages.map(({ isPaused, ...stage }) => ({ ...stage, paused: isPaused })),
		...(proxies.isKnown ? { proxies: proxies.value } : {}),
		checks: areas.map(({ what, findings }) => ({ what, findings: findings.map(({ name }) => name) })),
		findings: judgement.findings.map(({ name, severity, isInsisted, subject, message, remedy }) => ({
			name,
			severity: severity === 'warning' ? 'Warning' : isInsisted ? 'Insisted' : 'Blocker',
			subject,
			message,
			remedy,
		})),
	};
}
