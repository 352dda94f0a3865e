/** Turns what is seen of joined clusters into their part of the status and the condition `ClustersJoined`. Pure. */
import {
	type ClusterConditionType,
	type ClusterObservation,
	type ClusterReason,
	clusterReasons,
	definedFields,
	type ParsedStatus,
} from '../../api/v1/index.ts';
import type { ProxiesObservation } from './proxies.ts';
import type { Verdict } from './verdict.ts';

export interface ClustersObservation {
	/** The entries of the list. */
	readonly listed: readonly { readonly name: string; readonly role: string }[];
	/** Observations of listed and leaving clusters that this process has looked at. */
	readonly seen: readonly ClusterObservation[];
	/** Names of the clusters that have a record and are no longer listed. */
	readonly leaving: readonly string[];
	readonly leftBehind: NonNullable<ParsedStatus['leftBehind']>;
	/** Networks of the mesh without a usable way in. Default: none. */
	readonly networks?: readonly NetworkProblem[];
}

/** A network that other networks do not reach. */
export interface NetworkProblem {
	readonly network: string;
	/** Whether it is expected to get a way in, by a load balancer that gets its address. */
	readonly isPending: boolean;
	readonly message: string;
}

type ClusterStatus = NonNullable<ParsedStatus['clusters']>[number];
type Condition = NonNullable<ClusterStatus['conditions']>[number];

interface Frame {
	readonly generation: number;
	readonly now: string;
	readonly previous: ParsedStatus | undefined;
	readonly proxies?: Pick<ProxiesObservation, 'clusters'> | undefined;
}

/** The parts of the status about clusters. They stay as they were while nobody has looked. */
export function clustersStatus(
	observation: ClustersObservation | undefined,
	frame: Frame,
): Pick<ParsedStatus, 'clusters' | 'joinedClusters' | 'leftBehind'> {
	const { previous } = frame;
	if (observation === undefined) {
		const { clusters, joinedClusters, leftBehind } = previous ?? {};
		return definedFields({ joinedClusters, clusters, leftBehind });
	}
	const { listed, seen, leaving } = observation;
	const names = [...listed, ...leaving.map((name) => ({ name, role: undefined }))].slice(0, mostClusters);
	const longest = Math.min(longestMessageBytes, Math.floor(allMessagesBytes / names.length));
	const isBrief = names.length > mostWholeClusters;
	const clusters = names.map(({ name, role }) => {
		const before = previous?.clusters?.find((cluster) => cluster.name === name);
		const now = seen.find((one) => one.name === name);
		const whole = clusterStatus(name, role, now, before, { ...frame, longest });
		return isBrief ? inBrief(whole) : whole;
	});
	const joined = clusters.slice(0, listed.length).filter((cluster) => isTrue(cluster, 'Joined')).length;
	const left = [
		...observation.leftBehind,
		...(previous?.leftBehind ?? []).filter(
			({ cluster }) => !observation.leftBehind.some((one) => one.cluster === cluster),
		),
		// When a cluster joins again under that name, the entry goes: it is looked after again.
	]
		.filter(({ cluster }) => !clusters.some((one) => one.name === cluster && isTrue(one, 'Joined')))
		.slice(0, mostLeftBehind);
	return {
		...(listed.length === 0 ? {} : { joinedClusters: `${joined}/${listed.length}` }),
		...(clusters.length === 0 ? {} : { clusters }),
		...(left.length === 0 ? {} : { leftBehind: left }),
	};
}

