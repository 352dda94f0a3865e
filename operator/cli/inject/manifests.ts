/** Changes the pods in the text of manifests. Pure. */

import { YamlProblem } from '../../runtime/bounded-yaml.ts';
import type { Pod } from '../../sidecar/index.ts';
import { CommandError } from '../command-error.ts';
import { editDocuments, readDocuments } from './edit.ts';
import { pathText, withValueAt } from './paths.ts';
import { findWorkloads, type Workload, withNulls } from './workloads.ts';

/** The outcome for one pod. */
export type PodChange =
	| ({ readonly kind: 'changed' } & Pod & Warned)
	/** The pod is left as it is. `reason` is a sentence without its full stop. */
	| ({ readonly kind: 'skipped'; readonly reason: string } & Warned)
	| {
			readonly kind: 'refused';
			readonly problems: readonly { readonly message: string; readonly remedy: string }[];
	  };

interface Warned {
	/** What has no effect in the pod. Each begins with its path in the pod, and is a sentence without its full stop. */
	readonly warnings?: readonly string[];
}

export type ChangePod = (workload: Workload) => PodChange;

export interface ChangedManifests {
	readonly text: string;
	/** How many pods were changed. */
	readonly changed: number;
	/** Remarks for the user, one line each. */
	readonly notes: readonly string[];
}

/**
 * Changes every pod of a file. Objects without a pod, and what need not change, stay as they are, to the byte. Throws
 * CommandError with all problems, each with file, document and path.
 */
export function changeManifests(source: string, text: string, change: ChangePod): ChangedManifests {
	const documents = read(source, text);
	const problems: string[] = [];
	const notes: string[] = [];
	let changed = 0;
	const wanted = documents.map((document, index) => {
		const where = `${source}: document ${index + 1}`;
		const found = findWorkloads(document);
		problems.push(
			...found.problems.flatMap(({ path, message, remedy }) => [`${where}: ${path}: ${message}`, `  do: ${remedy}`]),
		);
		notes.push(...found.remarks.map((remark) => `${where}: ${remark}`));
		return found.workloads.reduce<unknown>((value, workload) => {
			const result = change(workload);
			const title = titleOf(workload);
			if (result.kind !== 'refused' && result.warnings !== undefined) {
				const at = `warning: ${where}: ${title}: `;
				const inPod = inTemplate(workload);
				notes.push(
					...workload.misplaced.map(
						(name) =>
							`${at}metadata.annotations[${name}] changes nothing: it is read in ${inPod}metadata.annotations alone`,
					),
					...result.warnings.map((warning) => `${at}${inPod}${warning}`),
				);
			}
			if (result.kind === 'changed') {
				changed += 1;
				return withValueAt(value, workload.path, (old) => withPod(old, result));
			}
			if (result.kind === 'skipped') {
				notes.push(`${where}: ${title} is left as it is: ${result.reason}`);
			} else {
				problems.push(
					// A problem's message begins with its path in the pod.
					...result.problems.flatMap(({ message, remedy }) => [
						`${where}: ${title}: ${inTemplate(workload)}${message}`,
						`  do: ${remedy}`,
					]),
				);
			}
			return value;
		}, document);
	});
	if (problems.length > 0) {
		throw new CommandError(problems);
	}
	const edited = editDocuments(text, wanted);
	notes.push(
		...edited.reprinted.map(
			(index) => `${source}: document ${index + 1} is printed anew, without its comments: it can’t be changed in place`,
		),
	);
	return { text: edited.text, changed, notes };
}

/** All pod templates of a file. Throws CommandError when it can't be read. */
export function workloadsOf(source: string, text: string): readonly Workload[] {
	return read(source, text).flatMap((document) => findWorkloads(document).workloads);
}

/** Puts the changed pod into its template. Metadata that would be empty is not added, and removed with its last field. */
function withPod(old: unknown, { metadata, spec }: Pod): unknown {
	const { metadata: before, ...others } = old as { readonly metadata?: object | null };
	const isNeeded = Object.keys(metadata).length > 0 || (before !== undefined && Object.keys(before ?? {}).length === 0);
	return withNulls(old, { ...others, ...(isNeeded ? { metadata } : {}), spec });
}

function titleOf({ kind, namespace, name }: Workload): string {
	return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name ?? '(without a name)'}`;
}

/** The path from the document to the pod, for messages. */
function inTemplate({ path }: Workload): string {
	const start = pathText(path);
	return start === '' ? '' : `${start}.`;
}

function read(source: string, text: string): readonly unknown[] {
	try {
		return readDocuments(text);
	} catch (error) {
		if (error instanceof YamlProblem) {
			throw new CommandError(
				`${source}: document ${error.document + 1} ${error.message}`,
				'correct it, or leave the file out',
				error,
			);
		}
		throw error;
	}
}
