/**
 * From what is known about an installation to its status. Pure: the time is an argument, and the previous status is only
 * read for transition times and for what runs until something newer does.
 *
 * Conditions follow kstatus, which kubectl, Flux and Argo CD read: `Reconciling` and `Stalled` are there only while they
 * are True, and `Ready` is Unknown, not False, while a roll-out goes on, so that no tool calls an installation failed that
 * is on its way.
 */
import type { ParsedStatus, Reason } from '../../api/v1/index.ts';
import {
	type CertificateAuthorityObservation,
	certificateAuthorityStatus,
	certificateAuthorityVerdict,
} from './certificate-authority.ts';
import { type ClustersObservation, clustersStatus, clustersVerdict } from './clusters.ts';
import { type ComponentObservation, observeComponent, type WorkloadObservation } from './components.ts';
import { type Finding, type FindingCondition, joinMessages } from './finding.ts';
import { type GatewayApiObservation, gatewayApiStatus } from './gateway-api.ts';
import { type ProxiesObservation, proxiesStatusOf, proxiesVerdict } from './proxies.ts';
import { finishedVersion, type UpgradeObservation, upgradePhase, upgradeStatus, upgradeVerdict } from './upgrade.ts';
import type { Verdict } from './verdict.ts';

type Condition = NonNullable<ParsedStatus['conditions']>[number];

export interface Observation {
	/** The `metadata.generation` that the pass looked at. */
	readonly generation: number;
	readonly previous: ParsedStatus | undefined;
	/** Now, RFC 3339. */
	readonly now: string;
	/** Everything that is wrong. */
	readonly findings: readonly Finding[];
	/** What the pass waits for, in a sentence. */
	readonly gate?: string | undefined;
	/** How many objects differ from what was rendered. Only while writing is paused. */
	readonly paused?: { readonly differing: number } | undefined;
	/** Only while the installation is being deleted: what is left, in a sentence. */
	readonly deleting?: string | undefined;
	/** The release that the spec asks for, if it is known. */
	readonly version?: string | undefined;
	/** What of that release nobody could check, in a sentence. */
	readonly unchecked?: string | undefined;
	/** Undefined when nothing could be rendered. */
	readonly workloads?: readonly WorkloadObservation[] | undefined;
	/** Undefined while not everything is applied. */
	readonly inventory?: NonNullable<ParsedStatus['inventory']> | undefined;
	/** What another version of the operator changes by itself; `none` for nothing. Undefined when this pass did not look. */
	readonly operatorUpgrade?: NonNullable<ParsedStatus['operatorUpgrade']> | 'none' | undefined;
	/** The revisions beside each other; `none` for one alone. Undefined when this pass did not look. */
	readonly revisions?: NonNullable<ParsedStatus['revisions']> | 'none' | undefined;
	/** Names of the revisions that stand beside: what they run is not what the mesh runs. */
	readonly besides?: ReadonlySet<string> | undefined;
	/** The change of version. Undefined when this pass did not look. */
	readonly upgrade?: UpgradeObservation | undefined;
	/** `none` for a mesh without Citadel. Undefined when this pass did not look. */
	readonly certificateAuthority?: CertificateAuthorityObservation | 'none' | undefined;
	/** Joined clusters. Undefined when this pass did not look. */
	readonly clusters?: ClustersObservation | undefined;
	/**
	 * Sentences about webhooks of others that keep pods from being made. Undefined when this pass did not look, or nobody knows.
	 */
	readonly webhooks?: readonly string[] | undefined;
	/** A sentence when something at admission changes what is written. Then what is stored counts as asked for. */
	readonly changed?: string | undefined;
	/** Users' Istio objects that are wrong. Undefined when nobody has looked yet. */
	readonly wrongObjects?: { readonly count: number; readonly names: readonly string[] } | undefined;
	/** Gateways of the Gateway API; `none` where there is no such API. Undefined when nobody has looked yet. */
	readonly gatewayApi?: GatewayApiObservation | 'none' | undefined;
	/** Users' proxies. Undefined when this pass did not look, or nobody knows. */
	readonly proxies?: ProxiesObservation | undefined;
	/** Something worth knowing although nothing is wrong, in a sentence. */
	readonly note?: string | undefined;
}

