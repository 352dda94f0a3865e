/** From a file to the objects of an installation, by the very functions that the operator uses. */
import { type ParsedMeshInstallation, type Problem, parseMeshInstallation } from '../../api/v1/index.ts';
import { waves } from '../apply/waves.ts';
import { type ResolvedMesh, resolve } from '../releases/index.ts';
import { renderCrds, renderMesh } from '../render/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { CommandError } from './command-error.ts';
import { type Input, readInput } from './input.ts';

export interface DesiredInstallation {
	readonly installation: ParsedMeshInstallation;
	readonly mesh: ResolvedMesh;
	/** Without what only a cluster knows. In the order in which they are applied. */
	readonly objects: readonly KubeObject[];
}

/** Every installation of the files with what it consists of. Throws CommandError that lists all problems of all of them. */
export async function readDesired(files: readonly string[]): Promise<readonly DesiredInstallation[]> {
	const results = (await readInput(files)).map(desiredOf);
	const problems = results.flatMap((result) => ('problem' in result ? [result.problem] : []));
	if (problems.length > 0) {
		throw new CommandError(problems.join('\n'));
	}
	return results.flatMap((result) => ('problem' in result ? [] : [result]));
}

function desiredOf({ source, object }: Input): DesiredInstallation | { readonly problem: string } {
	const parsed = parseMeshInstallation(object);
	if (!parsed.ok) {
		return { problem: describeProblems(source, object, parsed.problems) };
	}
	const resolved = resolve(parsed.installation);
	if (!resolved.ok) {
		return { problem: describeProblems(source, object, resolved.problems) };
	}
	const { mesh } = resolved;
	const rendered = renderMesh(mesh);
	if (!rendered.ok) {
		return { problem: describeProblems(source, object, rendered.problems) };
	}
	const objects = [...renderCrds(mesh), ...rendered.objects];
	return { installation: parsed.installation, mesh, objects: waves(objects, ({ kind }) => kind).flat() };
}

/** All problems of one installation, each with its remedy. */
export function describeProblems(
	source: string,
	object: unknown,
	problems: readonly Omit<Problem, 'reason'>[],
): string {
	const { metadata } = object as { readonly metadata?: { readonly name?: unknown } | null };
	const lines = problems.map(({ message, remedy }) => `  ${message}\n    do: ${remedy}`);
	return [`MeshInstallation ${String(metadata?.name ?? '')} in ${source} can’t be used:`, ...lines].join('\n');
}
