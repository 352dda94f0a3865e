/** The part of a pass that restarts users' workloads, where the spec asks for it. */
import { isOperatorError } from '../../runtime/errors.ts';
import type { ProxiesObservation } from '../../status/proxies.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PreparedMesh } from '../prepare.ts';
import type { MeshProxies } from './mesh-proxies.ts';
import type { RestartsStatus } from './workload-restarts.ts';

/** How far restarts of workloads are, as a stage of a change of version. */
export interface RestartsSeen {
	/** Undefined when all that can be restarted has been, and is well. */
	readonly waitingFor: string | undefined;
	/** Why no other workload is restarted: one did not come back. */
	readonly failed?: string | undefined;
	/** Whether they wait for a maintenance window. */
	readonly isPatient?: boolean | undefined;
	/** A text that changes when they get on. */
	readonly numbers?: string | undefined;
}

export interface Restarted {
	/** With what is told of the restarts. */
	readonly proxies: ProxiesObservation | undefined;
	/** Undefined when the spec asks for none. */
	readonly restarts: RestartsSeen | undefined;
	readonly againInMs: number | undefined;
}

/** When the API server could not be asked, it is asked again after this time. */
const againMs = 10_000;

/** Whether the spec asks for restarts. */
export function restartsWorkloads({ installation: { spec } }: Pick<PreparedMesh, 'installation'>): boolean {
	return spec.upgrade?.restartWorkloads?.enabled === true;
}

/** @param seen what is told of the proxies themselves; undefined while nobody knows */
export async function restartStep(
	object: StoredInstallation,
	prepared: Pick<PreparedMesh, 'installation' | 'mesh'>,
	seen: ProxiesObservation | undefined,
	proxies: Pick<MeshProxies, 'restart'>,
	signal: AbortSignal,
): Promise<Restarted> {
	if (!restartsWorkloads(prepared)) return { proxies: seen, restarts: undefined, againInMs: undefined };
	const unknown = (waitingFor: string) => ({ proxies: seen, restarts: { waitingFor }, againInMs: undefined });
	if (seen === undefined) return unknown('waiting until the pods of this cluster are listed');
	if (seen.isRefused === true) return unknown('the operator may not list and watch pods in all namespaces');
	const { installation, mesh } = prepared;
	try {
		const { status, failed, againInMs, isOver, isPatient } = await proxies.restart(
			object,
			mesh,
			installation.spec.upgrade ?? {},
			signal,
		);
		const told = status === undefined ? seen.status : { ...(seen.status ?? nobody), restarts: status };
		const waitingFor = isOver ? undefined : (failed ?? describe(status));
		const restarts = { waitingFor, failed, isPatient, numbers: JSON.stringify([status?.waiting, status?.current]) };
		return { proxies: { ...seen, status: told, failedRestart: failed }, restarts, againInMs };
	} catch (error) {
		signal.throwIfAborted();
		// What was said stays as it was: the next pass looks again.
		if (isOperatorError(error))
			return {
				proxies: undefined,
				restarts: { waitingFor: `workloads could not be looked at: ${error.message}` },
				againInMs: againMs,
			};
		throw error;
	}
}

/** So many workloads are named. */
const mostNamed = 5;

function describe({ waiting = 0, current = [], message }: Partial<RestartsStatus> = {}): string {
	const named = current.slice(0, mostNamed).join(', ');
	const going =
		current.length === 0 ? [] : [`${named}${current.length > mostNamed ? ' and others' : ''} being restarted`];
	return [...going, `${waiting} ${waiting === 1 ? 'workload waits' : 'workloads wait'} for a restart`, message ?? '']
		.filter(Boolean)
		.join('; ');
}

const nobody = { total: 0, byVersion: [], namespaces: [] };
