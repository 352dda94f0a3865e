/**
 * `meshwright validate`: says what is wrong with Istio's objects, from files or from a cluster. No Galley runs beside these
 * releases, so nothing is refused when it is admitted.
 */
import { findRelease, lines } from '../../lines/index.ts';
import type { ObjectFinding, ObjectKind, Release } from '../../releases/index.ts';
import { YamlProblem } from '../../runtime/bounded-yaml.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { readManifests } from '../inject/files.ts';
import { type MeshOptions, readMesh } from '../inject/mesh.ts';
import { readManifestValues } from '../manifest-text.ts';
import { note, print } from '../terminal.ts';

export interface ValidateOptions extends MeshOptions {
	readonly filename?: readonly string[];
	readonly recursive?: readonly string[];
	/** Full version of Istio. Default: that of the mesh. */
	readonly version?: string;
	/** Only objects of this namespace, when they are read from the cluster. */
	readonly namespace?: string;
}

/** An object and where it stands, for messages. */
export interface Placed {
	readonly source: string;
	readonly object: unknown;
}

export async function validate(options: ValidateOptions): Promise<number> {
	const { filename = [], recursive = [], namespace } = options;
	const isLive = filename.length === 0 && recursive.length === 0;
	const release = options.version === undefined ? (await readMesh(options)).release : releaseOf(options.version);
	const objects = isLive ? await liveObjects(options, release, namespace) : await objectsOfFiles(options);
	const { lines: found, wrong, checked, unknown } = report(release, objects);
	await print(found);
	note([
		`${checked} ${checked === 1 ? 'object' : 'objects'} checked for Istio ${release.version}: ${wrong === 0 ? 'nothing is wrong' : `${wrong} ${wrong === 1 ? 'is' : 'are'} wrong`}`,
		...(unknown.size === 0
			? []
			: [`not checked, since adapters and templates decide about their fields: ${[...unknown].sort().join(', ')}`]),
	]);
	return wrong === 0 ? exitCodes.ok : exitCodes.differs;
}

function releaseOf(version: string): Release {
	const search = findRelease(version, lines.releases);
	if (search.found === 'release') return search.release;
	throw new CommandError(
		`Istio ${version} is not a release that is known here`,
		`choose one of: ${lines.releases.map((release) => release.version).join(', ')}`,
	);
}

interface Report {
	readonly lines: readonly string[];
	/** How many objects have something wrong. */
	readonly wrong: number;
	readonly checked: number;
	/** Kinds of which nothing but the kind could be checked. */
	readonly unknown: ReadonlySet<string>;
}

/** What is wrong, a line each. Pure. */
export function report(release: Release, objects: readonly Placed[]): Report {
	const line = lines.of(release);
	const found: string[] = [];
	const unknown = new Set<string>();
	let [wrong, checked] = [0, 0];
	for (const { source, object } of objects) {
		const check = line.checkObject(release, object);
		if (check.kind === 'unknownFields') unknown.add((object as KubeObject).kind);
		if (check.kind !== 'checked') continue;
		checked++;
		if (check.findings.length > 0) wrong++;
		found.push(...check.findings.map((finding) => describe(source, object, finding)));
	}
	return { lines: found, wrong, checked, unknown };
}

const effects: Readonly<Record<ObjectFinding['effect'], string>> = {
	refused: 'an API server with its definitions refuses it',
	ignored: 'Istio goes on as if the object were not there',
	withoutField: 'Istio goes on as if the field were not there',
	taken: 'Istio takes it, and may do something else than you mean',
};

function describe(source: string, object: unknown, { message, effect }: ObjectFinding): string {
	const { kind, metadata } = object as { readonly kind: unknown; readonly metadata?: unknown };
	const { namespace, name } = (metadata ?? {}) as { readonly namespace?: unknown; readonly name?: unknown };
	const title = [namespace, name].filter((part) => part !== undefined).join('/');
	return `${source}: ${String(kind)} ${title}: ${message} (${effects[effect]})`;
}

async function objectsOfFiles(options: ValidateOptions): Promise<readonly Placed[]> {
	const { files, notes } = await readManifests(options);
	note(notes);
	return files.flatMap(({ source, text }) => documentsOf(source, text).flatMap((object) => placed(source, object)));
}

function documentsOf(source: string, text: string): readonly unknown[] {
	try {
		return readManifestValues(text);
	} catch (error) {
		if (!(error instanceof YamlProblem)) throw error;
		throw new CommandError(`${source}: document ${error.document + 1} ${error.message}`, undefined, error);
	}
}

/** The object, or those of a List. */
function placed(source: string, object: unknown): readonly Placed[] {
	const { kind, items } = (object ?? {}) as { readonly kind?: unknown; readonly items?: unknown };
	return typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
		? items.flatMap((item) => placed(source, item))
		: [{ source, object }];
}

async function liveObjects(
	options: ValidateOptions,
	release: Release,
	namespace: string | undefined,
): Promise<readonly Placed[]> {
	await using api = await connect(options);
	const found: Placed[] = [];
	for (const kind of lines.of(release).objectKinds(release)) {
		if (namespace !== undefined && !kind.namespaced) continue;
		found.push(...(await listOf(api, kind, namespace)).map((object) => ({ source: 'the cluster', object })));
	}
	return found;
}

async function listOf(api: ApiServer, kind: ObjectKind, namespace: string | undefined): Promise<readonly KubeObject[]> {
	try {
		return (await api.list<KubeObject>(kind, namespace === undefined ? {} : { namespace })).items;
	} catch (error) {
		if (isForbidden(error)) {
			note(`(${kind.plural} are not checked: you may not list them)`);
			return [];
		}
		// The definition is missing.
		if (isNotFound(error)) return [];
		throw error;
	}
}