/** The status to write. Deeply equal to the previous one when nothing has changed. */
export function computeStatus(observation: Observation): ParsedStatus {
	const { generation, previous, findings } = observation;
	const components = observation.workloads?.map(observeComponent);
	const clusters = clustersStatus(observation.clusters, observation);
	const ready = readyVerdict(observation, components ?? []);
	const stalled = stalledVerdict(observation, components ?? []);
	const verdicts: Record<string, Verdict | undefined> = {
		Ready: ready,
		Reconciling: reconcilingVerdict(observation, ready, stalled),
		Stalled: stalled,
		Valid: plainVerdict('Valid', findings, 'Valid', 'the spec is complete and consistent'),
		Compatible: compatibleVerdict(observation),
		Installed: installedVerdict(observation),
		UpToDate: upToDateVerdict(observation, components),
		CertificateAuthorityValid: certificateAuthorityVerdict(observation.certificateAuthority, previous),
		ClustersJoined: clustersVerdict(observation.clusters, clusters, previous),
		WebhooksAnswer: webhooksVerdict(observation),
		ObjectsValid: objectsVerdict(observation),
		ProxiesSupported: proxiesVerdict(observation.proxies, previous),
	};
	const shown = components?.map(({ status }) => status) ?? previous?.components;
	const besides = observation.besides ?? new Set();
	const leading = components?.filter((_, index) => !besides.has(observation.workloads?.[index]?.revision ?? ''));
	const version = finishedVersion(observation.upgrade) ?? runningVersion(observation, leading);
	const inventory = observation.inventory ?? previous?.inventory;
	const operatorUpgrade = observation.operatorUpgrade ?? previous?.operatorUpgrade ?? 'none';
	return {
		observedGeneration: generation,
		...(version === undefined ? {} : { version }),
		phase: phaseOf(observation, version, ready, stalled),
		conditions: conditionsOf(verdicts, observation),
		...(shown === undefined ? {} : { components: [...shown] }),
		...readyCount(shown),
		...certificateAuthorityStatus(observation.certificateAuthority, previous),
		...gatewayApiStatus(observation.gatewayApi, previous),
		...proxiesStatusOf(observation.proxies, previous),
		...clusters,
		...(inventory === undefined ? {} : { inventory }),
		...revisionsOf(observation),
		...(operatorUpgrade === 'none' ? {} : { operatorUpgrade }),
		...upgradeStatus(observation.upgrade, previous),
	};
}

function revisionsOf({ revisions, previous }: Observation): Pick<ParsedStatus, 'revisions'> {
	const told = revisions ?? previous?.revisions ?? 'none';
	return told === 'none' ? {} : { revisions: told };
}

function findingsOf(findings: readonly Finding[], condition: FindingCondition): readonly Finding[] {
	return findings.filter((finding) => finding.condition === condition);
}

function plainVerdict(
	condition: FindingCondition,
	findings: readonly Finding[],
	reason: string,
	message: string,
): Verdict {
	const against = findingsOf(findings, condition);
	const [first] = against;
	if (first !== undefined) return { status: 'False', reason: first.reason, message: joinMessages(against) };
	// The walk stopped at the spec, so this condition is not known.
	if (condition === 'Compatible' && findingsOf(findings, 'Valid').length > 0) {
		return { status: 'Unknown', reason: 'Invalid', message: 'not looked at while the spec is invalid' };
	}
	return { status: 'True', reason, message };
}

function compatibleVerdict({ findings, unchecked }: Observation): Verdict {
	const together = 'the release, the cluster and its other objects go together';
	return unchecked === undefined
		? plainVerdict('Compatible', findings, 'Compatible', together)
		: plainVerdict('Compatible', findings, 'ReleaseUnchecked', `${together}, as far as is known: ${unchecked}`);
}

