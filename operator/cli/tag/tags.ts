/** `meshwright tag`: shows the tags of a mesh, and changes them for its owner. */
import { definedFields, fieldsOf, isObject } from '../../../api/v1/index.ts';
import { standingInStatus } from '../../mesh/revisions/standing.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { type Format, formatValue } from '../output.ts';
import { viewOf } from '../status-view.ts';
import { print, printDocument } from '../terminal.ts';
import { assertNotOfGit, change, type Operation } from '../upgrade/change.ts';
import { oneInstallation } from '../upgrade/plan.ts';
import { revisionText, type ShownRevision } from './revision-text.ts';

export interface Tag {
	readonly name: string;
	/** Undefined: the one of spec.version. */
	readonly revision?: string;
}

export interface ChangeTagOptions extends ConnectionOptions {
	readonly apply: boolean;
	readonly forceConflicts: boolean;
}

const path = ['spec', 'upgrade', 'tags'] as const;

/** The tags of a spec, which may be wrong. */
export function tagsOf({ spec }: Readonly<Record<string, unknown>>): readonly Tag[] {
	const { tags } = fieldsOf(fieldsOf(spec).upgrade);
	return (Array.isArray(tags) ? tags : []).flatMap((tag: unknown): readonly Tag[] => {
		if (!isObject(tag) || typeof tag.name !== 'string') return [];
		const { name, revision } = tag;
		return [{ name, ...(typeof revision === 'string' ? { revision } : {}) }];
	});
}

export function withTag(tags: readonly Tag[], tag: Tag): readonly Tag[] {
	const others = tags.filter(({ name }) => name !== tag.name);
	return [...others, tag].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The lines for Git. */
export function tagLines(tags: readonly Tag[]): readonly string[] {
	if (tags.length === 0) return ['spec:', '  upgrade:', '    tags: []'];
	return [
		'spec:',
		'  upgrade:',
		'    tags:',
		...tags.flatMap(({ name, revision }) => [
			`      - name: ${JSON.stringify(name)}`,
			...(revision === undefined ? [] : [`        revision: ${JSON.stringify(revision)}`]),
		]),
	];
}

export function tagOperations({ spec }: Readonly<Record<string, unknown>>, tags: readonly Tag[]): readonly Operation[] {
	const { upgrade } = fieldsOf(spec);
	return [
		...(isObject(upgrade) ? [] : [{ op: 'add', path: '/spec/upgrade', value: {} } as const]),
		{ op: 'add', path: '/spec/upgrade/tags', value: tags },
	];
}

export function listTags(
	name: string | undefined,
	options: ConnectionOptions & { readonly output: Format },
): Promise<number> {
	return interruptible(async () => {
		await using api = await connect(options);
		const object = await oneInstallation(api, name);
		const { status } = viewOf(object);
		const tags = tagsOf(object);
		const revisions = status.revisions?.map(({ spec: _, ...rest }) => rest) ?? standingInStatus(status) ?? [];
		if (options.output === 'text') await print(listLines(tags, revisions));
		else await printDocument(formatValue({ tags, revisions }, options.output));
		return exitCodes.ok;
	});
}

/** Revisions with who uses them, and tags with what they stand for. */
export function listLines(tags: readonly Tag[], revisions: readonly ShownRevision[]): readonly string[] {
	return [
		...(revisions.length === 0 ? ['no revision runs yet'] : revisions.map((one) => `revision ${revisionText(one)}`)),
		...tags.map(({ name, revision }) => `tag ${name}: ${revision ?? 'follows spec.version'}`),
	];
}

export function setTag(
	tag: string,
	name: string | undefined,
	options: ChangeTagOptions & { readonly revision?: string },
): Promise<number> {
	return changeTags(name, options, (tags) =>
		withTag(tags, { name: tag, ...definedFields({ revision: options.revision }) }),
	);
}

export function removeTag(tag: string, name: string | undefined, options: ChangeTagOptions): Promise<number> {
	return changeTags(name, options, (tags, mesh) => {
		if (!tags.some((one) => one.name === tag))
			throw new CommandError(
				`MeshInstallation ${mesh} has no tag ${tag}`,
				'meshwright tag list shows those that it has',
			);
		return tags.filter((one) => one.name !== tag);
	});
}

function changeTags(
	name: string | undefined,
	options: ChangeTagOptions,
	changed: (tags: readonly Tag[], mesh: string) => readonly Tag[],
): Promise<number> {
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const object = await oneInstallation(api, name);
		const tags = changed(tagsOf(object), object.metadata.name);
		const lines = tagLines(tags);
		if (!options.apply) {
			await print(lines);
			return exitCodes.ok;
		}
		assertNotOfGit(object, path, lines, options);
		await change(api, object, tagOperations(object, tags), signal);
		await print(`MeshInstallation ${object.metadata.name}: ${tags.length} ${tags.length === 1 ? 'tag' : 'tags'}`);
		return exitCodes.ok;
	});
}
