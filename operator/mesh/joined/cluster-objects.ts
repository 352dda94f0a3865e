/**
 * What is kept in joined clusters for one mesh: the account by which each is read and, where it has one, its data plane, with
 * the same gates as here: the webhook waits for its injector, Citadel for its authority.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import type { ApplyResult } from '../../apply/applier.ts';
import { injectionFieldManagerThere } from '../../apply/identity.ts';
import { applyInjectionLabels, planInjectionLabels } from '../../apply/injection-labels.ts';
import type { ClusterNames, ClusterObjects, PlannedObjects } from '../../clusters/cluster-objects.ts';
import type { ClusterConnection } from '../../clusters/keep/connection.ts';
import type { WantedCluster } from '../../clusters/wanted-cluster.ts';
import {
	factsOf,
	type RootMemory,
	rememberRoots,
	type Sight,
	secretsOf,
	waitingOf,
} from '../../plan/classic/mesh-facts.ts';
import { type SecretFacts, toSecretFacts } from '../../plan/secret-facts.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { injectorWebhook } from '../../render/classic/injector-names.ts';
import {
	type ClusterFacts,
	type ControlPlaneAddresses,
	checkDataPlane,
	dataPlaneMesh,
	readerServiceAccount,
	renderDataPlane,
	renderReader,
	type ServingCertificate,
} from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { NamedObjects } from '../../runtime/watch/named-objects.ts';
import { injectorCertificate } from '../injector-certificate.ts';
import { primaryReader } from './readers.ts';

/** What a process remembers of a data plane, as long as it is connected. */
interface DataPlaneMemory {
	readonly secrets: NamedObjects<SecretFacts>;
	certificate: ServingCertificate | undefined;
	roots: RootMemory;
	rendered:
		| { readonly key: string; readonly mesh: ResolvedMesh; readonly objects: ReturnType<typeof renderDataPlane> }
		| undefined;
}

const memories = new WeakMap<ClusterConnection, DataPlaneMemory>();

/** A Secret that can't be read is waited for so long, milliseconds. */
const secretsDeadlineMs = 5_000;

/** In the place of what only a cluster tells: whatever is made of it is among what is rendered. */
const standIns: ClusterFacts = {
	injectorRoots: 'pending',
	injectorCertificate: { certChain: 'pending', key: 'pending', roots: 'pending' },
	caSecretHash: 'pending',
};

export interface ClusterObjectsOptions {
	readonly addresses: ControlPlaneAddresses;
	/** Milliseconds since 1970. */
	readonly wallClock: () => number;
}

export function clusterObjects(mesh: ResolvedMesh, { addresses, wallClock }: ClusterObjectsOptions): ClusterObjects {
	const labelledNamespaces = mesh.injector?.namespaces ?? [];
	const placeOf = ({ name, network }: WantedCluster) => ({
		cluster: name,
		...(network === undefined ? {} : { network }),
	});
	const addressesFor = ({ dataPlane }: WantedCluster): ControlPlaneAddresses => {
		const given = [...(dataPlane?.controlPlaneAddresses ?? [])].sort();
		return given.length === 0 ? addresses : { pilot: given, policy: given, telemetry: given };
	};
	// The same objects as long as nothing differs, so that they are hashed once.
	const readers = new Map<string, ReturnType<typeof renderReader>>();
	return {
		labelledNamespaces,
		...(mesh.citadel?.caSecretName === undefined ? {} : { caSecretName: mesh.citadel.caSecretName }),
		authorityThere: (there) => {
			const name = mesh.citadel?.caSecretName;
			const secret =
				name === undefined ? undefined : memories.get(there)?.secrets.get({ namespace: mesh.namespace, name });
			return secret === undefined || secret === 'unknown' ? undefined : secret.hash;
		},
		readerAccount: readerServiceAccount,
		readerAccountFor: (primary) => readerServiceAccount(primaryReader(primary)),
		problemsOf: (cluster) =>
			checkDataPlane(mesh, {
				...placeOf(cluster),
				controlPlaneAddresses: cluster.dataPlane?.controlPlaneAddresses ?? [],
			}).map(
				({ reason, path, message, remedy }): ClusterProblem => ({ reason, message: `${path}: ${message}. ${remedy}` }),
			),
		samples: (cluster, names) =>
			cluster.dataPlane === undefined
				? renderReader(mesh, names)
				: renderDataPlane(mesh, {
						...placeOf(cluster),
						...names,
						addresses: { pilot: ['192.0.2.1'], policy: ['192.0.2.1'], telemetry: ['192.0.2.1'] },
						facts: standIns,
					}),
		async inCluster(cluster, there, names, signal): Promise<PlannedObjects> {
			if (cluster.dataPlane === undefined) {
				const key = JSON.stringify(names);
				const objects = readers.get(key) ?? renderReader(mesh, names);
				readers.set(key, objects);
				return { objects };
			}
			const own = dataPlaneMesh(mesh, placeOf(cluster));
			const memory = memoryOf(there);
			const sight: Sight = {
				child: (key) => there.live.get(key),
				secret: (name) => memory.secrets.get({ namespace: mesh.namespace, name }),
			};
			const facts = await factsThere(own, there, names, memory, sight, wallClock, signal);
			const shown = addressesFor(cluster);
			const key = JSON.stringify([placeOf(cluster), names, shown, facts]);
			if (memory.rendered?.key !== key || memory.rendered.mesh !== mesh) {
				const remote = { ...placeOf(cluster), ...names, addresses: shown, facts };
				memory.rendered = { key, mesh, objects: renderDataPlane(mesh, remote) };
			}
			const { objects } = memory.rendered;
			const waiting = waitingOf(own, facts, objects, sight, true);
			const held = new Map([...waiting.held, ...withoutAuthority(mesh)]);
			const notes = [
				...new Set(waiting.kept.values()),
				...(shown.pilot.length === 0 ? ['no pod of Pilot is ready yet, so istio-pilot has no address there'] : []),
			];
			return { objects, kept: waiting.kept, held, ...(notes.length === 0 ? {} : { note: notes.join('; ') }) };
		},
		async afterApply(cluster, there, applied, signal) {
			if (!there.kept.dataPlane) return { errors: [], notes: [] };
			const wanted = cluster.dataPlane === undefined ? [] : labelledNamespaces;
			return labelThere(mesh, wanted, there, applied, signal);
		},
		release: (there, signal) => releaseNamespacesThere(mesh.name, there, signal),
	};
}

