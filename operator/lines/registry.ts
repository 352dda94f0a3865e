/** Several lines as one: finds the line that a version, a mesh or a field of the spec belongs to. */
import { definedFields, type ParsedMeshInstallation } from '../../api/v1/index.ts';
import type { Exclusive } from '../plan/rivalry.ts';
import {
	checkLimits,
	comesFrom,
	type Release,
	type ResolvedMesh,
	type ResolveOptions,
	type ResolveResult,
} from '../releases/index.ts';
import {
	type ControlPlaneAddresses,
	changedConfigMaps,
	finishedWith,
	imagesOf,
	OverlayError,
	type OverlayProblem,
	type Reader,
	type Readers,
	type RenderResult,
	renderComponents,
	renderReader,
	renderReadersHere,
} from '../render/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { FieldProblem } from '../status/finding.ts';
import { findRelease, versionProblem } from './find-release.ts';
import type { Line } from './line.ts';

export class Lines {
	readonly #lines: ReadonlyMap<string, Line>;

	constructor(lines: readonly Line[]) {
		this.#lines = new Map(lines.map((line) => [line.name, line]));
	}

	/** Every release that can be installed, line by line, oldest first. */
	get releases(): readonly Release[] {
		return [...this.#lines.values()].flatMap(({ releases }) => releases);
	}

	/** What only one mesh of a cluster can have. */
	get exclusives(): readonly Exclusive[] {
		return [...this.#lines.values()].flatMap(({ exclusives }) => exclusives);
	}

	/** Deployments whose pods are replaced when the Secrets of joined clusters change, by whether all releases read these. */
	get secretReaders(): { readonly always: ReadonlySet<string>; readonly perhaps: ReadonlySet<string> } {
		const readers = [...this.#lines.values()].map(({ multiCluster }) => multiCluster.readers);
		return {
			always: new Set(readers.flatMap(({ always }) => always)),
			perhaps: new Set(readers.flatMap(({ perhaps }) => perhaps)),
		};
	}

	/** Names of the Services of all control planes whose addresses joined clusters need. */
	get controlPlaneServices(): ReadonlySet<string> {
		const lines = [...this.#lines.values()];
		return new Set(lines.flatMap(({ multiCluster }) => Object.values(multiCluster.dataPlane.services)));
	}

	/** The same sorted addresses for every part of the control plane: those of a load balancer in front of them. */
	addressesForAll(mesh: ResolvedMesh, addresses: readonly string[]): ControlPlaneAddresses {
		const parts = Object.keys(this.of(mesh).multiCluster.dataPlane.services);
		return Object.fromEntries(parts.map((part) => [part, addresses.toSorted()]));
	}

	/** The line of a mesh or release. Throws when none of these lines made it. */
	of({ line }: Pick<ResolvedMesh | Release, 'line'>): Line {
		const found = this.#lines.get(line);
		if (found === undefined) throw new TypeError(`there is no line ${line}`);
		return found;
	}

	/** Resolves a parsed installation. Reports all problems, not the first alone. */
	resolve(installation: ParsedMeshInstallation, options: ResolveOptions = {}): ResolveResult {
		const { version } = installation.spec;
		const search = findRelease(
			version,
			this.releases,
			[...this.#lines.values()].flatMap(({ ended }) => ended),
		);
		if (search.found !== 'release') return { ok: false, problems: [versionProblem(version, search)] };
		const closed = checkLimits(installation.spec, options.limits);
		const result = this.of(search.release).resolve(search.release, installation, options);
		if (!result.ok) return { ok: false, problems: [...closed, ...result.problems] };
		if (closed.length > 0) return { ok: false, problems: closed };
		return { ok: true, mesh: { ...result.mesh, ...definedFields({ limits: options.limits }) } };
	}

	/** Istio's own definitions for a mesh. */
	renderCrds(mesh: ResolvedMesh): readonly KubeObject[] {
		return this.of(mesh).crds(mesh);
	}

	/**
	 * All objects of a mesh except Istio's definitions, sorted, deep-frozen, without anything empty. Owner references are
	 * added when the objects are applied, because they need the uid of the live MeshInstallation.
	 *
	 * Throws OverlayError when overlays can't be applied. `checkOverlays` tells that beforehand.
	 */
	render(mesh: ResolvedMesh, facts: object = {}): readonly KubeObject[] {
		const result = this.renderMesh(mesh, facts);
		if (!result.ok) throw new OverlayError(result.problems);
		return result.objects;
	}

	/** As `render`, with the problems of overlays as a value. */
	renderMesh(mesh: ResolvedMesh, facts: object = {}): RenderResult {
		const result = this.#withoutCopies(mesh, facts);
		return result.ok
			? { ok: true, objects: finishedWith(result.objects, this.of(mesh).copies(mesh, result.objects)) }
			: result;
	}

	#withoutCopies(mesh: ResolvedMesh, facts: object): RenderResult {
		const line = this.of(mesh);
		return renderComponents(
			{
				of: (given: object) => line.components(mesh, given),
				standIns: line.standIns,
				overlays: mesh.overlays,
				overlayPolicy: mesh.limits?.overlays,
			},
			facts,
		);
	}

	/** All problems of `spec.overlays`, whatever the cluster shows. Empty when all of them can be applied. */
	checkOverlays(mesh: ResolvedMesh): readonly OverlayProblem[] {
		const result = mesh.overlays.length === 0 ? undefined : this.renderMesh(mesh);
		return result === undefined || result.ok ? [] : result.problems;
	}

	/**
	 * All problems of images, rendered and injected, that come from no registry that whoever runs the operator allows.
	 * Overlays must be applicable.
	 */
	checkImages(mesh: ResolvedMesh): readonly FieldProblem[] {
		const registries = mesh.limits?.registries;
		if (registries === undefined) return [];
		const line = this.of(mesh);
		const remedy =
			'Use an image of one of these; or whoever runs the operator adds its registry to the flag --allowed-registries.';
		const refuse = (path: string, what: string): FieldProblem => ({
			path,
			reason: 'ImageNotAllowed',
			message: `${path} must not ${what}: this operator allows images from ${registries.join(', ')}`,
			remedy,
		});
		// A copy has the images and the content of what it copies.
		const objectsOf = (one: ResolvedMesh) => {
			const result = this.#withoutCopies(one, line.standIns);
			if (!result.ok) throw new OverlayError(result.problems);
			return result.objects;
		};
		const [plain, changed] = [objectsOf({ ...mesh, overlays: [] }), objectsOf(mesh)];
		const given = new Set([...imagesOf(plain).map(({ image }) => image), ...line.injectedImages(mesh)]);
		const injected = line.injectedImages(mesh).map((image) => ({ image, by: 'injected pods' }));
		const images = Map.groupBy([...imagesOf(changed), ...injected], ({ image }) => image);
		return [
			...[...images]
				.filter(([image]) => !comesFrom(image, registries))
				.map(([image, [first]]) =>
					refuse(given.has(image) ? 'spec.images' : 'spec.overlays', `give ${first?.by ?? 'pods'} the image ${image}`),
				),
			...changedConfigMaps(plain, changed).map((name) =>
				refuse('spec.overlays', `change the content of ConfigMap ${name}, of which pods with any image could be made`),
			),
		];
	}

	/** The account by which the control plane of another cluster reads one of the mesh, in the form of `render`. */
	renderReader(mesh: ResolvedMesh, reader: Omit<Reader, 'rules'>): readonly KubeObject[] {
		return renderReader(mesh, { ...reader, rules: this.of(mesh).multiCluster.readerRules(mesh) });
	}

	/** The accounts by which the control planes of other clusters read the mesh's own cluster, in the form of `render`. */
	renderReadersHere(mesh: ResolvedMesh, readers: Omit<Readers, 'rules'>): readonly KubeObject[] {
		return renderReadersHere(mesh, { ...readers, rules: this.of(mesh).multiCluster.readerRules(mesh) });
	}
}
