/**
 * Finds the missing permissions in a cluster. That takes dozens of questions, so they are asked less often when everything
 * was allowed.
 */
import type { ClusterConnection } from '../keep/connection.ts';
import type { VisitThere } from '../keep/visit.ts';
import { reviewPermissions } from './permission-review.ts';
import type { Permission } from './permissions.ts';

/** When all permissions were there, they are not asked about again for this time. A refusal meanwhile shows by itself. */
const grantedMs = 60 * 60_000;

export class ReviewedPermissions {
	readonly #now: () => number;
	/** Connections whose user had all permissions, with what was asked. */
	readonly #granted = new WeakMap<ClusterConnection, { readonly at: number; readonly asked: string }>();

	/** @param now monotonic clock */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** The missing permissions as sentences, see `reviewPermissions`. */
	async missing(
		{ there, record, signal }: Pick<VisitThere, 'there' | 'record' | 'signal'>,
		permissions: readonly Permission[],
	): Promise<readonly string[]> {
		const asked = JSON.stringify(permissions);
		const known = this.#granted.get(there);
		const isJoined = record?.state === 'Published';
		if (isJoined && known?.asked === asked && this.#now() - known.at < grantedMs) return [];
		const { needed } = await reviewPermissions(there.api, permissions, signal);
		if (needed.length === 0) this.#granted.set(there, { at: this.#now(), asked });
		else this.#granted.delete(there);
		return needed;
	}
}
