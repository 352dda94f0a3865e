/** From the workloads of an installation to its component table: what runs, on how many pods, and why not on more. */
import { defaultRevision, definedFields } from '../../api/v1/index.ts';

/** What the caches show of one rendered workload. */
export interface WorkloadObservation {
	/** Component name as users know it: `pilot`. */
	readonly component: string;
	/** The control plane that it belongs to, when an installation has several. */
	readonly revision?: string | undefined;
	/** `Deployment istio-system/istio-pilot`. */
	readonly object: string;
	/** Image of the main container as rendered. */
	readonly image: string;
	/** Release whose image that is. Undefined when it is not known. */
	readonly version: string | undefined;
	/**
	 * The generation that our last write made. Later ones come from fields that others own. Undefined when it is not known.
	 */
	readonly appliedGeneration?: number | undefined;
	/** No pod is available, although the roll-out was complete once. That is a failure, not a beginning. */
	readonly isOutage: boolean;
	/** Undefined when the workload does not exist; `unknown` when the caches can't tell. */
	readonly live: WorkloadState | 'unknown' | undefined;
	/** What the status said before. That is what runs until the new version has rolled out. */
	readonly previous?: { readonly version?: string | undefined; readonly image?: string | undefined } | undefined;
	/** Addresses by which others reach it, see `gateway-addresses.ts`. */
	readonly addresses?: readonly string[] | undefined;
	/** Nodes on which its pod is not ready, as far as pods have been seen; only of a DaemonSet. */
	readonly awayFrom?: readonly string[] | undefined;
	/** Why one of its pods does not run. Undefined when nothing is known. */
	readonly podTrouble?: PodTrouble | undefined;
	/** Whether nothing can be known of its pods, for want of the right to see them. */
	readonly arePodsUnseen?: boolean | undefined;
	/** A sentence while its load balancer has no address yet. That is no failure. */
	readonly waitingForLoadBalancer?: string | undefined;
}

/** What is wrong with a pod, in the words of whoever has to do with it. */
export interface PodTrouble {
	/** CamelCase word; listed in `api/v1/reasons.ts`. */
	readonly reason: string;
	readonly message: string;
}

export interface WorkloadState {
	readonly generation: number;
	readonly observedGeneration: number;
	readonly desired: number;
	readonly total: number;
	readonly updated: number;
	readonly ready: number;
	readonly available: number;
	readonly stalled: string | undefined;
	readonly podsRefused: string | undefined;
	readonly isRolledOut: boolean;
	readonly images: readonly string[];
}

export interface ComponentStatus {
	readonly name: string;
	readonly ready?: number;
	readonly desired?: number;
	readonly version?: string;
	readonly image?: string;
	readonly reason?: string;
	readonly message?: string;
	readonly addresses?: readonly string[];
}

/**
 * - `ready`: all pods exist, are of the current generation and available.
 * - `progressing`: a roll-out goes on.
 * - `degraded`: the roll-out is over, but pods are missing or not available.
 * - `stalled`: Kubernetes gave up on the roll-out.
 * - `unknown`: it can't be told now.
 */
export type ComponentState = 'ready' | 'progressing' | 'degraded' | 'stalled' | 'unknown';

export interface ComponentObservation {
	readonly state: ComponentState;
	/** All of its pods run what was rendered. */
	readonly isUpToDate: boolean;
	/** No pod is available, although the roll-out was complete once. That is a failure, not a beginning. */
	readonly isOutage: boolean;
	readonly status: ComponentStatus;
}

function verdict(observation: WorkloadObservation): {
	readonly state: ComponentState;
	readonly reason?: string;
	readonly message?: string;
} {
	const { object, live, isOutage, appliedGeneration = Number.POSITIVE_INFINITY } = observation;
	if (live === 'unknown') {
		return { state: 'unknown', reason: 'ReadinessUnknown', message: `${object} can't be read now` };
	}
	if (live === undefined) {
		return { state: 'degraded', reason: `${kindIn(object)}NotFound`, message: `${object} is not there` };
	}
	const { desired, total, updated, available } = live;
	const cause = causeOf(observation, live);
	const why = `${awayText(observation, live)}${cause === undefined ? '' : `; ${cause.message}`}`;
	if (live.observedGeneration < Math.min(live.generation, appliedGeneration)) {
		// The workload's status is still about the time before our write. (A later annotation of somebody else makes a new
		// generation too, but what the status says of our generation holds.)
		return {
			state: 'progressing',
			reason: 'Progressing',
			message: `${object}: the change is not yet seen by the cluster's ${kindIn(object)} controller`,
		};
	}
	if (live.stalled !== undefined) {
		return {
			state: 'stalled',
			reason: 'ProgressDeadlineExceeded',
			message: `${object}: the roll-out does not get on (${live.stalled}), ${available} of ${desired} pods available${why === '' ? '; look at the pods and their events' : why}`,
		};
	}
	if (!isOutage && (updated < desired || total > updated)) {
		return {
			state: 'progressing',
			reason: cause?.reason ?? 'Progressing',
			message: `${object}: ${updated} of ${desired} pods updated, ${available} available${why}`,
		};
	}
	// A DaemonSet has as many pods as there are nodes for them, and perhaps there are none yet.
	if (desired === 0 && kindIn(object) === 'DaemonSet') return { state: 'ready' };
	if (desired === 0) return { state: 'degraded', reason: 'ScaledToZero', message: `${object} is scaled to zero` };
	if (available === 0)
		return {
			state: 'degraded',
			reason: cause?.reason ?? 'ComponentNotReady',
			message: `${object}: none of ${desired} pods available${why}`,
		};
	if (available < desired)
		return {
			state: 'degraded',
			reason: cause?.reason ?? 'PartlyReady',
			message: `${object}: ${available} of ${desired} pods available${why}`,
		};
	const image = imageOf(observation, live);
	return image.isAsked
		? { state: 'ready' }
		: {
				state: 'degraded',
				reason: 'ImageReplaced',
				message: `${object} runs ${image.running} instead of ${observation.image}: something in the cluster changes what is written`,
			};
}

