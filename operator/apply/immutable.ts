/**
 * Fields that can't be changed in place. Deleting and making an object again is an outage. So that is done only for kinds
 * where the loss is small and known, and only when the API server names one of these fields.
 */
import { RequestError } from '../runtime/errors.ts';
import type { KubeObject } from '../runtime/object.ts';

const recreatable: Readonly<Record<string, readonly string[]>> = {
	// Selectors differ between releases' charts. Ours do not, but an adopted Deployment may have another one.
	Deployment: ['spec.selector'],
	ClusterRoleBinding: ['roleRef'],
	RoleBinding: ['roleRef'],
};

/** The immutable field for which the API server refused this object, if the object may be deleted and made again for it. */
export function recreatableField(object: KubeObject, error: unknown): string | undefined {
	if (!(error instanceof RequestError) || error.status !== 422) return undefined;
	const fields = recreatable[object.kind];
	return error.causes.find(({ field }) => fields?.includes(field) === true)?.field;
}
