/** From a file to the objects of an installation, by the very functions that the operator uses. */
import { waves } from '../apply/waves.ts';
import { lines } from '../lines/index.ts';
import { type PreparedMesh, prepare } from '../mesh/prepare.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { KubeObject } from '../runtime/object.ts';
import { CommandError } from './command-error.ts';
import { type Input, readInput } from './input.ts';

export interface DesiredInstallation extends Pick<PreparedMesh, 'installation' | 'mesh'> {
	/** Without what only a cluster knows. In the order in which they are applied. */
	readonly objects: readonly KubeObject[];
}

/**
 * Every installation of the files with what it consists of. Throws CommandError that lists all problems of all of them.
 * @param serverVersion version of the cluster that they are for; undefined where there is none
 */
export async function readDesired(
	files: readonly string[],
	serverVersion?: string,
): Promise<readonly DesiredInstallation[]> {
	const results = (await readInput(files)).map((input) => desiredOf(input, serverVersion));
	const problems = results.flatMap((result) => ('problem' in result ? [result.problem] : []));
	if (problems.length > 0) {
		throw new CommandError(problems.join('\n'));
	}
	return results.flatMap((result) => ('problem' in result ? [] : [result]));
}

function desiredOf(
	{ source, object }: Input,
	serverVersion: string | undefined,
): DesiredInstallation | { readonly problem: string } {
	const prepared = prepare(object, { lines, serverVersion });
	if (!prepared.ok) {
		return { problem: describeProblems(source, object, prepared.problems) };
	}
	const { installation, mesh } = prepared;
	const objects = [...lines.renderCrds(mesh), ...lines.render(mesh)];
	return { installation, mesh, objects: waves(objects, ({ kind }) => kind).flat() };
}

/** The mesh of one object. Throws CommandError with all problems where the operator would refuse it. */
export function prepareOrThrow({ source, object }: Input, serverVersion?: string): PreparedMesh {
	const prepared = prepare(object, { lines, serverVersion });
	if (!prepared.ok) {
		throw new CommandError(describeProblems(source, object, prepared.problems));
	}
	return prepared;
}

/** For `prepare`, which the operator tells the same. */
export async function serverVersionOf(api: ApiServer): Promise<string> {
	return (await api.version()).gitVersion;
}

/** All problems of one installation, each with its remedy. */
function describeProblems(
	source: string,
	object: unknown,
	problems: readonly { readonly message: string; readonly remedy: string }[],
): string {
	const { metadata } = object as { readonly metadata?: { readonly name?: unknown } | null };
	const told = problems.map(({ message, remedy }) => `  ${message}${remedy === '' ? '' : `\n    do: ${remedy}`}`);
	return [`MeshInstallation ${String(metadata?.name ?? '')} in ${source} can’t be used:`, ...told].join('\n');
}