/** The condition `ClustersJoined`. Undefined when no cluster is listed or leaves. */
export function clustersVerdict(
	observation: ClustersObservation | undefined,
	{ clusters = [] }: Pick<ParsedStatus, 'clusters'>,
	previous: ParsedStatus | undefined,
): Verdict | undefined {
	if (observation === undefined) return previous?.conditions?.find(({ type }) => type === 'ClustersJoined');
	if (clusters.length === 0) return undefined;
	const told = clusters.map((cluster) => ({ name: cluster.name, ready: find(cluster, 'Ready') }));
	const bad = told.filter(({ ready }) => ready?.status === 'False' && ready.reason !== 'Leaving');
	const sentence = (some: typeof told) => some.map(({ name, ready }) => `${name}: ${wordsOf(ready)}`).join('; ');
	const { networks = [] } = observation;
	const closed = networks.filter(({ isPending }) => !isPending).map(({ message }) => message);
	if (bad.length > 0) {
		const message = [sentence(bad), ...closed].join('; ');
		return { status: 'False', reason: 'ClustersNotJoined', message: bounded(message) };
	}
	if (closed.length > 0) return { status: 'False', reason: 'NetworkUnreachable', message: bounded(closed.join('; ')) };
	const open = told.filter(({ ready }) => ready?.status !== 'True' && ready?.reason !== 'Leaving');
	if (open.length > 0) return { status: 'Unknown', reason: 'ClustersJoining', message: bounded(sentence(open)) };
	if (networks.length > 0) {
		const message = networks.map((network) => network.message).join('; ');
		return { status: 'Unknown', reason: 'NetworkPending', message: bounded(message) };
	}
	const leaving = told.filter(({ ready }) => ready?.reason === 'Leaving');
	if (leaving.length > 0) return { status: 'True', reason: 'ClustersLeaving', message: bounded(sentence(leaving)) };
	return {
		status: 'True',
		reason: 'ClustersJoined',
		message:
			told.length === 1
				? `cluster ${told[0]?.name} is part of the mesh`
				: `all ${told.length} clusters are part of the mesh`,
	};
}

/** The status has room for this many. Clusters that leave come last, and are told of as soon as there is room. */
const mostClusters = 1_000;
/** Beyond this many, what is as it should be is told in brief: an object has room for 1.5 MiB in all (etcd). */
const mostWholeClusters = 256;

/** Left out in brief while they are as they should be. */
const implied: ReadonlySet<string> = new Set<ClusterConditionType>([
	'Compatible',
	'CredentialsValid',
	'DataPlaneReady',
]);

/** The status of a cluster without what says only that all is well, and without messages that say no more than their reason. */
function inBrief(cluster: ClusterStatus): ClusterStatus {
	const { conditions = [] } = cluster;
	const isSaid = ({ type, reason, message }: Condition) => reason === type || message === meaningOf(reason);
	return {
		...cluster,
		conditions: conditions
			.filter(({ type, reason }) => !(implied.has(type) && reason === type))
			.map((condition) => (isSaid(condition) ? { ...condition, message: '' } : condition)),
	};
}

/** The message of a condition, or what its reason means when it has none. */
function wordsOf(condition: Condition | undefined): string {
	const { message = '', reason = '' } = condition ?? {};
	return message === '' ? (meaningOf(reason) ?? '') : message;
}

function meaningOf(reason: string): string | undefined {
	return Object.entries(clusterReasons).find(([name]) => name === reason)?.[1].meaning;
}

/** The status has room for this many. The newest come first. */
const mostLeftBehind = 256;

/**
 * A message, and the messages of single clusters together, may have this many bytes. An object has room for 1.5 MiB in all.
 */
const longestMessageBytes = 4_000;
const allMessagesBytes = 100_000;

/**
 * Cuts a message, but not inside a character: half a character would be stored as another one, and differ from what is told
 * each time.
 */
function bounded(message: string, longest = longestMessageBytes): string {
	if (Buffer.byteLength(message) <= longest) return message;
	const cut = new TextDecoder().decode(Buffer.from(message).subarray(0, longest), { stream: true });
	return `${cut}…`;
}