/** Leaves out what a retry is expected to mend: it would come and go while the deletion goes on. */
function deletionVerdict(deleting: string, findings: readonly Finding[]): Verdict {
	const refusals = findings.filter(({ isPassing }) => isPassing !== true);
	return refusals.length === 0
		? { status: 'False', reason: 'Deleting', message: deleting }
		: { status: 'False', reason: 'DeletionFailed', message: `${deleting}; ${joinMessages(refusals)}` };
}

function installedVerdict({ findings, gate, paused, deleting, inventory, note, changed }: Observation): Verdict {
	if (deleting !== undefined) return deletionVerdict(deleting, findings);
	const against = findingsOf(findings, 'Installed');
	const [first] = against;
	if (first !== undefined) return { status: 'False', reason: first.reason, message: joinMessages(against) };
	if (findings.length > 0) {
		return {
			status: 'Unknown',
			reason: 'Invalid',
			message: 'nothing is written before the conditions Valid and Compatible are True',
		};
	}
	if (paused !== undefined) {
		return paused.differing === 0
			? { status: 'True', reason: 'Installed', message: 'all objects are as rendered; writing is paused' }
			: {
					status: 'False',
					reason: 'Paused',
					message: `${paused.differing} objects differ from what was rendered; writing is paused`,
				};
	}
	if (gate !== undefined) return { status: 'False', reason: 'Progressing', message: gate };
	if (inventory === undefined) return { status: 'Unknown', reason: 'Progressing', message: 'being written' };
	const remark = note === undefined ? '' : `; ${note}`;
	if (changed !== undefined) {
		const message = `all ${inventory.objects} objects are written; ${changed}${remark}`;
		return { status: 'True', reason: 'ChangedAtAdmission', message };
	}
	return { status: 'True', reason: 'Installed', message: `all ${inventory.objects} objects are as rendered${remark}` };
}

function upToDateVerdict(
	{ version, findings, deleting }: Observation,
	components: readonly ComponentObservation[] | undefined,
): Verdict {
	if (components === undefined || version === undefined || findings.length > 0 || deleting !== undefined) {
		return {
			status: 'Unknown',
			reason: 'ReadinessUnknown',
			message: 'what runs was not compared with what is asked for',
		};
	}
	if (components.some(({ state }) => state === 'unknown')) {
		return { status: 'Unknown', reason: 'ReadinessUnknown', message: 'some workloads can not be read now' };
	}
	const isBehind = ({ isUpToDate, status }: ComponentObservation) =>
		!isUpToDate || (status.version !== undefined && status.version !== version);
	const behind = components.filter(isBehind).map(({ status }) => status.name);
	return behind.length === 0
		? { status: 'True', reason: 'UpToDate', message: `all components run ${version}` }
		: { status: 'False', reason: 'Outdated', message: `not yet rolled out to ${version}: ${behind.join(', ')}` };
}