/** `Deployment` of `Deployment istio-system/istiod`. */
function kindIn(object: string): string {
	return object.slice(0, object.indexOf(' '));
}

/** More of them say nothing new. */
const mostNodes = 5;

/** On which nodes a pod of a DaemonSet is missing. */
function awayText({ awayFrom = [] }: WorkloadObservation, { available, desired }: WorkloadState): string {
	if (awayFrom.length === 0 || available >= desired) return '';
	const more = awayFrom.length - mostNodes;
	const names = awayFrom.slice(0, mostNodes).join(', ');
	return `, none on ${awayFrom.length === 1 ? 'node' : 'nodes'} ${names}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Why there are not as many pods as wanted, or not all of them run. */
function causeOf(
	{ podTrouble, arePodsUnseen }: WorkloadObservation,
	{ podsRefused }: WorkloadState,
): { readonly reason?: string; readonly message: string } | undefined {
	if (podsRefused !== undefined)
		return { reason: 'PodsRefused', message: `the cluster makes no more pods: ${podsRefused}` };
	if (podTrouble !== undefined) return podTrouble;
	return arePodsUnseen === true
		? { message: 'the operator may not list and watch the pods of this namespace, which would say why' }
		: undefined;
}

/** What the main container runs, and whether it is what was asked for. */
function imageOf(
	{ image }: WorkloadObservation,
	{ images }: WorkloadState,
): { readonly isAsked: boolean; readonly running: string } {
	const running = images.includes(image) ? image : images.find((one) => isSameImage(one, image));
	return { isAsked: running !== undefined, running: running ?? images.join(', ') };
}

/** `1.4.9` of `corp.example/pilot:1.4.9-patched`. Undefined when the tag is no version. */
function versionIn(image: string | undefined): string | undefined {
	return /:v?(\d+\.\d+\.\d+)(?:[-.][\w.-]*)?$/.exec(image ?? '')?.[1];
}

/**
 * Whether two images have the same name with the same tag or digest. Policies of clusters replace registries by mirrors, so
 * what stands before the name does not count.
 */
export function isSameImage(one: string, other: string): boolean {
	return lastPart(one) === lastPart(other);
}

/** `pilot:1.4.10` of `docker.io/istio/pilot:1.4.10`. */
function lastPart(image: string): string {
	return image.slice(image.lastIndexOf('/') + 1);
}

/** Available pods of the current template, as far as a Deployment tells, and no more than are wanted. */
function newPodsAvailable({ available, updated, desired }: WorkloadState): number {
	return Math.min(available, updated, desired);
}

/** Name of a component in the status. It is unique among all control planes of an installation: `pilot`, `pilot@canary`. */
export function componentName(component: string, revision: string | undefined): string {
	return revision === undefined || revision === defaultRevision ? component : `${component}@${revision}`;
}

/** The state of one component. */
export function observeComponent(observation: WorkloadObservation): ComponentObservation {
	const { component, revision, live, previous, addresses = [], waitingForLoadBalancer } = observation;
	const { state, reason, message: whyNot } = verdict(observation);
	const current = live === 'unknown' ? undefined : live;
	const running = current === undefined ? undefined : imageOf(observation, current);
	const replaced =
		state === 'ready' && running !== undefined && running.running !== observation.image
			? `${observation.object} runs ${running.running}, which something in the cluster puts in the place of ${observation.image}`
			: undefined;
	const remarks = [whyNot, replaced, waitingForLoadBalancer].filter((remark) => remark !== undefined);
	const message = remarks.length === 0 ? undefined : remarks.join('; ');
	// New pods that never came up don't run anything yet.
	const isRolledOut = state === 'ready' || (state === 'degraded' && current?.isRolledOut === true);
	const isUpToDate = isRolledOut && running?.isAsked === true;
	// What something else has put there runs all the same, and its tag tells what it is.
	const replacing = isRolledOut && running?.isAsked === false ? running.running : undefined;
	const version = isUpToDate ? observation.version : (versionIn(replacing) ?? previous?.version);
	const image = isUpToDate ? running.running : (replacing ?? previous?.image);
	return {
		state,
		isUpToDate,
		isOutage: state === 'degraded' && observation.isOutage,
		status: {
			name: componentName(component, revision),
			...(current === undefined ? {} : { ready: newPodsAvailable(current), desired: current.desired }),
			...definedFields({ version, image, reason, message }),
			...(addresses.length === 0 ? {} : { addresses }),
		},
	};
}
