/** Gathers the facts of this cluster, once for all entries that are checked at about the same time. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { LocalFailure } from '../keep/failure.ts';
import type { KeepingMesh } from '../wanted-mesh.ts';
import { type ClusterFactsSeen, gatherFacts } from './gather.ts';

/** Facts are used for this time: each entry is compared with them. */
const goodMs = 60_000;

export class FactsHere {
	readonly #api: ApiServer;
	readonly #now: () => number;
	/** Facts by the name of the mesh. */
	readonly #known = new Map<
		string,
		{ readonly at: number; readonly key: string; readonly facts: Promise<ClusterFactsSeen> }
	>();

	/** @param now monotonic clock */
	constructor(api: ApiServer, now: () => number) {
		this.#api = api;
		this.#now = now;
	}

	/** Rejects with LocalFailure, because it is not the fault of the cluster that is to be compared with this one. */
	of({ name, namespace, podCIDRs, serviceCIDRs, objects }: KeepingMesh): Promise<ClusterFactsSeen> {
		const key = JSON.stringify([namespace, podCIDRs, serviceCIDRs, objects.caSecretName]);
		const known = this.#known.get(name);
		if (known !== undefined && known.key === key && this.#now() - known.at < goodMs) return known.facts;
		// Without the signal of the pass that asks first, because others wait for the same answer.
		const facts = gatherFacts(this.#api, { namespace, podCIDRs, serviceCIDRs }).catch((error: unknown) => {
			if (this.#known.get(name)?.facts === facts) this.#known.delete(name);
			throw new LocalFailure(error);
		});
		this.#known.set(name, { at: this.#now(), key, facts });
		return facts;
	}
}
