/** Which permissions are missing in a cluster. It takes dozens of questions: where all was allowed, they are asked less often. */
import type { ClusterConnection } from '../keep/connection.ts';
import type { VisitThere } from '../keep/visit.ts';
import { reviewPermissions } from './permission-review.ts';
import type { Permission } from './permissions.ts';

/** Permissions that were all there are taken for granted for this time: what is refused meanwhile says so itself. */
const grantedMs = 60 * 60_000;

export class ReviewedPermissions {
	readonly #now: () => number;
	/** Connections whose user had all permissions, and what was asked for. */
	readonly #granted = new WeakMap<ClusterConnection, { readonly at: number; readonly asked: string }>();

	/** @param now monotonic milliseconds */
	constructor(now: () => number) {
		this.#now = now;
	}

	/** As sentences, see `reviewPermissions`. */
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
