/**
 * The floor of the measurements: the writes that no operator could spare for an installation, sent raw and in parallel by a
 * client that does nothing else. They are the same bodies as the operator's, in the fewest stages in which the API server
 * accepts them, and the two writes of the installation itself: its finalizer before all else, its status at the end.
 */
import { finalizer } from '../../api/v1/constants.ts';
import { asChild } from '../../operator/apply/identity.ts';
import { collectionPath, type Kind, kinds, objectPath } from '../../operator/runtime/kinds.ts';
import { groupOf, type KubeObject } from '../../operator/runtime/object.ts';
import type { FloorWrite } from './loader.ts';
import { type Loader, operatorNamespace, type Stage, until } from './stage.ts';

/** What is written for one installation. */
export interface FloorMesh {
	readonly installation: KubeObject;
	readonly objects: readonly KubeObject[];
}

/** The operator's own number of requests in flight. Fixed, so that figures of years can be compared. */
export const floorInFlight = 32;

/** MeshInstallations of another group: the same definition, so they cost the same, and no operator acts on them. */
const floorKind: Kind = { ...kinds.MeshInstallation, apiVersion: 'floor.meshwright.io/v1' };

/** Defines the installations of the floor, which the operator's account may write, and waits until they are served. */
export async function defineFloor({ user, manifests }: Stage): Promise<void> {
	const definition = manifests.find(({ kind }) => kind === kinds.CustomResourceDefinition.kind);
	if (definition === undefined) throw new Error('the manifests have no definition of MeshInstallations');
	const group = 'floor.meshwright.io';
	const copy = {
		...definition,
		metadata: { name: `${floorKind.plural}.${group}` },
		spec: { ...(definition.spec as object), group },
	};
	const role = {
		apiVersion: kinds.ClusterRole.apiVersion,
		kind: kinds.ClusterRole.kind,
		metadata: { name: 'floor' },
		rules: [
			{ apiGroups: [group], resources: [floorKind.plural, `${floorKind.plural}/status`], verbs: ['get', 'patch'] },
		],
	};
	const binding = {
		apiVersion: role.apiVersion,
		kind: kinds.ClusterRoleBinding.kind,
		metadata: { name: 'floor' },
		roleRef: { apiGroup: groupOf(role.apiVersion), kind: role.kind, name: role.metadata.name },
		subjects: [{ kind: 'ServiceAccount', name: 'meshwright', namespace: operatorNamespace }],
	};
	for (const object of [copy, role, binding]) await user.apply(object, { fieldManager: 'bench', force: true });
	const served = () => user.list(floorKind, { metadataOnly: true });
	await until(`${floorKind.apiVersion} is served`, () =>
		served().then(
			() => true,
			() => false,
		),
	);
}

function inFloor(installation: KubeObject): KubeObject {
	return { ...installation, apiVersion: floorKind.apiVersion, kind: floorKind.kind };
}

/** Makes the installations of the floor, which is the user's work and not measured. */
export async function createFloor({ user }: Stage, meshes: readonly FloorMesh[]): Promise<void> {
	await Promise.all(
		meshes.map(({ installation }) =>
			user.request({
				method: 'POST',
				path: collectionPath(floorKind),
				body: inFloor(installation),
				kind: floorKind.kind,
			}),
		),
	);
}

/**
 * The writes, stage by stage. The roles come before their bindings, since a writer without `bind` and `escalate` has to hold
 * what a role grants.
 * @param status the last status of such an installation
 */
export function floorStages(meshes: readonly FloorMesh[], status: unknown): readonly (readonly FloorWrite[])[] {
	const children = meshes.flatMap(({ objects }) => objects).map((body) => ({ path: objectPath(body), body }));
	return [
		meshes.map((mesh) => ofInstallation(mesh, '', { metadata: { finalizers: [finalizer] } })),
		...[0, 1, 2].map((stage) => children.filter(({ body }) => stageOf(body) === stage).map(owned)),
		meshes.map((mesh) => ofInstallation(mesh, '/status', { metadata: {}, status })),
	];
}

function ofInstallation(
	{ installation }: FloorMesh,
	suffix: '' | '/status',
	change: { readonly metadata: object; readonly status?: unknown },
): FloorWrite {
	const { apiVersion, kind, metadata } = inFloor(installation);
	const { name } = metadata;
	return {
		path: `${collectionPath(floorKind)}/${name}${suffix}`,
		body: { apiVersion, kind, ...change, metadata: { name, ...change.metadata } },
	};
}

function stageOf({ kind }: KubeObject): number {
	return kind === kinds.Namespace.kind ? 0 : kind.endsWith('Binding') ? 2 : 1;
}

/** The garbage collector does not run here, so any owner will do. */
const owner = {
	apiVersion: kinds.MeshInstallation.apiVersion,
	kind: kinds.MeshInstallation.kind,
	name: 'floor',
	uid: '00000000-0000-0000-0000-000000000000',
};

function owned({ path, body }: { readonly path: string; readonly body: KubeObject }): FloorWrite {
	return { path, body: body.kind === kinds.Namespace.kind ? body : asChild(body, owner) };
}

/** Milliseconds that the writes for these installations take. */
export async function timeFloor(
	stage: Stage,
	loader: Loader,
	meshes: readonly FloorMesh[],
	status: unknown,
): Promise<number> {
	await createFloor(stage, meshes);
	return loader.run({ stages: floorStages(meshes, status), inFlight: floorInFlight });
}

/** Applies CRDs, which both sides need and nobody measures here. */
export function applyCrds(loader: Loader, crds: readonly KubeObject[]): Promise<number> {
	return loader.run({ stages: [crds.map((body) => ({ path: objectPath(body), body }))], inFlight: 8 });
}