function clusterStatus(
	name: string,
	role: string | undefined,
	seen: ClusterObservation | undefined,
	before: ClusterStatus | undefined,
	frame: Frame & { readonly longest: number },
): ClusterStatus {
	// After a restart a cluster keeps what was said about it until it has been looked at.
	if (seen === undefined && before !== undefined) return before;
	const verdicts = verdictsOf(seen, before);
	return definedFields({
		name,
		role: role ?? seen?.role ?? before?.role,
		id: seen?.id ?? before?.id,
		reachable: seen === undefined || seen.reachable === 'unknown' ? undefined : seen.reachable === 'yes',
		lastSuccess: seen?.reachable === 'no' ? (seen.lastSuccess ?? before?.lastSuccess) : undefined,
		serverVersion: seen?.serverVersion ?? before?.serverVersion,
		latency: seen?.latency ?? before?.latency,
		credentialsExpire: seen?.credentials?.expire,
		authorityExpires: seen?.authorityExpires,
		secret: seen?.secret,
		network: seen?.network,
		podCIDRs: seen?.podCIDRs?.slice() ?? before?.podCIDRs,
		serviceCIDRs: seen?.serviceCIDRs?.slice() ?? before?.serviceCIDRs,
		gateways: seen?.gateways?.slice() ?? before?.gateways,
		services: seen?.services ?? before?.services,
		endpoints: seen?.endpoints ?? before?.endpoints,
		proxies: frame.proxies?.clusters?.get(name) ?? before?.proxies,
		inventory: seen?.inventory ?? before?.inventory,
		conditions: Object.entries(verdicts).map(([type, { status, reason, message }]) => {
			const old = before?.conditions?.find((condition) => condition.type === type);
			return {
				type,
				status,
				observedGeneration: frame.generation,
				lastTransitionTime: old?.status === status ? old.lastTransitionTime : frame.now,
				reason,
				message: bounded(message, frame.longest),
			};
		}),
	});
}

type Verdicts = { [T in ClusterConditionType]?: Verdict };

function verdictsOf(seen: ClusterObservation | undefined, before: ClusterStatus | undefined): Verdicts {
	if (seen === undefined) {
		const verdict = say('NotLookedAt', 'Unknown', 'the operator has not spoken with the cluster yet');
		return { Ready: verdict, Reachable: verdict };
	}
	const webhooks = seen.dataPlane && webhooksVerdict(seen.dataPlane, before);
	const verdicts: Verdicts = {
		Reachable: reachableVerdict(seen),
		Compatible: compatibleVerdict(seen, before),
		Joined: joinedVerdict(seen),
		CredentialsValid: credentialsVerdict(seen),
		...(seen.dataPlane === undefined ? {} : { DataPlaneReady: dataPlaneVerdict(seen.dataPlane) }),
		...(webhooks === undefined ? {} : { WebhooksAnswer: webhooks }),
	};
	return { Ready: readyVerdict(seen, verdicts), ...verdicts };
}

function say(reason: ClusterReason, status: Verdict['status'], message?: string): Verdict {
	return { status, reason, message: message ?? clusterReasons[reason].meaning };
}

function reachableVerdict({ reachable, reachProblem }: ClusterObservation): Verdict {
	if (reachable === 'yes') return say('Reachable', 'True');
	const status = reachable === 'no' ? 'False' : 'Unknown';
	return reachProblem === undefined
		? say('NotLookedAt', 'Unknown')
		: say(
				reachProblem.reason,
				reachProblem.reason === 'KubeconfigUnreadable' ? 'Unknown' : status,
				reachProblem.message,
			);
}

function compatibleVerdict({ problems, state }: ClusterObservation, before: ClusterStatus | undefined): Verdict {
	if (problems === undefined) {
		// In brief, only what is not as it should be was told of a cluster that had been checked.
		const wasTold = before?.conditions?.some(({ type }) => type === 'Joined') === true;
		const old =
			before?.conditions?.find(({ type }) => type === 'Compatible') ??
			(wasTold ? say('Compatible', 'True') : undefined);
		return old === undefined || state === 'Leaving' ? say('NotChecked', 'Unknown') : old;
	}
	const [first] = problems;
	return first === undefined
		? say('Compatible', 'True')
		: say(first.reason, 'False', problems.map(({ message }) => message).join(' '));
}

