/** What the owner of a mesh insists on: the annotation `meshwright.io/upgrade-despite`, and what is left of the findings. */
import { type UpgradeStatus, upgradeDespiteAnnotation } from '../../../api/v1/index.ts';
import { catalogueEntry, found } from './catalogue.ts';
import type { UpgradeFinding } from './finding.ts';

type Shown = NonNullable<UpgradeStatus['findings']>[number];

export interface JudgedFinding extends UpgradeFinding {
	/** The owner insists on the change in spite of this blocker. */
	readonly isInsisted: boolean;
}

export interface Judgement {
	/** Blockers first, then those insisted on, then warnings. */
	readonly findings: readonly JudgedFinding[];
	/** Whether a blocker is left. */
	readonly isBlocked: boolean;
}

/** Names with commas between them, each once. More than anybody needs is not read. */
export function readInsistence(annotation: string | undefined): readonly string[] {
	const names = (annotation ?? '').slice(0, 4096).split(',');
	return [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))];
}

export function judge(findings: readonly UpgradeFinding[], annotation: string | undefined): Judgement {
	const insisted = readInsistence(annotation);
	const isMet = ({ name, severity }: UpgradeFinding) =>
		severity === 'blocker' && insisted.includes(name) && catalogueEntry(name)?.canInsist !== false;
	const judged = [...findings, ...insisted.flatMap(problemOfName)].map((finding) => ({
		...finding,
		isInsisted: isMet(finding),
	}));
	const rank = ({ severity, isInsisted }: JudgedFinding) => (severity === 'warning' ? 2 : isInsisted ? 1 : 0);
	return { findings: judged.toSorted((a, b) => rank(a) - rank(b)), isBlocked: judged.some((one) => rank(one) === 0) };
}

function problemOfName(name: string): readonly UpgradeFinding[] {
	const subject = `the annotation ${upgradeDespiteAnnotation}`;
	const shown = name.slice(0, 64);
	const entry = catalogueEntry(name);
	if (entry === undefined) {
		return [found('insistence-unknown', subject, `names ${shown}, and no blocker has that name`)];
	}
	if (entry.severity === 'warning') {
		return [found('insistence-unknown', subject, `names ${shown}, which is a warning and blocks nothing`)];
	}
	return entry.canInsist === false
		? [found('insistence-unknown', subject, `names ${shown}, in spite of which nothing could be rendered`)]
		: [];
}

/** A finding as one sentence with its remedy: `Deployment a/b: has no room (add a node)`. */
export function describeFinding({ subject, message, remedy }: UpgradeFinding): string {
	return `${subject} ${message}${remedy === '' ? '' : `: ${remedy}`}`;
}

/** The status has room for this many. */
const mostShown = 64;

/** The findings as the status tells them. Blockers are first, so what is left out is the least. */
export function findingsForStatus({ findings }: Judgement): readonly Shown[] {
	const isAll = findings.length <= mostShown;
	const shown = findings.slice(0, isAll ? mostShown : mostShown - 1).map(shownOf);
	const next = findings[shown.length];
	return isAll || next === undefined
		? shown
		: [...shown, { ...shownOf(next), message: `and ${findings.length - shown.length} more findings` }];
}

/** What the status tells, and a blocker that came up on the way and is insisted on. It is told once. */
export function alsoInsisted(told: readonly Shown[], finding: UpgradeFinding): readonly Shown[] {
	if (told.some(({ name, severity }) => name === finding.name && severity === 'Insisted')) return told;
	const others = told.filter(({ name }) => name !== finding.name);
	return [shownOf({ ...finding, isInsisted: true }), ...others].slice(0, mostShown);
}

function shownOf(finding: JudgedFinding): Shown {
	return {
		name: finding.name,
		severity: finding.severity === 'warning' ? 'Warning' : finding.isInsisted ? 'Insisted' : 'Blocker',
		message: describeFinding(finding).slice(0, 2048),
	};
}
