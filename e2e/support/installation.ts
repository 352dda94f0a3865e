/** MeshInstallations in tests: made as a user makes them, and looked at from outside, through the API alone. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import { parseMeshInstallation } from '../../api/v1/index.ts';
import { instanceOf, managedSelector } from '../../operator/apply/identity.ts';
import { lines } from '../../operator/lines/index.ts';
import type { ResolvedClassicMesh } from '../../operator/releases/classic/index.ts';
import type { ResolvedMesh } from '../../operator/releases/index.ts';
import { type ClassicFacts, renderServedCluster } from '../../operator/render/classic/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kindOf, kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, type ObjectReference, objectKey } from '../../operator/runtime/object.ts';
import { deadlineMs, eventually, orAbsent } from './eventually.ts';
import { person } from './mesh-cluster.ts';

export type Spec = Readonly<Record<string, unknown>>;
export type Condition = NonNullable<ParsedStatus['conditions']>[number];

/** The release of tests to which any would do. */
export const someVersion = '1.4.10';

export function installation(name: string, spec: Spec): KubeObject {
	const { apiVersion, kind } = kinds.MeshInstallation;
	return { apiVersion, kind, metadata: { name }, spec: { version: someVersion, ...spec } };
}

export function installationReference(name: string): ObjectReference {
	const { apiVersion, kind } = kinds.MeshInstallation;
	return { apiVersion, kind, name };
}

/** As `kubectl apply --server-side -f`: the whole spec, each time. */
export async function applyInstallation(
	api: ApiServer,
	name: string,
	spec: Spec = {},
	annotations?: Readonly<Record<string, string>>,
): Promise<KubeObject> {
	const { metadata, ...rest } = installation(name, spec);
	const body = annotations === undefined ? { ...rest, metadata } : { ...rest, metadata: { ...metadata, annotations } };
	return (await api.apply(body, { fieldManager: person })).object;
}

export async function readInstallation(api: ApiServer, name: string): Promise<KubeObject & { status?: ParsedStatus }> {
	return api.get(installationReference(name));
}

/** The condition of this type where it has this status, and this reason where one is given, for this generation. */
export function findCondition(
	conditions: readonly Condition[] | undefined,
	generation: number | undefined,
	type: string,
	status: Condition['status'],
	reason?: string,
): Condition | undefined {
	const found = conditions?.find((condition) => condition.type === type);
	const isIt = found?.status === status && (reason === undefined || found.reason === reason);
	return isIt && found.observedGeneration === generation ? found : undefined;
}

/** Waits until a condition has a status, and a reason where one is given, for the current generation. */
export async function untilCondition(
	api: ApiServer,
	name: string,
	type: string,
	status: Condition['status'],
	reason?: string,
): Promise<Condition> {
	let seen: ParsedStatus | undefined;
	try {
		return await eventually(
			`${type}=${status} ${reason ?? ''} of MeshInstallation ${name}`,
			async () => {
				const object = await readInstallation(api, name);
				seen = object.status;
				return findCondition(seen?.conditions, object.metadata.generation, type, status, reason);
			},
			deadlineMs,
			() => seen,
		);
	} catch (error) {
		throw new Error(`${(error as Error).message}; its status is ${JSON.stringify(seen, null, 1)}`, { cause: error });
	}
}

/** Waits until the message of a condition contains a text. Returns the message. */
export async function untilSaid(api: ApiServer, name: string, type: string, text: string): Promise<string> {
	let seen: string | undefined;
	try {
		return await eventually(`${type} of MeshInstallation ${name} says "${text}"`, async () => {
			const { status } = await readInstallation(api, name);
			seen = status?.conditions?.find((condition) => condition.type === type)?.message;
			return seen?.includes(text) === true ? seen : undefined;
		});
	} catch (error) {
		throw new Error(`${(error as Error).message}; it says ${seen}`, { cause: error });
	}
}

/** Waits until everything is stored, whether its pods run or not (without controllers they never do). */
export async function untilInstalled(api: ApiServer, name: string): Promise<void> {
	await untilCondition(api, name, 'Installed', 'True');
}

export async function untilReady(api: ApiServer, name: string): Promise<void> {
	await untilCondition(api, name, 'Ready', 'True');
}

/** Waits until an object is gone. */
export async function untilGone(api: ApiServer, reference: ObjectReference): Promise<void> {
	await eventually(`${reference.kind} ${reference.name} is gone`, async () => {
		return (await orAbsent(api.get(reference))) === undefined;
	});
}

/** Waits until a CRD is served. */
export async function untilEstablished(api: ApiServer, crd: string): Promise<void> {
	await eventually(`${crd} is established`, async () => {
		const { status } = await api.get<KubeObject>({ ...kinds.CustomResourceDefinition, name: crd });
		return JSON.stringify(status).includes('"type":"Established"');
	});
}

/** Deletes a MeshInstallation and waits until it is gone. */
export async function deleteInstallation(api: ApiServer, name: string): Promise<void> {
	await api.delete(installationReference(name));
	await untilGone(api, installationReference(name));
}

/** In the place of certificates that only the cluster knows: whatever is made of them is among what is rendered. */
const classicStandIns: ClassicFacts = {
	injectorRoots: 'roots',
	injectorCertificate: { certChain: 'certificate', key: 'key', roots: 'roots' },
};

/** What the operator renders for this spec: CRDs first. Throws where the spec is refused. */
export function renderedObjects(name: string, spec: Spec = {}): readonly KubeObject[] {
	const mesh = meshOf(name, spec);
	return [...lines.renderCrds(mesh), ...lines.render(mesh, mesh.line === 'classic' ? classicStandIns : {})];
}