/**
 * A cluster that has joined goes on when its mesh gets a Citadel without an authority for all clusters, which is told by
 * `problemsOf`; but none is made there that would have one of its own, and certificates that nobody else accepts.
 */
function withoutAuthority({ citadel, namespace }: ResolvedMesh): readonly (readonly [string, string])[] {
	return citadel === undefined || citadel.caSecretName !== undefined
		? []
		: [
				[
					objectKey({ ...kinds.Deployment, namespace, name: 'istio-citadel' }),
					'waiting for spec.citadel.caSecretName: a Citadel with an authority of its own is not made there',
				],
			];
}

/** Takes our labels off the namespaces of a cluster that leaves. */
export async function releaseNamespacesThere(
	mesh: string,
	there: ClusterConnection,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	if (!there.kept.dataPlane) return [];
	const manager = injectionFieldManagerThere(there.partOf);
	const plan = planInjectionLabels(mesh, [], there.namespaces, manager);
	return applyInjectionLabels(there.applier(undefined), mesh, plan, signal, manager);
}

function memoryOf(there: ClusterConnection): DataPlaneMemory {
	const known = memories.get(there);
	if (known !== undefined) return known;
	const secrets = new NamedObjects<SecretFacts>(there.api, {
		kind: kinds.Secret,
		transform: toSecretFacts,
		onChange: ({ name }) => there.wake(`Secret ${name} there`),
	});
	there.endsWith(() => secrets.stop());
	const memory: DataPlaneMemory = {
		secrets,
		certificate: undefined,
		roots: { former: new Map() },
		rendered: undefined,
	};
	memories.set(there, memory);
	return memory;
}

/** As for this cluster, from what that cluster shows. */
async function factsThere(
	own: ResolvedMesh,
	there: ClusterConnection,
	{ applySet }: ClusterNames,
	memory: DataPlaneMemory,
	sight: Sight,
	wallClock: () => number,
	signal: AbortSignal,
): Promise<ClusterFacts> {
	memory.secrets.setInterest('data plane', secretsOf(own));
	await memory.secrets.synced('data plane', secretsDeadlineMs, signal);
	memory.certificate = await injectorCertificate(own, {
		api: there.api,
		known: memory.certificate,
		now: wallClock(),
		mayIssue: true,
		applySet,
		signal,
	});
	memory.roots = rememberRoots(own, memory.roots, sight, wallClock());
	return factsOf(own, memory.certificate, sight, memory.roots);
}

async function labelThere(
	mesh: ResolvedMesh,
	wanted: readonly string[],
	there: ClusterConnection,
	applied: ApplyResult,
	signal: AbortSignal,
): Promise<{ readonly errors: readonly unknown[]; readonly notes: readonly string[] }> {
	const manager = injectionFieldManagerThere(there.partOf);
	const plan = planInjectionLabels(mesh.name, wanted, there.namespaces, manager);
	const webhook = objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook(mesh) });
	const isServed = applied.errors.length === 0 && there.live.get(webhook) !== undefined;
	const { release, missing, refused } = plan;
	const labels = { label: isServed ? plan.label : [], release };
	const errors = await applyInjectionLabels(there.applier(undefined), mesh.name, labels, signal, manager);
	return {
		errors: [...errors, ...refused],
		notes:
			missing.length === 0 ? [] : [`not there yet, and labelled as soon as they are: namespaces ${missing.join(', ')}`],
	};
}
