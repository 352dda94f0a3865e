/**
 * Adds and removes the finalizer of a MeshInstallation by a JSON patch that tests what was read. So no other finalizer is
 * ever lost. When somebody else was faster, nothing is written, the answer is a conflict, and the next pass reads again.
 */
import type { ApiServer } from '../runtime/client/api-server.ts';
import { ConflictError, isNotFound, RequestError } from '../runtime/errors.ts';
import { describeObject, type KubeObject, referenceOf } from '../runtime/object.ts';

type Patcher = Pick<ApiServer, 'patch'>;

/** Adds the finalizer. Returns the object as it is then. */
export async function addFinalizer(
	api: Patcher,
	object: KubeObject,
	finalizer: string,
	signal: AbortSignal,
): Promise<KubeObject> {
	const { finalizers, resourceVersion, uid } = object.metadata;
	if (finalizers?.includes(finalizer) === true) return object;
	const patch = [
		{ op: 'test', path: '/metadata/uid', value: uid },
		...(finalizers === undefined || finalizers.length === 0
			? [
					// Without a list there is nothing to test but the object's version: an unchanged object has no finalizers.
					{ op: 'test', path: '/metadata/resourceVersion', value: resourceVersion },
					{ op: 'add', path: '/metadata/finalizers', value: [finalizer] },
				]
			: [{ op: 'add', path: '/metadata/finalizers/-', value: finalizer }]),
	];
	try {
		return (await api.patch(referenceOf(object), patch, { type: 'json', signal })).object;
	} catch (error) {
		throw asConflict(error, object);
	}
}

/** Removes the finalizer. Succeeds when the object is gone already. */
export async function removeFinalizer(
	api: Patcher,
	object: KubeObject,
	finalizer: string,
	signal: AbortSignal,
): Promise<void> {
	const index = object.metadata.finalizers?.indexOf(finalizer) ?? -1;
	if (index === -1) return;
	try {
		await api.patch(
			referenceOf(object),
			[
				{ op: 'test', path: '/metadata/uid', value: object.metadata.uid },
				{ op: 'test', path: `/metadata/finalizers/${index}`, value: finalizer },
				{ op: 'remove', path: `/metadata/finalizers/${index}` },
			],
			{ type: 'json', signal },
		);
	} catch (error) {
		if (!isNotFound(error)) throw asConflict(error, object);
	}
}

/** A failed `test` is answered by 422 without a cause. A 422 that names causes is about the object's validity. */
function asConflict(error: unknown, object: KubeObject): unknown {
	if (!(error instanceof RequestError) || error.status !== 422 || error.causes.length > 0) return error;
	return new ConflictError(`the finalizers of ${describeObject(object)} changed meanwhile`, {
		cause: error,
		object: referenceOf(object),
	});
}
