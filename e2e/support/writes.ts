/** Who wrote what, by the API server's own audit log: the one witness that the operator can't deceive. */

import { setTimeout as sleep } from 'node:timers/promises';
import { type AuditEvent, isWrite } from '../control-plane/audit.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { eventually } from './eventually.ts';

/** A place in the audit log. */
export type Mark = number;

/** Now, as a place in the audit log. */
export async function mark(cluster: Pick<Cluster, 'auditEvents'>): Promise<Mark> {
	return (await cluster.auditEvents()).length;
}

/** All requests of one user since a place in the log, in order of their answers. */
export async function requestsOf(
	cluster: Pick<Cluster, 'auditEvents'>,
	user: string,
	since: Mark = 0,
): Promise<readonly AuditEvent[]> {
	return (await cluster.auditEvents()).slice(since).filter(({ user: { username } }) => username === user);
}

/** Leases change all the time. A review is a question, though it is asked by POST. */
const storesNothing: ReadonlySet<string> = new Set(['leases', 'selfsubjectrulesreviews', 'selfsubjectaccessreviews']);

/** All requests of one user that could change something, renewals of its lease left out. */
export async function writesOf(
	cluster: Pick<Cluster, 'auditEvents'>,
	user: string,
	since: Mark = 0,
): Promise<readonly AuditEvent[]> {
	return (await requestsOf(cluster, user, since)).filter(
		(event) => isWrite(event) && !storesNothing.has(event.objectRef?.resource ?? ''),
	);
}

/** The writes without Events, which report what happened and change nothing. */
export async function changesOf(
	cluster: Pick<Cluster, 'auditEvents'>,
	user: string,
	since: Mark = 0,
): Promise<readonly AuditEvent[]> {
	return (await writesOf(cluster, user, since)).filter((event) => event.objectRef?.resource !== 'events');
}

/** What of some requests the API server did not allow. */
export function forbiddenIn(requests: readonly AuditEvent[]): readonly string[] {
	return requests
		.filter(({ responseStatus }) => responseStatus?.code === 403)
		.map(({ verb, requestURI }) => `${verb} ${requestURI}`);
}

/** An operator that has nothing to do writes nothing for this time. */
const calmMs = 700;
/** The same before a test shows over a while that nothing is written: a later write would count as a fault. */
export const restMs = 2_000;

/** Waits until a user has stopped to change things and to tell of it. */
export async function untilCalm(
	cluster: Pick<Cluster, 'auditEvents'>,
	user: string,
	forMs: number = calmMs,
): Promise<void> {
	let before = -1;
	await eventually(`${user} has nothing to do`, async () => {
		const now = (await writesOf(cluster, user)).length;
		const isCalm = now === before;
		before = now;
		if (!isCalm) await sleep(forMs);
		return isCalm;
	});
}

/** `patch deployments istio-system/istio-pilot 200`: one line for a person who reads a failed test. */
export function describeWrite({ verb, objectRef, responseStatus }: AuditEvent): string {
	const { resource = '', subresource, namespace, name = '' } = objectRef ?? {};
	const what = subresource === undefined ? resource : `${resource}/${subresource}`;
	return `${verb} ${what} ${namespace === undefined ? '' : `${namespace}/`}${name} ${responseStatus?.code ?? ''}`;
}
