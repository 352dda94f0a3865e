/** Probes an API server by one small request, whose answer also tells which cluster it is. */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { isUid } from '../checks/foreign.ts';
import { clusterFailure, type FailureContext } from './failure.ts';

/** A probe that takes longer than this has failed. */
const timeoutMs = 5_000;

export type ProbeAnswer =
	| {
			readonly ok: true;
			/** UID of `kube-system`. Undefined when we may not read it. */
			readonly id: string | undefined;
	  }
	| { readonly ok: false; readonly problem: ClusterProblem };

/** Rejects only when the signal aborts, and for a defect. */
export async function probe(api: ApiServer, context: FailureContext, signal: AbortSignal): Promise<ProbeAnswer> {
	const { apiVersion, kind } = kinds.Namespace;
	try {
		const { metadata } = await api.getMetadata({ apiVersion, kind, name: 'kube-system' }, { signal, timeoutMs });
		// Something that is no API server may answer anything with 200.
		const uid: unknown = metadata?.uid;
		return isUid(uid) ? { ok: true, id: uid } : stranger(context, 'kube-system has no uid');
	} catch (error) {
		signal.throwIfAborted();
		// The server answers and accepts us. The checks tell what it does not allow.
		if (error instanceof RequestError && error.status === 403) return { ok: true, id: undefined };
		const { isReach, problem } = clusterFailure(error, { ...context, isProbe: true });
		return isReach ? { ok: false, problem } : stranger(context, problem.message);
	}
}

function stranger({ host }: FailureContext, words: string): ProbeAnswer {
	return {
		ok: false,
		problem: { reason: 'Unreachable', message: `what answers at ${host} is no API server of Kubernetes: ${words}` },
	};
}