function readyVerdict(observation: Observation, components: readonly ComponentObservation[]): Verdict {
	const { findings, gate, deleting, paused, inventory } = observation;
	if (deleting !== undefined) return deletionVerdict(deleting, findings);
	for (const condition of ['Valid', 'Compatible', 'Installed'] as const) {
		const against = findingsOf(findings, condition);
		const [first] = against;
		if (first !== undefined) {
			// While the API server is away the mesh runs on. Whether it does is unknown, not denied.
			const status = against.every(({ isPassing }) => isPassing) ? 'Unknown' : 'False';
			return { status, reason: first.reason, message: joinMessages(against) };
		}
	}
	if (paused !== undefined && paused.differing > 0) return installedVerdict(observation);
	const upgrade = upgradeVerdict(observation.upgrade);
	if (upgrade?.status === 'False') return upgrade;
	if (gate !== undefined && upgrade === undefined) return { status: 'Unknown', reason: 'Progressing', message: gate };
	for (const [state, status] of [
		['unknown', 'Unknown'],
		['stalled', 'False'],
		['degraded', 'False'],
		['progressing', 'Unknown'],
	] as const) {
		if (state === 'progressing' && upgrade !== undefined) return upgrade;
		const found = components.filter((component) => component.state === state);
		if (found.length > 0) {
			const message = found.map((component) => component.status.message ?? component.status.name).join('; ');
			// When one component is a failure, all are told as failures, because Ready is False anyway.
			const isProgress = state === 'degraded' && !found.some((component) => isFailure(component, observation));
			const reason = found[0]?.status.reason ?? 'ComponentNotReady';
			if (!isProgress) return { status, reason, message };
			return { status: 'Unknown', reason: isPodTrouble(reason) ? reason : 'Progressing', message };
		}
	}
	if (upgrade !== undefined) return upgrade;
	if (inventory === undefined && paused === undefined)
		return { status: 'Unknown', reason: 'Progressing', message: 'being written' };
	// Its pods run, but workloads refuse each other's certificates.
	const authority = certificateAuthorityVerdict(observation.certificateAuthority, observation.previous);
	if (authority?.reason === 'CAExpired') return authority;
	// They run until one of them is replaced.
	const webhooks = webhooksVerdict(observation);
	if (webhooks !== undefined) return webhooks;
	return { status: 'True', reason: 'Ready', message: `the mesh runs ${observation.version ?? 'as asked'}` };
}

/** Reasons that say why pods do not run, which are worth telling while they are still waited for. */
function isPodTrouble(reason: string): boolean {
	return podTroubles.has(reason);
}

const podTroubles: ReadonlySet<string> = new Set<Reason>([
	'PodsRefused',
	'PodsUnschedulable',
	'ImageNotPulled',
	'ContainerNotStarted',
	'ContainerCrashes',
]);

/** The condition `WebhooksAnswer`, only while it is False. What is not known now stays as it was said. */
function webhooksVerdict({ webhooks, previous }: Observation): Verdict | undefined {
	if (webhooks === undefined) return previous?.conditions?.find(({ type }) => type === 'WebhooksAnswer');
	return webhooks.length === 0
		? undefined
		: { status: 'False', reason: 'WebhookDead', message: webhooks.slice(0, mostWebhooks).join('; ') };
}

/** The condition `ObjectsValid`, only while it is False. What is not known now stays as it was said. */
function objectsVerdict({ wrongObjects, previous }: Observation): Verdict | undefined {
	if (wrongObjects === undefined) return previous?.conditions?.find(({ type }) => type === 'ObjectsValid');
	const { count, names } = wrongObjects;
	if (count === 0) return undefined;
	const others = count > names.length ? `, and ${count - names.length} more` : '';
	return {
		status: 'False',
		reason: 'ObjectsWrong',
		message: `${names.join(', ')}${others}: not as this release of Istio reads them, and nobody refuses them when they are applied; meshwright validate says what is wrong`,
	};
}

/** More of them say nothing new. */
const mostWebhooks = 5;

/** What somebody has done to a workload, and no roll-out mends. */
const failuresAtOnce: ReadonlySet<string> = new Set(['ScaledToZero', 'ImageReplaced']);

/** A workload that was only just written has had no time to appear. That is progress, not a failure. */
function isFailure({ isOutage, status }: ComponentObservation, observation: Observation): boolean {
	return isOutage || failuresAtOnce.has(status.reason ?? '') || hasBeenReady(observation);
}

/** Whether this generation of the spec has been ready before. */
function hasBeenReady({ previous, generation }: Observation): boolean {
	const ready = previous?.conditions?.find(({ type }) => type === 'Ready');
	return (
		ready !== undefined &&
		ready.observedGeneration === generation &&
		(ready.status === 'True' || ready.status === 'False')
	);
}

