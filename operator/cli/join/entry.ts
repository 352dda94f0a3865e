/** The entry of `spec.multiCluster.clusters` for a cluster that joins, and who owns it there. */
import { apiVersion, definedFields, kind, type ParsedSpec } from '../../../api/v1/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { ConflictError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { type ClustersMesh, judge } from '../clusters/mesh.ts';
import { CommandError } from '../command-error.ts';
import { cliFieldManager } from './account.ts';

/** The entry as the spec has it. */
export type ClusterEntry = NonNullable<NonNullable<ParsedSpec['multiCluster']>['clusters']>[number];

export function entriesOf({ multiCluster }: ParsedSpec): readonly ClusterEntry[] {
	return multiCluster?.clusters ?? [];
}

export interface EntryOptions {
	readonly role?: 'Remote' | 'Primary';
	readonly network?: string;
	readonly podCidr?: readonly string[];
	readonly serviceCidr?: readonly string[];
	readonly controlPlaneAddress?: readonly string[];
	/** False by `--no-data-plane`. */
	readonly dataPlane: boolean;
	readonly secretNamespace: string;
}

/** The entry that the options ask for, based on what the spec says of this cluster already. */
export function entryFor(name: string, options: EntryOptions, existing: ClusterEntry | undefined): ClusterEntry {
	const { role, network, podCidr, serviceCidr, controlPlaneAddress, dataPlane, secretNamespace } = options;
	const addresses = controlPlaneAddress ?? existing?.dataPlane?.controlPlaneAddresses;
	const enabled = dataPlane ? existing?.dataPlane?.enabled : false;
	const plane = definedFields({ enabled, controlPlaneAddresses: addresses?.slice() });
	return definedFields({
		name,
		kubeconfigSecret: existing?.kubeconfigSecret ?? { name: `${name}-kubeconfig`, namespace: secretNamespace },
		role: role ?? existing?.role,
		network: network ?? existing?.network,
		server: existing?.server,
		podCIDRs: podCidr ?? existing?.podCIDRs,
		serviceCIDRs: serviceCidr ?? existing?.serviceCIDRs,
		dataPlane: Object.keys(plane).length === 0 ? undefined : plane,
	});
}

/** The mesh with the entry in its list. Throws CommandError when the operator would refuse it. */
export function meshWith({ object, spec, serverVersion }: ClustersMesh, entry: ClusterEntry): ClustersMesh {
	const { multiCluster = {}, ...rest } = (object.spec ?? {}) as { readonly multiCluster?: object };
	const entries = entriesOf(spec);
	const isNew = !entries.some(({ name }) => name === entry.name);
	const clusters = isNew ? [...entries, entry] : entries.map((one) => (one.name === entry.name ? entry : one));
	return judge({ ...object, spec: { ...rest, multiCluster: { ...multiCluster, clusters } } }, serverVersion);
}

/**
 * The field manager for an entry. Each entry has its own: a manager owns only what it applied last, so with one manager for
 * all a second join would remove the first one's entry.
 */
export function entryManager(cluster: string): string {
	return `${cliFieldManager}-${cluster}`;
}

/** Writes the entry. Throws CommandError when somebody else owns fields of the entry that would change. */
export async function applyEntry(api: ApiServer, mesh: string, entry: ClusterEntry, dryRun: boolean): Promise<void> {
	const spec = { multiCluster: { clusters: [entry] } };
	try {
		await api.apply(
			{ apiVersion, kind, metadata: { name: mesh }, spec },
			{ fieldManager: entryManager(entry.name), fieldValidation: 'Strict', metadataOnly: true, dryRun },
		);
	} catch (error) {
		if (!(error instanceof ConflictError)) throw error;
		throw new CommandError(
			`the entry ${entry.name} of MeshInstallation ${mesh} belongs to somebody else: ${error.message}`,
			'change it where it is kept (in Git, for example), and run the command without --apply',
			error,
		);
	}
}

/** The names of the managers that own the entry. */
export function entryOwners({ metadata }: KubeObject, cluster: string): readonly string[] {
	const key = `k:${JSON.stringify({ name: cluster })}`;
	const owners = (metadata.managedFields ?? [])
		.filter(({ subresource = '' }) => subresource === '')
		.filter(({ fieldsV1 }) => key in inside(inside(inside(fieldsV1, 'f:spec'), 'f:multiCluster'), 'f:clusters'))
		.map(({ manager }) => manager ?? 'unknown');
	return [...new Set(owners)];
}

function inside(value: unknown, field: string): object {
	const found = (value as Readonly<Record<string, unknown>> | undefined)?.[field];
	return typeof found === 'object' && found !== null ? found : {};
}

/** Removes what `applyEntry` has written. */
export async function removeEntry(api: ApiServer, mesh: string, cluster: string): Promise<KubeObject> {
	await api.apply(
		{ apiVersion, kind, metadata: { name: mesh } },
		{ fieldManager: entryManager(cluster), metadataOnly: true },
	);
	return api.get({ ...kinds.MeshInstallation, name: mesh });
}
