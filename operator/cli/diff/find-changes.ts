/**
 * Finds what the operator would do for one installation, by server-side dry run and by the operator's own rules: whose an
 * object is, which CRDs stay, what is pruned.
 */
import { isDeepStrictEqual } from 'node:util';
import { kind as installationKind } from '../../../api/v1/index.ts';
import { compareReleases, releaseOf } from '../../apply/crd-plan.ts';
import { adoptAnnotation, fieldManager, partOfLabel } from '../../apply/identity.ts';
import { ownershipOf } from '../../apply/ownership.ts';
import { waveOf, waves } from '../../apply/waves.ts';
import { applySetId } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, orAbsent, RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey, referenceOf } from '../../runtime/object.ts';
import type { DesiredInstallation } from '../desired.ts';
import { memberKinds } from '../member-kinds.ts';
import { viewLive } from './live-mesh.ts';
import { comparable, withoutReplicas } from './normalise.ts';

export type Change =
	| { readonly kind: 'create'; readonly object: KubeObject; readonly after: KubeObject }
	| { readonly kind: 'update'; readonly object: KubeObject; readonly before: KubeObject; readonly after: KubeObject }
	| { readonly kind: 'delete'; readonly object: KubeObject; readonly because: string }
	/** The API server or the operator would refuse to write it. */
	| { readonly kind: 'refuse'; readonly object: KubeObject; readonly because: string }
	/** The object differs, and is left so on purpose. */
	| { readonly kind: 'kept'; readonly object: KubeObject; readonly because: string };

/** All changes, in the order of rendering, deletions last. */
export async function findChanges(api: ApiServer, desired: DesiredInstallation): Promise<readonly Change[]> {
	const { installation, mesh } = desired;
	const live = await viewLive(api, mesh);
	const objects = waves(live.objects, waveOf).flat();
	const changes = await Promise.all(
		objects.map(async (object) => {
			const because = live.held.get(objectKey(object));
			const found = await changeOf(api, object);
			return because === undefined
				? found
				: found.map((change): Change => (isWrite(change) ? { kind: 'kept', object, because } : change));
		}),
	);
	const pruned = await findPruned(api, objects, installation.metadata.name);
	return [
		...changes.flat(),
		...pruned.map((change): Change => {
			const because = live.kept.get(objectKey(change.object));
			return because === undefined ? change : { kind: 'kept', object: change.object, because };
		}),
	];
}

function isWrite({ kind }: Change): boolean {
	return kind === 'create' || kind === 'update';
}

async function changeOf(api: ApiServer, object: KubeObject): Promise<readonly Change[]> {
	const before = await orAbsent(api.get(referenceOf(object)));
	if (before === undefined) {
		return [await creationOf(api, object)];
	}
	if (object.kind === kinds.Namespace.kind) {
		return []; // An existing namespace is used as it is, whoever made it.
	}
	const decided = decideByOwner(object, before);
	if (decided !== undefined) {
		return [decided];
	}
	const after = await dryRun(api, object);
	if ('refused' in after) {
		return [{ kind: 'refuse', object, because: after.refused }];
	}
	const [live, wanted] = isScaledByOthers(object)
		? [withoutReplicas(before), withoutReplicas(after.object)]
		: [before, after.object];
	return isDeepStrictEqual(comparable(live), comparable(wanted))
		? []
		: [{ kind: 'update', object, before: live, after: wanted }];
}

/** Lets the server check a new object, unless its namespace is new as well: then there is nowhere to try it. */
async function creationOf(api: ApiServer, object: KubeObject): Promise<Change> {
	const answer = await dryRun(api, object);
	if ('refused' in answer) {
		return { kind: 'refuse', object, because: answer.refused };
	}
	return { kind: 'create', object, after: answer.object };
}

async function dryRun(
	api: ApiServer,
	object: KubeObject,
): Promise<{ readonly object: KubeObject } | { readonly refused: string }> {
	try {
		const written = await api.apply(object, { fieldManager, force: true, dryRun: true });
		return { object: written.object };
	} catch (error) {
		if (isNotFound(error)) {
			return { object };
		}
		if (error instanceof RequestError && (error.status === 422 || error.status === 400)) {
			return { refused: error.message };
		}
		throw error;
	}
}

/** What the operator does about an object that is not its own, or that is of a newer release. Undefined when it writes. */
function decideByOwner(object: KubeObject, live: KubeObject): Change | undefined {
	const isCrd = object.kind === kinds.CustomResourceDefinition.kind;
	const ownership = ownershipOf(live.metadata, object.metadata.labels?.[partOfLabel] ?? '');
	if (ownership.kind === 'foreign') {
		return isCrd
			? { kind: 'kept', object, because: `it belongs to ${ownership.owner}, and is shared by all that use it` }
			: {
					kind: 'refuse',
					object,
					because: `it exists and belongs to ${ownership.owner}; delete it, or put the annotation ${adoptAnnotation}: "true" on it`,
				};
	}
	const release = releaseOf(live);
	return isCrd && compareReleases(release, releaseOf(object)) > 0
		? { kind: 'kept', object, because: `it is of Istio ${release ?? ''}, which is newer` }
		: undefined;
}

function isScaledByOthers(object: KubeObject): boolean {
	return object.kind === kinds.Deployment.kind && !('replicas' in (object.spec as object));
}

/** Objects of the installation in the cluster that are no longer rendered. */
async function findPruned(api: ApiServer, objects: readonly KubeObject[], name: string): Promise<readonly Change[]> {
	const rendered = new Set(objects.map(objectKey));
	const lists = await Promise.all(
		memberKinds.map(async (kind) => {
			const labelSelector = `${partOfLabel}=${applySetId(name)}`;
			// Istio's own kinds are not served until their CRDs exist.
			const list = await orAbsent(api.list<KubeObject>(kind, { labelSelector, metadataOnly: true }));
			return (list?.items ?? []).map((item) => ({ ...item, apiVersion: kind.apiVersion, kind: kind.kind }));
		}),
	);
	return lists
		.flat()
		.filter((object) => !rendered.has(objectKey(object)))
		.map((object) => ({ kind: 'delete', object, because: `${installationKind} ${name} has it no longer` }));
}
