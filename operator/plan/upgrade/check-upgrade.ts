/**
 * All checks before a change of version, at once. Pure: the operator, `meshwright upgrade plan` and `meshwright precheck`
 * run this one function over what each of them gathered.
 */

import type { Reason } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { FieldProblem } from '../../status/finding.ts';
import { servedUnseen } from '../proxies/told.ts';
import { found, type UpgradeCheckName } from './catalogue.ts';
import { checkPorts } from './changes.ts';
import { checkClusters, checkDefinitions, checkProxies, checkRoot, checkWebhooks } from './cluster-state.ts';
import type { UpgradeFinding } from './finding.ts';
import { type Gathered, known, type Looked, type SeenProxies } from './gathered.ts';
import { type Beside, checkPath } from './path.ts';
import { rolledOf } from './pods-of.ts';
import { checkLimitRanges, checkNodes, checkQuotas } from './room.ts';

/** What a version renders, with stand-ins for what only a cluster knows. */
export interface Rendered {
	readonly namespace: string;
	readonly objects: readonly KubeObject[];
	readonly definitions: readonly KubeObject[];
}

export interface UpgradeQuestion {
	/** Undefined when nothing runs yet. Then only the new version itself is judged. */
	readonly from: string | undefined;
	readonly to: string;
	/** The versions that can be installed, oldest first. */
	readonly known: readonly string[];
	/** Why the new version can't be rendered. Empty when it can. */
	readonly problems: readonly FieldProblem[];
	/** What the present version renders, where it can be told. */
	readonly before: Rendered | undefined;
	/** What the new one renders, without what is not right yet. */
	readonly after: Rendered | undefined;
	readonly gathered: Gathered;
	/** Set when the new version comes beside the one before. */
	readonly beside?: Beside | undefined;
	/** What the line finds in the two meshes. */
	readonly ofLine: readonly UpgradeFinding[];
}

/** What was looked at, and what was found there. */
export interface CheckedArea {
	/** `room on the nodes` */
	readonly what: string;
	readonly findings: readonly UpgradeFinding[];
}

/** All findings of all areas. Several things that were not looked at for one reason are one warning. */
export function findingsOf(areas: readonly CheckedArea[]): readonly UpgradeFinding[] {
	const findings = areas.flatMap((area) => area.findings);
	const gaps = Map.groupBy(findings, ({ name, message }) => (name === 'not-looked-at' ? message : undefined));
	return [...gaps].flatMap(([message, group]) =>
		message === undefined ? group : [found('not-looked-at', group.map(({ subject }) => subject).join(', '), message)],
	);
}

/** Blockers and warnings, in the order of the walk: versions, settings, objects, cluster. */
export function checkUpgrade(question: UpgradeQuestion): readonly CheckedArea[] {
	const { from, to, known: versions, problems, before, after, gathered, beside, ofLine } = question;
	const ports = before === undefined || after === undefined ? [] : checkPorts(before.objects, after.objects);
	return [
		{
			what: 'the way from version to version',
			findings: from === undefined ? [] : checkPath(from, to, versions, beside),
		},
		{ what: 'settings and overlays', findings: problems.map(findingOfProblem) },
		{ what: 'what the new version does otherwise', findings: [...ofLine, ...ports] },
		...checkCluster(before, after, to, gathered, beside),
	];
}

const nameOfReason: Readonly<Partial<Record<Reason, UpgradeCheckName>>> = {
	UnsupportedVersion: 'version-unknown',
	EndOfLife: 'version-ended',
	KubernetesTooOld: 'kubernetes-too-old',
	OverlayTargetNotFound: 'overlay-not-applicable',
	OverlayNotApplicable: 'overlay-not-applicable',
	OverlayNotAllowed: 'overlay-not-applicable',
};

function findingOfProblem({ path, reason, message, remedy }: FieldProblem): UpgradeFinding {
	const name = nameOfReason[reason as Reason] ?? 'setting-refused';
	const subject = path === '' ? 'this cluster:' : path;
	const rest = message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
	return found(name, subject, rest, remedy === '' ? undefined : remedy);
}

function checkCluster(
	before: Rendered | undefined,
	after: Rendered | undefined,
	to: string,
	gathered: Gathered,
	beside: Beside | undefined,
): readonly CheckedArea[] {
	// Proxies go on asking the revision that made them.
	const ofProxies = (proxies: readonly SeenProxies[]) => (beside === undefined ? checkProxies(proxies, to) : []);
	const { objects: rendered = [], definitions: wanted = [], namespace = '' } = after ?? {};
	const rolled = rolledOf(rendered, before?.objects);
	const { objects, objectGaps, definitions, authority, nodes, pods, quotas, limitRanges, webhooks, clusters } =
		gathered;
	const room = both(nodes, pods);
	const gaps = objectGaps.map(({ what, why }) => notLookedAt(what, why));
	return [
		look('your Istio objects', objects, (tally) => [...tally.findings, ...gaps]),
		look('CustomResourceDefinitions', definitions, (live) => checkDefinitions(wanted, live)),
		look('the certificate authority', authority, (seen) => checkRoot(seen, namespace)),
		look('room on the nodes', room, ([seen, { used }]) => checkNodes(rolled, seen, used)),
		look('ResourceQuotas', quotas, (seen) => checkQuotas(rolled, seen)),
		look('LimitRanges', limitRanges, (seen) => checkLimitRanges(rolled, seen)),
		look('proxies in pods', pods, ({ proxies }) =>
			proxies === undefined ? [notLookedAt('proxies', servedUnseen)] : ofProxies(proxies),
		),
		look('webhooks of others', webhooks, checkWebhooks),
		look('joined clusters', clusters, (seen) => [
			...checkClusters(seen, to),
			...seen.flatMap(({ proxies = [] }) => ofProxies(proxies)),
			// A cluster with a control plane of its own has proxies of its own.
			...seen.flatMap(({ name, role, proxies }) =>
				proxies === undefined && role !== 'Primary'
					? [notLookedAt(`proxies in cluster ${name}`, 'nobody has listed them there')]
					: [],
			),
		]),
	];
}

/** Runs a check over what was seen, or says that it was not. */
function look<T>(what: string, looked: Looked<T>, check: (value: T) => readonly UpgradeFinding[]): CheckedArea {
	return { what, findings: looked.isKnown ? check(looked.value) : [notLookedAt(what, looked.why)] };
}

function both<A, B>(a: Looked<A>, b: Looked<B>): Looked<readonly [A, B]> {
	if (!a.isKnown) return a;
	return b.isKnown ? known([a.value, b.value]) : b;
}

function notLookedAt(what: string, why: string): UpgradeFinding {
	return found('not-looked-at', what, `could not be looked at, since ${why}`);
}
