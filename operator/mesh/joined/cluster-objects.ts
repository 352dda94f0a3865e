/**
 * What is kept in joined clusters for one mesh: the account by which each is read and, where it has one, its data plane,
 * with the same gates as here: the webhook waits for its injector, Citadel for its authority.
 */
import type { ClusterProblem } from '../../../api/v1/index.ts';
import { type ChargePlace, keepCharge } from '../../apply/charge.ts';
import { injectionFieldManagerThere } from '../../apply/identity.ts';
import { namespaceIn } from '../../apply/live.ts';
import type { ClusterNames, ClusterObjects, PlannedObjects } from '../../clusters/cluster-objects.ts';
import type { ClusterConnection } from '../../clusters/keep/connection.ts';
import type { WantedCluster } from '../../clusters/wanted-cluster.ts';
import type { Charge, Lines, Place } from '../../lines/index.ts';
import { podSecurityNote } from '../../plan/pod-security.ts';
import { type SecretFacts, toSecretFacts } from '../../plan/secret-facts.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { type ControlPlaneAddresses, readerServiceAccount } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { NamedObjects } from '../../runtime/watch/named-objects.ts';
import { labelNamespaces, releaseNamespaces } from '../injection.ts';
import type { JoinedProxies } from '../proxies/joined-proxies.ts';
import { servingCertificate } from '../serving-certificate.ts';
import { emptyViewMemory, type Lookout, type Subject, type ViewMemory, viewMesh } from '../view.ts';
import { ForeignWebhooks } from '../webhooks/foreign-webhooks.ts';
import { podPlaces } from '../webhooks/pod-places.ts';
import { primaryReader } from './readers.ts';

/** What a process remembers about a data plane while it is connected. */
interface DataPlaneMemory {
	readonly secrets: NamedObjects<SecretFacts>;
	/** ConfigMaps by which a control plane shows that it is in charge there. */
	readonly proofs: NamedObjects<true>;
	readonly view: ViewMemory;
	/** Webhooks of others there that keep pods from being made. */
	readonly webhooks: ForeignWebhooks;
}

const memories = new WeakMap<ClusterConnection, DataPlaneMemory>();

/** Who is interested in what others keep there. */
const who = 'data plane';
/** Wait this long for an object of others that can't be read. */
const lookDeadlineMs = 5_000;

export interface ClusterObjectsOptions {
	readonly lines: Lines;
	/** Addresses of the control plane's pods, by the names of `DataPlane.services`. */
	readonly addresses: ControlPlaneAddresses;
	/** Sorted IP addresses of the gateway by which clusters of other networks reach it. Undefined when they do not. */
	readonly gateway?: readonly string[] | undefined;
	/** Looks at users' proxies there. Default: nobody does. */
	readonly proxies?: Pick<JoinedProxies, 'look'>;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
}