function stalledVerdict(observation: Observation, components: readonly ComponentObservation[]): Verdict | undefined {
	const { findings, deleting } = observation;
	if (deleting !== undefined) return undefined;
	const stalled = findings.filter(({ isStalled }) => isStalled);
	const [first] = stalled;
	if (first !== undefined) return { status: 'True', reason: first.reason, message: joinMessages(stalled) };
	const upgrade = upgradeVerdict(observation.upgrade);
	if (upgrade?.status === 'False') return { ...upgrade, status: 'True' };
	const component = components.find(({ state }) => state === 'stalled')?.status;
	if (component === undefined) return undefined;
	return {
		status: 'True',
		reason: component.reason ?? 'ProgressDeadlineExceeded',
		message: component.message ?? component.name,
	};
}

function reconcilingVerdict(
	observation: Observation,
	ready: Verdict,
	stalled: Verdict | undefined,
): Verdict | undefined {
	if (observation.deleting !== undefined) return { ...ready, status: 'True' };
	if (stalled !== undefined || ready.status === 'True') return undefined;
	if (observation.paused !== undefined) return undefined;
	if (ready.status === 'Unknown' || observation.findings.length > 0) {
		const reason = waits.has(ready.reason) ? ready.reason : 'Progressing';
		return { status: 'True', reason, message: ready.message };
	}
	return undefined;
}

/** Reasons that say what a change of version waits for, which is no work of the operator. */
const waits: ReadonlySet<string> = new Set<Reason>(['RollingBack', 'WaitingForApproval', 'WaitingForWindow']);

function conditionsOf(verdicts: Readonly<Record<string, Verdict | undefined>>, observation: Observation): Condition[] {
	return Object.entries(verdicts).flatMap(([type, verdict]) => {
		if (verdict === undefined) return [];
		const before = observation.previous?.conditions?.find((condition) => condition.type === type);
		const isSame = before?.status === verdict.status;
		return [
			{
				type,
				status: verdict.status,
				observedGeneration: observation.generation,
				lastTransitionTime: isSame ? before.lastTransitionTime : observation.now,
				reason: verdict.reason,
				message: verdict.message,
			},
		];
	});
}

/** The version that all components run. Until they agree on a new one: the old one. */
function runningVersion(
	{ previous }: Observation,
	components: readonly ComponentObservation[] | undefined,
): string | undefined {
	const versions = new Set((components ?? []).map(({ status }) => status.version));
	const [only] = versions;
	return versions.size === 1 && only !== undefined ? only : previous?.version;
}

/**
 * Ready and desired pods, `5/5`. Undefined when a component's pods could not be counted: a sum without them would be
 * invented.
 */
function readyCount(
	components: readonly { readonly ready?: number | undefined; readonly desired?: number | undefined }[] | undefined,
): { readonly ready?: string } {
	let ready = 0;
	let desired = 0;
	for (const component of components ?? []) {
		if (component.ready === undefined || component.desired === undefined) return {};
		ready += component.ready;
		desired += component.desired;
	}
	return components === undefined ? {} : { ready: `${ready}/${desired}` };
}

/** One word for a person: the first that applies, the most telling first. */
function phaseOf(
	{ deleting, findings, paused, upgrade }: Observation,
	version: string | undefined,
	ready: Verdict,
	stalled: Verdict | undefined,
): string {
	if (deleting !== undefined) return 'Deleting';
	if (findingsOf(findings, 'Valid').length > 0) return 'Invalid';
	if (findingsOf(findings, 'Compatible').length > 0) return 'Incompatible';
	if (paused !== undefined) return 'Paused';
	const upgrading = upgradePhase(upgrade);
	if (upgrading !== undefined) return upgrading;
	if (stalled !== undefined) return 'Stalled';
	if (ready.status === 'True') return 'Ready';
	if (ready.status === 'False') return 'Degraded';
	return version === undefined ? 'Installing' : 'Updating';
}
