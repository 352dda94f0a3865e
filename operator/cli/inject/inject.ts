/**
 * `meshwright inject` and `meshwright uninject`: put the proxy into manifests as the webhook does in the cluster, and
 * remove it.
 */
import { type ByHand, lines } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { uninjectPod } from '../../sidecar/index.ts';
import { CommandError } from '../command-error.ts';
import { connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Encoding, encodeManifest, withoutMark } from '../manifest-text.ts';
import { note, printDocument } from '../terminal.ts';
import { type FileOptions, type ManifestFile, type Manifests, readManifests } from './files.ts';
import { type ChangedManifests, type ChangePod, changeManifests, type PodChange, workloadsOf } from './manifests.ts';
import { type MeshOptions, readMesh } from './mesh.ts';
import { replaceFile } from './replace-file.ts';
import { askWebhook } from './webhook.ts';

export interface UninjectOptions extends FileOptions {
	/** Whether the files are replaced instead of printing them. */
	readonly write: boolean;
}

export interface InjectOptions extends UninjectOptions, MeshOptions {
	/** Namespace of objects that don't name theirs. */
	readonly namespace: string;
}

export async function inject(options: InjectOptions): Promise<number> {
	const manifests = await readManifests(options);
	const mesh = await readMesh(options);
	const { byHand } = lines.of(mesh);
	const change =
		byHand.how === 'definition'
			? byDefinition(byHand, mesh, options.namespace)
			: await byWebhook(manifests.files, byHand.labels(mesh), mesh, options);
	return changeFiles(manifests, options.write, change);
}

export async function uninject(options: UninjectOptions): Promise<number> {
	return changeFiles(await readManifests(options), options.write, uninjection);
}

/** Puts the proxy of a mesh into a pod. Objects that don't name their namespace count as being in `defaultNamespace`. */
export function byDefinition(
	{ injectPod }: Extract<ByHand, { readonly how: 'definition' }>,
	mesh: ResolvedMesh,
	defaultNamespace: string,
): ChangePod {
	return ({ pod, apiVersion, kind, name, namespace = defaultNamespace }) => {
		const context = { namespace, ...(name === undefined ? {} : { ownerName: name }), typeMeta: { apiVersion, kind } };
		const result = injectPod(mesh, pod, context);
		return result.kind === 'injected' ? { ...result, kind: 'changed' } : result;
	};
}

/** So many pods are asked about at the same time. */
const mostAsked = 4;

/** Asks the cluster about all pods of the files. What cannot be read is told when the files are changed. */
async function byWebhook(
	files: readonly ManifestFile[],
	labels: Readonly<Record<string, string>>,
	{ release }: ResolvedMesh,
	options: InjectOptions,
): Promise<ChangePod> {
	if (options.installation !== undefined) {
		throw new CommandError(
			`Istio ${release.version} injects by the webhook of istiod, and ${options.installation} alone has none`,
			'leave --installation out: the cluster is asked',
		);
	}
	const waiting = files.flatMap(({ source, text }) => workloadsOf(source, text));
	const answers = new Map<string, PodChange>();
	await using api = await connect(options);
	const asking = { api, labels, defaultNamespace: options.namespace };
	await Promise.all(
		Array.from({ length: mostAsked }, async () => {
			for (let workload = waiting.shift(); workload !== undefined; workload = waiting.shift())
				answers.set(JSON.stringify(workload), await askWebhook(workload, asking));
		}),
	);
	return (workload) => {
		const answer = answers.get(JSON.stringify(workload));
		if (answer === undefined) throw new Error(`nobody asked about ${workload.kind} ${workload.name}`);
		return answer;
	};
}

export const uninjection: ChangePod = ({ pod }) => {
	const result = uninjectPod(pod.metadata, pod.spec);
	return result.kind === 'uninjected' ? { ...result, kind: 'changed' } : result;
};

/** Prints or writes nothing unless all files are right. */
async function changeFiles({ files, notes: leftOut }: Manifests, write: boolean, change: ChangePod): Promise<number> {
	const fixed = files.find(({ replaceable }) => replaceable === undefined);
	if (write && fixed !== undefined) {
		throw new CommandError(`${fixed.source} can’t be written back`, 'leave --write out, or give regular files');
	}
	note(leftOut);
	const results = changeAll(files, change);
	note(results.flatMap(({ notes }) => notes));
	if (!write) {
		await printDocument(joined(results.map(({ text }, index) => printed(text, files[index]?.encoding, index))));
		return exitCodes.ok;
	}
	for (const [index, { source, text, encoding, replaceable }] of files.entries()) {
		const result = results[index];
		if (replaceable === undefined || result === undefined || result.text === text) continue;
		const { target, stats } = replaceable;
		await replaceFile(source, target, stats, encodeManifest({ text: result.text, encoding }));
		note(`${source}: ${result.changed} ${result.changed === 1 ? 'pod' : 'pods'} changed`);
		// A file is replaced, not written into, so nobody's file outside of the folder changes by another name of it.
		if (stats.nlink > 1) note(`${source} had other names (hard links), which keep the old text`);
	}
	return exitCodes.ok;
}

/** Changes all files, or throws the problems of all of them. */
function changeAll(files: readonly ManifestFile[], change: ChangePod): readonly ChangedManifests[] {
	const problems: CommandError[] = [];
	const results = files.flatMap(({ source, text }) => {
		try {
			return [changeManifests(source, text, change)];
		} catch (error) {
			if (error instanceof CommandError) {
				problems.push(error);
				return [];
			}
			throw error;
		}
	});
	const [first, ...others] = problems;
	if (first !== undefined) {
		throw others.length === 0 ? first : new CommandError(problems.flatMap(withRemedy));
	}
	return results;
}

function withRemedy({ message, remedy }: CommandError): readonly string[] {
	return [...message.split('\n'), ...(remedy === undefined ? [] : [`  do: ${remedy}`])];
}

/** A byte order mark says how a file is encoded. It has no meaning in what is printed as UTF-8, or behind another text. */
function printed(text: string, encoding: Encoding | undefined, index: number): string {
	return encoding === 'utf-8' && index === 0 ? text : withoutMark(text);
}

/** Joins the texts of several files to documents of one stream. One file alone stays as it is, to the byte. */
function joined(texts: readonly string[]): string {
	return texts.reduce((before, text) => {
		if (before === '' || text === '') {
			return before + text;
		}
		const separator = /^(---|%)/.test(text) || /(^|\n)---[ \t]*\r?\n?$/.test(before) ? '' : '---\n';
		return `${before.endsWith('\n') ? before : `${before}\n`}${separator}${text}`;
	}, '');
}
