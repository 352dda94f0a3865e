/** What the status tells of users' proxies. Pure. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { Verdict } from './verdict.ts';

export interface ProxiesObservation {
	/** Undefined when there are none, or when nobody may see them. */
	readonly status: ParsedStatus['proxies'];
	/** Why they and Pilot are too far apart, in a sentence with what to do. */
	readonly skew?: string | undefined;
	/** Why no other workload is restarted, in a sentence: one did not come back. */
	readonly failedRestart?: string | undefined;
	/** Whether the operator may not see pods. */
	readonly isRefused?: boolean | undefined;
	/** Why nobody sees any of them, as a clause: they are in a cluster that Pilot serves from outside. */
	readonly elsewhere?: string | undefined;
	/** Those in joined clusters that were looked at, by the name of the cluster. */
	readonly clusters?: ReadonlyMap<string, ProxiesThere> | undefined;
	/** Joined clusters where the user of the kubeconfig may not see pods. */
	readonly unseenIn?: readonly string[] | undefined;
}

/** What the status tells of the proxies in a joined cluster. */
export type ProxiesThere = NonNullable<NonNullable<ParsedStatus['clusters']>[number]['proxies']>;

/** So many clusters are named. */
const mostNamed = 5;

/** What is not known now stays as it was said. */
export function proxiesStatusOf(
	observation: ProxiesObservation | undefined,
	previous: ParsedStatus | undefined,
): Pick<ParsedStatus, 'proxies'> {
	const proxies = observation === undefined ? previous?.proxies : observation.status;
	return proxies === undefined ? {} : { proxies };
}

/** The condition `ProxiesSupported`, only while it is not True. What is not known now stays as it was said. */
export function proxiesVerdict(
	observation: ProxiesObservation | undefined,
	previous: ParsedStatus | undefined,
): Verdict | undefined {
	if (observation === undefined) return previous?.conditions?.find(({ type }) => type === 'ProxiesSupported');
	if (observation.isRefused === true)
		return {
			status: 'Unknown',
			reason: 'ProxiesUnseen',
			message:
				'the operator may not list and watch pods in all namespaces, so which proxies run is not known; meshwright install --rights-only, or deploy/, gives it the right',
		};
	if (observation.elsewhere !== undefined)
		return {
			status: 'Unknown',
			reason: 'ProxiesUnseen',
			message: `${observation.elsewhere}, so which proxies run there is not known; kubectl get pods --all-namespaces tells it there, by the images of istio-proxy`,
		};
	if (observation.failedRestart !== undefined)
		return { status: 'False', reason: 'RestartFailed', message: observation.failedRestart };
	if (observation.skew !== undefined) return { status: 'False', reason: 'ProxiesSkewed', message: observation.skew };
	const { unseenIn = [] } = observation;
	const more = unseenIn.length > mostNamed ? ` and ${unseenIn.length - mostNamed} more` : '';
	return unseenIn.length === 0
		? undefined
		: {
				status: 'Unknown',
				reason: 'ProxiesUnseen',
				message: `the user of the kubeconfig may not list pods in all namespaces of ${unseenIn.length === 1 ? 'cluster' : 'clusters'} ${unseenIn.slice(0, mostNamed).join(', ')}${more}, so which proxies run there is not known; meshwright clusters join, or deploy/remote, grants it`,
			};
}
