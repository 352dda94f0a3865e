/** A mesh as its own cluster shows it to a pass: what joined clusters add to it, how it looks, and what is remembered. */
import { namespaceIn } from '../apply/live.ts';
import type { CertificateRequest } from '../lines/index.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import { applySetId, type ServingCertificate } from '../render/index.ts';
import type { ObjectName } from '../runtime/object.ts';
import type { StoredInstallation } from './installation.ts';
import type { PreparedMesh } from './prepare.ts';
import type { ReconcilerOptions } from './reconciler-options.ts';
import { servingCertificate } from './serving-certificate.ts';
import type { Side } from './side.ts';
import { type Lookout, type MeshView, viewMesh } from './view.ts';

export type OwnViewOptions = Pick<
	ReconcilerOptions,
	'api' | 'applier' | 'clusters' | 'configFollowedAfterMs' | 'lines' | 'secrets' | 'wallClock'
>;

/** A pass waits this long for a Secret that can't be read, and then goes on without it. */
const secretsDeadlineMs = 5_000;

/** What the views of one pass share, so that two of a mesh neither make two certificates nor forget each other's Secrets. */
export interface SharedLook {
	/** Secrets that another view of this mesh looks at. */
	readonly secrets: readonly ObjectName[];
	readonly certificates: Map<string, Promise<ServingCertificate | undefined>>;
}

/** Looks at a mesh. */
export async function viewHere(
	object: StoredInstallation,
	prepared: PreparedMesh,
	side: Side,
	options: OwnViewOptions,
	shared: SharedLook,
	signal: AbortSignal,
): Promise<MeshView> {
	const { clusters, lines, wallClock } = options;
	const { mesh } = prepared;
	const joined = clusters.factsOf(object, mesh);
	const readers = clusters.readersHere(mesh);
	const subject = {
		line: lines.of(mesh),
		mesh,
		joined: joined.facts,
		render: (facts: object) => [...lines.renderCrds(mesh), ...lines.render(mesh, facts), ...readers],
		basis: readers,
		gates: joined.gates,
	};
	const view = await viewMesh(subject, lookout(prepared, options, shared, signal), side.view, {
		nowMs: wallClock(),
		configFollowedInMs: configFollowedInMs(mesh, side, options),
		signal,
	});
	return { ...view, againInMs: earliest(view.againInMs, joined.againInMs) };
}

/** The Secrets that a view of this mesh looks at. */
export function secretsOf({ mesh }: PreparedMesh, { lines }: Pick<OwnViewOptions, 'lines'>): readonly ObjectName[] {
	return lines
		.of(mesh)
		.sees(mesh)
		.secrets.map((name) => ({ namespace: mesh.namespace, name }));
}

/** This cluster, as a view looks at it. */
function lookout(
	{ mesh, paused }: PreparedMesh,
	{ api, applier, secrets, wallClock }: OwnViewOptions,
	shared: SharedLook,
	signal: AbortSignal,
): Lookout {
	const isThere = (name: string) => namespaceIn(applier.live, name) !== undefined;
	const certificate = (request: CertificateRequest, known: ServingCertificate | undefined) =>
		servingCertificate(request, {
			api,
			namespace: mesh.namespace,
			applySet: applySetId(mesh.name),
			known,
			nowMs: wallClock(),
			mayIssue: !paused,
			signal,
		});
	return {
		child: (key) => applier.live.get(key),
		// Nothing is in a namespace that is not there: that is known at once.
		secret: (name) => (isThere(name.namespace) ? secrets.get(name) : undefined),
		async expectSecrets(names) {
			const all = [...names, ...shared.secrets];
			secrets.setInterest(mesh.name, all);
			if (all.some(({ namespace }) => isThere(namespace))) await secrets.synced(mesh.name, secretsDeadlineMs, signal);
		},
		certificate(request, known) {
			const key = JSON.stringify(request);
			const made = shared.certificates.get(key) ?? certificate(request, known);
			shared.certificates.set(key, made);
			return made;
		},
	};
}

/** How long it takes until every control plane follows this mesh configuration; 0 when it does. */
function configFollowedInMs(
	mesh: ResolvedMesh,
	side: Side,
	{ applier, configFollowedAfterMs, lines }: OwnViewOptions,
): number {
	const now = applier.now();
	// The mesh stays the same object until the spec changes, so most passes hash nothing.
	if (side.configuration?.mesh !== mesh) {
		const hash = lines.of(mesh).configurationHash(mesh);
		const since = side.configuration?.hash === hash ? side.configuration.since : now;
		side.configuration = { mesh, hash, since };
	}
	return Math.max(0, side.configuration.since + configFollowedAfterMs - now);
}

/** The smallest of the given times. */
export function earliest(...waits: readonly (number | undefined)[]): number | undefined {
	const given = waits.filter((wait) => wait !== undefined);
	return given.length === 0 ? undefined : Math.min(...given);
}
