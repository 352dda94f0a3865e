/**
 * Fields that can't be changed in place. Recreating an object is an outage of its own, so it is done only for kinds where
 * the loss is small and known, and only when the API server names one of these very fields.
 */
import { RequestError } from '../runtime/errors.ts';
import type { KubeObject } from '../runtime/object.ts';

const recreatable: Readonly<Record<string, readonly string[]>> = {
	// Selectors differ between releases' charts; ours do not, but an adopted Deployment may come with another one.
	Deployment: ['spec.selector'],
	ClusterRoleBinding: ['roleRef'],
	RoleBinding: ['roleRef'],
};

/** The immutable field for which the API server refused this object and for which it may be deleted and made again. */
export function recreatableField(object: KubeObject, error: unknown): string | undefined {
	if (!(error instanceof RequestError) || error.status !== 422) return undefined;
	const fields = recreatable[object.kind];
	return error.causes.find(({ field }) => fields?.includes(field) === true)?.field;
}