export function clusterObjects(
	mesh: ResolvedMesh,
	{ lines, addresses, gateway, proxies, wallClock }: ClusterObjectsOptions,
): ClusterObjects {
	const line = lines.of(mesh);
	const { dataPlane } = line.multiCluster;
	const charge = dataPlane.charge(mesh);
	const injection = line.injection(mesh);
	const labelledNamespaces = injection?.namespaces ?? [];
	const caSecretName = dataPlane.caSecretName(mesh);
	// Keeps the objects while nothing differs, so that they are hashed once.
	const readers = new Map<string, readonly KubeObject[]>();

	const addressesFor = ({ network, dataPlane: wanted }: WantedCluster): ControlPlaneAddresses => {
		const given = wanted?.controlPlaneAddresses ?? [];
		const isElsewhere = network !== undefined && network !== mesh.multiCluster.network;
		if (given.length === 0 && isElsewhere && gateway !== undefined) return lines.addressesForAll(mesh, gateway);
		return given.length === 0 ? addresses : lines.addressesForAll(mesh, given);
	};
	const subjectOf = (cluster: WantedCluster, names: ClusterNames, there: ClusterConnection): Subject => {
		const place = placeOf(cluster);
		const shown = addressesFor(cluster);
		return {
			line,
			mesh: meshIn(lines, mesh, place),
			basis: { names, shown },
			render: (facts) => dataPlane.render(mesh, { ...place, ...names, addresses: shown, facts }),
			gates: dataPlane.gates(meshIn(lines, mesh, place), {
				isInCharge: charge !== undefined && proofOf(there, { ...charge, namespace: mesh.namespace }) === true,
				child: (key) => there.live.get(key),
			}),
		};
	};

	return {
		// Proxies in a primary ask its own control plane.
		lookAt: ({ name, role }, there) => (role === 'Primary' ? undefined : proxies?.look(mesh, name, there)),
		labelledNamespaces,
		...(caSecretName === undefined ? {} : { caSecretName }),
		authorityThere: (there) => {
			const secret =
				caSecretName === undefined
					? undefined
					: memories.get(there)?.secrets.get({ namespace: mesh.namespace, name: caSecretName });
			return secret === undefined || secret === 'unknown' ? undefined : secret.hash;
		},
		readerAccount: readerServiceAccount,
		readerAccountFor: (primary) => readerServiceAccount(primaryReader(primary)),
		problemsOf: (cluster) =>
			dataPlane
				.check(mesh, {
					...placeOf(cluster),
					controlPlaneAddresses: cluster.dataPlane?.controlPlaneAddresses ?? [],
				})
				.map(
					({ reason, path, message, remedy }): ClusterProblem => ({
						reason,
						message: `${path}: ${message}. ${remedy}`,
					}),
				),
		samples: (cluster, names) =>
			cluster.dataPlane === undefined
				? lines.renderReader(mesh, names)
				: dataPlane.render(mesh, {
						...placeOf(cluster),
						...names,
						addresses: lines.addressesForAll(mesh, ['192.0.2.1']),
						facts: line.standIns,
					}),
		async inCluster(cluster, there, names, signal): Promise<PlannedObjects> {
			if (cluster.dataPlane === undefined) {
				const key = JSON.stringify(names);
				const objects = readers.get(key) ?? lines.renderReader(mesh, names);
				readers.set(key, objects);
				return { objects, version: mesh.release.version };
			}
			const { secrets, proofs, view: memory, webhooks } = memoryOf(there);
			proofs.setInterest(who, charge === undefined ? [] : [{ namespace: mesh.namespace, name: charge.proof }]);
			await proofs.synced(who, lookDeadlineMs, signal);
			const lookout = lookoutOf(there, { secrets, mesh, applySet: names.applySet, wallClock });
			const subject = subjectOf(cluster, names, there);
			const { objects, held, kept } = await viewMesh(subject, lookout, memory, { nowMs: wallClock(), signal });
			const refused = podSecurityNote(
				mesh.namespace,
				namespaceIn(there.live, mesh.namespace)?.injection?.labels ?? {},
				objects,
			);
			const notes = [
				...new Set(kept.values()),
				...(refused === undefined ? [] : [refused]),
				...dataPlane.notes(addressesFor(cluster)),
			];
			const places = podPlaces(mesh, objects, injection?.namespaces, there.live);
			const dead = webhooks.problemsOf(mesh.name, places, true, (partOf) => partOf === names.applySet);
			return {
				objects,
				version: mesh.release.version,
				kept,
				held,
				...(notes.length === 0 ? {} : { note: notes.join('; ') }),
				...(dead === undefined ? {} : { webhooks: { dead, unseen: webhooks.unseen } }),
			};
		},
		async afterApply(cluster, there, applied, signal) {
			if (!there.kept.dataPlane) return { errors: [], notes: [] };
			const wanted = cluster.dataPlane === undefined ? undefined : injection;
			const isApplied = applied.errors.length === 0;
			const { errors, notes } = await labelNamespaces(injectionPlace(mesh.name, there), wanted, isApplied, signal);
			const inCharge = cluster.dataPlane === undefined ? undefined : charge?.cluster;
			const failed = isApplied ? await keepCharge(chargePlace(mesh, there), inCharge, signal) : [];
			return {
				errors: [...errors, ...failed],
				notes,
				...(isApplied && failed.length === 0 ? { isInCharge: inCharge !== undefined } : {}),
			};
		},
		release: (there, signal) => releaseNamespacesThere(mesh, there, signal),
	};
}