function joinedVerdict({ secret, joinProblem, waiting, state }: ClusterObservation): Verdict {
	if (secret !== undefined)
		return say('Joined', 'True', `Pilot reads it by Secret ${secret}, whose token was used successfully`);
	if (joinProblem !== undefined) return joinProblemVerdict(joinProblem);
	if (state === 'Leaving') return say('Leaving', 'False', waiting);
	return say('NotJoined', 'False', waiting ?? 'its Secret is not published yet');
}

/** A mistake of ours says nothing about the cluster. */
function joinProblemVerdict({ reason, message }: NonNullable<ClusterObservation['joinProblem']>): Verdict {
	return say(reason, reason === 'InternalError' ? 'Unknown' : 'False', message);
}

function credentialsVerdict({ credentials }: ClusterObservation): Verdict {
	switch (credentials?.state) {
		case undefined:
			return say('NoCredentials', 'False');
		case 'valid':
			return say('CredentialsValid', 'True', `the token is valid until ${credentials?.expire}`);
		case 'late':
			return say(
				'CredentialsExpiring',
				'True',
				`the token ends at ${credentials?.expire} and should have been renewed by now; the other conditions say why it was not`,
			);
		case 'expired':
			return say(
				'CredentialsExpired',
				'False',
				`the token ended at ${credentials?.expire}: Pilot can not read the cluster`,
			);
	}
}

function dataPlaneVerdict({ problem, waiting, cause, note }: NonNullable<ClusterObservation['dataPlane']>): Verdict {
	if (problem !== undefined) return say(problem.reason, 'False', problem.message);
	if (waiting !== undefined)
		return cause === undefined ? say('DataPlaneProgressing', 'Unknown', waiting) : say(cause, 'Unknown', waiting);
	return say('DataPlaneReady', 'True', note === undefined ? undefined : `all is there; ${note}`);
}

/** Only while something is wrong, or may be and can't be seen. What is not known now stays as it was said. */
function webhooksVerdict(
	{ webhooks }: NonNullable<ClusterObservation['dataPlane']>,
	before: ClusterStatus | undefined,
): Verdict | undefined {
	if (webhooks === undefined) return before?.conditions?.find(({ type }) => type === 'WebhooksAnswer');
	const { dead, unseen } = webhooks;
	if (dead.length > 0) return say('WebhookDead', 'False', dead.join('; '));
	if (unseen.length === 0) return undefined;
	return say(
		'WebhooksUnseen',
		'Unknown',
		`the user of the kubeconfig may not read ${unseen.join(', ')}, so whether webhooks of others there keep pods from being made is not known; meshwright clusters join, or deploy/remote, grants it`,
	);
}

/**
 * The first condition that is wrong decides. A cluster that never joined counts as joining until something is definitely
 * wrong.
 */
function readyVerdict(seen: ClusterObservation, verdicts: Verdicts): Verdict {
	if (seen.state === 'Leaving') return say('Leaving', 'False', seen.waiting);
	const { Reachable, Compatible, Joined, CredentialsValid, DataPlaneReady, WebhooksAnswer } = verdicts;
	for (const verdict of [Reachable, Compatible]) if (verdict?.status === 'False') return verdict;
	if (Reachable?.status === 'Unknown') return Reachable;
	if (seen.joinProblem !== undefined) return joinProblemVerdict(seen.joinProblem);
	if (Joined?.status !== 'True') return say('Joining', 'Unknown', Joined?.message);
	if (CredentialsValid?.status !== 'True') return CredentialsValid ?? say('NoCredentials', 'False');
	if (DataPlaneReady !== undefined && DataPlaneReady.status !== 'True') return DataPlaneReady;
	// Its pods run until one of them is replaced.
	if (WebhooksAnswer?.status === 'False') return WebhooksAnswer;
	return say('Ready', 'True');
}

function find(cluster: ClusterStatus, type: ClusterConditionType): Condition | undefined {
	return cluster.conditions?.find((condition) => condition.type === type);
}

function isTrue(cluster: ClusterStatus, type: ClusterConditionType): boolean {
	return find(cluster, type)?.status === 'True';
}
