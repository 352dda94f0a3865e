/**
 * Whether API servers know by which authority whoever answers for a webhook is to be checked. Watches bring metadata alone, and that tells who
 * owns which field, so nobody reads the webhook itself. A field without a value is owned by nobody.
 */
import type { KubeObject } from '../runtime/object.ts';
import { isRecord } from '../runtime/object-shape.ts';

/** Whether an entry of a webhook has no `caBundle`. False where nobody keeps who owns what, and of webhooks without entries. */
export function awaitsAuthority({ metadata: { managedFields = [] } }: Pick<KubeObject, 'metadata'>): boolean {
	const hasAuthority = new Map<string, boolean>();
	for (const { fieldsV1 = {} } of managedFields) {
		const entries = fieldsV1['f:webhooks'];
		for (const [key, fields] of Object.entries(isRecord(entries) ? entries : {})) {
			if (!key.startsWith('k:') || !isRecord(fields)) continue;
			const config = fields['f:clientConfig'];
			const isOwned = isRecord(config) && Object.hasOwn(config, 'f:caBundle');
			hasAuthority.set(key, isOwned || hasAuthority.get(key) === true);
		}
	}
	return [...hasAuthority.values()].includes(false);
}