function placeOf({ name, network }: WantedCluster): Place {
	return { cluster: name, ...(network === undefined ? {} : { network }) };
}

/** The mesh as it is in each place. It stays the same object while the mesh does, which shows that nothing differs. */
const meshesThere = new WeakMap<ResolvedMesh, Map<string, ResolvedMesh>>();

function meshIn(lines: Lines, mesh: ResolvedMesh, place: Place): ResolvedMesh {
	const known = meshesThere.get(mesh) ?? new Map<string, ResolvedMesh>();
	meshesThere.set(mesh, known);
	const key = JSON.stringify(place);
	const there = known.get(key) ?? lines.of(mesh).multiCluster.dataPlane.meshIn(mesh, place);
	known.set(key, there);
	return there;
}

/** That cluster, as a view looks at it. */
function lookoutOf(
	there: ClusterConnection,
	{
		secrets,
		mesh: { namespace },
		applySet,
		wallClock,
	}: {
		readonly secrets: NamedObjects<SecretFacts>;
		readonly mesh: ResolvedMesh;
		readonly applySet: string;
		readonly wallClock: () => number;
	},
): Lookout {
	return {
		child: (key) => there.live.get(key),
		secret: (name) => secrets.get(name),
		async expectSecrets(names, signal) {
			secrets.setInterest(who, names);
			await secrets.synced(who, lookDeadlineMs, signal);
		},
		certificate: (request, known, signal) =>
			servingCertificate(request, {
				api: there.api,
				namespace,
				applySet,
				known,
				nowMs: wallClock(),
				mayIssue: true,
				signal,
			}),
	};
}

function injectionPlace(mesh: string, there: ClusterConnection) {
	return {
		mesh,
		namespaces: there.namespaces,
		live: there.live,
		writer: there.applier(undefined),
		manager: injectionFieldManagerThere(there.partOf),
	};
}

function chargePlace({ namespace }: Pick<ResolvedMesh, 'namespace'>, there: ClusterConnection): ChargePlace {
	return { namespace, live: there.live, writer: there.applier(undefined), partOf: there.partOf };
}

/** Removes what we have put on the namespaces of a cluster that leaves. */
export async function releaseNamespacesThere(
	mesh: Pick<ResolvedMesh, 'name' | 'namespace'>,
	there: ClusterConnection,
	signal: AbortSignal,
): Promise<readonly unknown[]> {
	if (!there.kept.dataPlane) return [];
	return [
		...(await releaseNamespaces(injectionPlace(mesh.name, there), signal)),
		...(await keepCharge(chargePlace(mesh, there), undefined, signal)),
	];
}

/** Whether the control plane shows that it is in charge there. */
function proofOf(
	there: ClusterConnection,
	{ namespace, proof }: Pick<Charge, 'proof'> & { readonly namespace: string },
): true | 'unknown' | undefined {
	return memories.get(there)?.proofs.get({ namespace, name: proof });
}

function memoryOf(there: ClusterConnection): DataPlaneMemory {
	const known = memories.get(there);
	if (known !== undefined) return known;
	const secrets = new NamedObjects<SecretFacts>(there.api, {
		kind: kinds.Secret,
		transform: toSecretFacts,
		onChange: ({ name }) => there.wake(`Secret ${name} there`),
	});
	const proofs = new NamedObjects<true>(there.api, {
		kind: kinds.ConfigMap,
		transform: () => true,
		onChange: ({ name }) => there.wake(`ConfigMap ${name} there`),
	});
	const webhooks = new ForeignWebhooks({
		api: there.api,
		onChange: () => there.wake('a webhook of somebody else there'),
		onError: there.onError,
	});
	there.endsWith(() => {
		secrets.stop();
		proofs.stop();
		webhooks.stop();
	});
	const memory: DataPlaneMemory = { secrets, proofs, view: emptyViewMemory(), webhooks };
	memories.set(there, memory);
	return memory;
}