/** What the cluster must have that Pilot serves from outside. Throws where the spec is refused. */
export function renderedForServed(name: string, spec: Spec): readonly KubeObject[] {
	return renderServedCluster(resolvedMesh(name, spec));
}

/** The mesh as the operator resolves it, which the tests start in `meshwright-system`. Throws where the spec is refused. */
export function meshOf(name: string, spec: Spec): ResolvedMesh {
	const parsed = parseMeshInstallation(installation(name, spec));
	const resolved = parsed.ok
		? lines.resolve(parsed.installation, { limits: { operatorNamespace: 'meshwright-system' } })
		: parsed;
	if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
	return resolved.mesh;
}

/** As `meshOf`, of the classic line. Throws for a release of another one. */
export function resolvedMesh(name: string, spec: Spec): ResolvedClassicMesh {
	const mesh = meshOf(name, spec);
	if (mesh.line !== 'classic') throw new TypeError(`${mesh.release.version} is no classic release`);
	return mesh as ResolvedClassicMesh;
}

/** The rendered objects that belong to the installation alone: neither namespace nor CRDs. */
export function renderedChildren(name: string, spec: Spec = {}): readonly KubeObject[] {
	return renderedObjects(name, spec).filter(({ kind }) => kind !== 'Namespace' && kind !== 'CustomResourceDefinition');
}

/** Read, or written outside of an installation's set. */
const notChildren: ReadonlySet<Kind> = new Set([
	kinds.Namespace,
	kinds.Node,
	kinds.Pod,
	kinds.ServiceCIDR,
	kinds.CustomResourceDefinition,
	kinds.Lease,
	kinds.Event,
	kinds.MeshInstallation,
	kinds.ResourceQuota,
	kinds.LimitRange,
	kinds.MutatingAdmissionPolicy,
	kinds.StatefulSet,
	kinds.DaemonSet,
]);

/** Their controllers copy the labels of Services to them. */
const copies: readonly string[] = ['Endpoints', 'EndpointSlice'];

/** Kinds in which the operator may leave something. */
const childKinds: readonly Kind[] = Object.values(kinds).filter(
	(kind) => !notChildren.has(kind) && !copies.includes(kind.kind),
);

/** Everything in the cluster that says it belongs to one of some installations; to any, where none is named. */
export async function liveChildren(api: ApiServer, ...names: readonly string[]): Promise<readonly KubeObject[]> {
	// Istio's own kinds may not be there, or be there since a moment ago, so that their storage is still being opened.
	const lists = await Promise.all(
		childKinds.map((kind) => orAbsent(api.list<KubeObject>(kind, { labelSelector: managedSelector, isPatient: true }))),
	);
	return lists
		.flatMap((list) => list?.items ?? [])
		.filter(({ metadata }) => names.length === 0 || names.includes(instanceOf(metadata.labels) ?? ''));
}

/** The live object of a rendered one. Rejects with 404 where there is none. */
export async function readLive(api: ApiServer, object: KubeObject): Promise<KubeObject> {
	const { namespace, name } = object.metadata;
	const { apiVersion, kind } = kindOf(object);
	return api.get({ apiVersion, kind, name, ...(namespace === undefined ? {} : { namespace }) });
}

/** Whose controllers write their status when they come to it, a HorizontalPodAutoscaler's 15 s after it was made. */
const watchedByControllers: ReadonlySet<string> = new Set([
	kinds.Deployment.kind,
	kinds.Service.kind,
	kinds.HorizontalPodAutoscaler.kind,
	kinds.PodDisruptionBudget.kind,
]);

/** What is another one after each write but one of a controller of the cluster, which leaves all but the status as it was. */
export function versionOf(object: KubeObject): string {
	const { resourceVersion = '', managedFields = [], ...metadata } = object.metadata;
	if (!watchedByControllers.has(object.kind)) return resourceVersion;
	const owners = managedFields.filter(({ subresource }) => subresource !== 'status');
	return JSON.stringify([metadata, owners, object.spec]);
}

/** By key, what is equal before and after exactly when nobody wrote, a status of the cluster's controllers apart. */
export async function versionsOf(
	api: ApiServer,
	...names: readonly string[]
): Promise<Readonly<Record<string, string>>> {
	const crds = await api.list<KubeObject>(kinds.CustomResourceDefinition, { labelSelector: managedSelector });
	const installations = await Promise.all(names.map((name) => readInstallation(api, name)));
	const objects = [...(await liveChildren(api, ...names)), ...crds.items, ...installations];
	return Object.fromEntries(
		objects.map((object) => [objectKey(object), versionOf(object)]).sort(([a = ''], [b = '']) => (a < b ? -1 : 1)),
	);
}

/** Events about an object by name, whatever its kind. */
export async function eventsAbout(api: ApiServer, name: string): Promise<readonly KubeObject[]> {
	const { items } = await api.list<KubeObject>(kinds.Event);
	return items.filter(({ regarding }) => (regarding as { readonly name?: string } | undefined)?.name === name);
}

/** The Events of type Warning about an object by name: reason and note. */
export async function warningEventsAbout(api: ApiServer, name: string): Promise<readonly string[]> {
	const warnings = (await eventsAbout(api, name)).filter(({ type }) => type === 'Warning');
	return warnings.map(({ reason, note }) => `${reason}: ${note}`);
}

/** Waits for an Event about an installation with this reason, whose note contains a text. Returns the note. */
export async function untilEvent(api: ApiServer, name: string, reason: string, text = ''): Promise<string> {
	return eventually(`Event ${reason} about ${name} with "${text}"`, async () => {
		const notes = (await eventsAbout(api, name))
			.filter((event) => event.reason === reason)
			.map(({ note }) => String(note));
		return notes.find((note) => note.includes(text));
	});
}
