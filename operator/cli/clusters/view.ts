/** Makes the rows and lines of `clusters list` from an installation, by plain functions. */
import { listedClustersOf, type ParsedStatus } from '../../../api/v1/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { visible } from '../../runtime/visible-text.ts';
import { age } from '../output.ts';

type ClusterStatus = NonNullable<ParsedStatus['clusters']>[number];

/** A cluster as the spec lists it or the status knows it. */
export interface ClusterView {
	readonly mesh: string;
	readonly name: string;
	/** What the operator said. Undefined when it has not looked yet. */
	readonly status: ClusterStatus | undefined;
	readonly role: string;
	readonly network: string | undefined;
	readonly isReady: boolean;
	/** Why it is not ready, one sentence each. */
	readonly reasons: readonly string[];
}

/** Clusters of an installation: those of the list in its order, then those that are leaving. */
export function clustersOf(installation: KubeObject): readonly ClusterView[] {
	const mesh = installation.metadata.name;
	const { clusters = [] } = (installation.status ?? {}) as Partial<ParsedStatus>;
	const listed = listedClustersOf(installation);
	const names = new Set([...listed.map(({ name }) => name), ...clusters.map(({ name }) => name)]);
	return [...names].map((name) => {
		const status = clusters.find((one) => one.name === name);
		const entry = listed.find((one) => one.name === name);
		const reasons = reasonsOf(status);
		return {
			mesh,
			name,
			status,
			role: status?.role ?? entry?.role ?? 'Remote',
			network: status?.network ?? entry?.network,
			isReady: reasons.length === 0,
			reasons,
		};
	});
}

function reasonsOf(status: ClusterStatus | undefined): readonly string[] {
	const { conditions = [] } = status ?? {};
	const ready = conditions.find(({ type }) => type === 'Ready');
	if (ready?.status === 'True') {
		return [];
	}
	if (ready === undefined) {
		return ['the operator has not looked at it yet'];
	}
	// `Ready` repeats another condition. It is left out, so that nothing is said twice.
	const others = conditions.filter(({ type, status: value }) => type !== 'Ready' && value === 'False');
	// Among many clusters a message that says no more than its reason is left out.
	const all = [ready, ...others].map(({ reason, message }) =>
		message === '' ? visible(reason) : `${reason}: ${visible(message)}`,
	);
	return [...new Set(all)];
}

const head = ['NAME', 'ROLE', 'NETWORK', 'SECRET', 'REACHABLE', 'READY', 'EXPIRES', 'VERSION'];

/** @param hasMesh whether to name the mesh, because there are several */
export function clusterRows(clusters: readonly ClusterView[], now: number, hasMesh: boolean): readonly string[][] {
	const rows = clusters.map(({ mesh, name, status, role, network, isReady }) => [
		...(hasMesh ? [mesh] : []),
		name,
		role,
		network ?? '',
		status?.secret ?? '',
		status?.reachable === undefined ? 'unknown' : status.reachable ? 'yes' : 'no',
		isReady ? 'yes' : 'no',
		expiry(status?.credentialsExpire, now),
		visible(status?.serverVersion ?? ''),
	]);
	return [[...(hasMesh ? ['MESH'] : []), ...head], ...rows];
}

/** `29d`, `2h5m`, `over`. */
function expiry(time: string | undefined, now: number): string {
	const end = Date.parse(time ?? '');
	if (Number.isNaN(end)) {
		return '';
	}
	return end <= now ? 'over' : age(new Date(now).toISOString(), end);
}

/** What is not as it should be, for below the table. */
export function reasonLines(clusters: readonly ClusterView[]): readonly string[] {
	return clusters.flatMap(({ name, reasons }) => reasons.map((reason) => `${name}: ${reason}`));
}

/** The clusters that were given up. */
export function leftBehindLines({ status }: KubeObject): readonly string[] {
	const { leftBehind = [] } = (status ?? {}) as Partial<ParsedStatus>;
	return leftBehind.map(({ cluster, reason, objects = [] }) => {
		const left = objects.length === 0 ? '' : `; left there: ${objects.join(', ')}`;
		return visible(`${cluster} was left without being cleaned (${reason})${left}`);
	});
}
