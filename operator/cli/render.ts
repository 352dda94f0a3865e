/** `meshwright render`: prints the objects of installations. */

import { fieldsOf } from '../../api/v1/index.ts';
import { lines } from '../lines/index.ts';
import { applySetLabel } from '../render/index.ts';
import { kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import { CommandError } from './command-error.ts';
import { type DesiredInstallation, readDesired } from './desired.ts';
import { exitCodes } from './exit-codes.ts';
import { formatObjects } from './output.ts';
import { type LimitOptions, limitsOf } from './program-options.ts';
import { note, printDocument } from './terminal.ts';

export interface RenderOptions extends LimitOptions {
	readonly filename: readonly string[];
	readonly output: 'yaml' | 'json';
	/** False by `--no-crds`. */
	readonly crds: boolean;
	/** Render instead what is kept in this joined cluster. */
	readonly cluster?: string;
	/** Render instead what the cluster of `spec.pilot.kubeconfigSecret` must have. */
	readonly servedCluster: boolean;
	/** Print the webhook's configuration too. */
	readonly withWebhook: boolean;
}

export async function render(options: RenderOptions): Promise<number> {
	const { cluster, servedCluster } = options;
	const objects = (await readDesired(options.filename, { limits: limitsOf(options) }))
		.flatMap((desired) =>
			cluster !== undefined ? inCluster(desired, cluster) : servedCluster ? served(desired) : desired.objects,
		)
		.filter(({ kind }) => options.crds || kind !== 'CustomResourceDefinition');
	const forOperator = options.withWebhook ? [] : objects.filter(isForOperator);
	note(
		forOperator.map(
			({ kind, metadata }) =>
				`left out ${kind} ${metadata.name}: only the operator knows its caBundle, and applied by hand it would refuse every pod of its namespaces; --with-webhook prints it`,
		),
	);
	await printDocument(
		formatObjects(
			objects.filter((object) => !forOperator.includes(object)),
			options.output,
		),
	);
	return exitCodes.ok;
}

/**
 * Whether API servers would call something that they can't trust. The certificate of the injector is made in the cluster, so
 * what is rendered without one has no authority for it.
 */
function isForOperator({ kind, webhooks }: KubeObject): boolean {
	if (kind !== kinds.MutatingWebhookConfiguration.kind || !Array.isArray(webhooks)) return false;
	return webhooks.some((webhook: unknown) => fieldsOf(fieldsOf(webhook).clientConfig).caBundle === undefined);
}

/**
 * Leaves out what only clusters know: the injector's certificate, addresses of Pilot's pods, and the set of the objects,
 * whose name contains the UID of the cluster that keeps them.
 */
function inCluster({ mesh }: DesiredInstallation, cluster: string): readonly KubeObject[] {
	const { name } = mesh;
	const { clusters, clusterName: readBy } = mesh.multiCluster;
	const entry = clusters.find((one) => one.name === cluster);
	if (entry === undefined) {
		const names = clusters.map((one) => one.name);
		throw new CommandError(
			`MeshInstallation ${name} lists no cluster ${cluster}`,
			names.length === 0 ? 'list it in spec.multiCluster.clusters' : `choose one of: ${names.join(', ')}`,
		);
	}
	if (readBy === undefined) {
		throw new CommandError(
			`spec.multiCluster.clusterName of MeshInstallation ${name} is not set: names there are made of the UID of its cluster`,
			'set it, for the name of the cluster that the mesh is in',
		);
	}
	const reader = { readBy, applySet: '' };
	const { network, dataPlane } = entry;
	const objects =
		dataPlane === undefined
			? lines.renderReader(mesh, reader)
			: lines.of(mesh).multiCluster.dataPlane.render(mesh, {
					...reader,
					cluster,
					...(network === undefined ? {} : { network }),
					addresses: lines.addressesForAll(mesh, dataPlane.controlPlaneAddresses),
					facts: {},
				});
	return objects.map((object) => {
		const { [applySetLabel]: _, ...labels } = object.metadata.labels ?? {};
		return { ...object, metadata: { ...object.metadata, labels } };
	});
}

function served({ mesh }: DesiredInstallation): readonly KubeObject[] {
	const objects = lines.of(mesh).servedCluster(mesh);
	if (objects === undefined) {
		throw new CommandError(
			`the Pilot of MeshInstallation ${mesh.name} serves its own cluster`,
			'set spec.pilot.kubeconfigSecret, or leave --served-cluster away',
		);
	}
	return objects;
}
