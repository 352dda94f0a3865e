/** Reads files and makes the objects of their installations, by the same functions that the operator uses. */
import { waveOf, waves } from '../apply/waves.ts';
import { lines } from '../lines/index.ts';
import { type PreparedMesh, prepare } from '../mesh/prepare.ts';
import type { MeshLimits } from '../releases/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import type { KubeObject } from '../runtime/object.ts';
import { CommandError } from './command-error.ts';
import { type Input, readInput } from './input.ts';

export interface DesiredInstallation extends Pick<PreparedMesh, 'installation' | 'mesh'> {
	/** The objects without what only a cluster knows, in the order in which they are applied. */
	readonly objects: readonly KubeObject[];
}

export interface JudgeOptions {
	/** Version of the cluster that they are for. Undefined when there is none. */
	readonly serverVersion?: string | undefined;
	/** What the operator allows. Default: anything, for commands that are not about what it writes. */
	readonly limits?: MeshLimits | undefined;
}

/** The operator may have been told to allow overlays anything, and commands about other things need not know. */
const asAllowed: MeshLimits = { overlays: 'unrestricted' };

/**
 * Every installation of the files, with its objects. Throws CommandError that lists all problems of all of them.
 */
export async function readDesired(
	files: readonly string[],
	{ serverVersion, limits = asAllowed }: JudgeOptions = {},
): Promise<readonly DesiredInstallation[]> {
	const results = (await readInput(files)).map((input) => desiredOf(input, { serverVersion, limits }));
	const problems = results.flatMap((result) => ('problem' in result ? [result.problem] : []));
	if (problems.length > 0) {
		throw new CommandError(problems.flat());
	}
	return results.flatMap((result) => ('problem' in result ? [] : [result]));
}

function desiredOf(
	{ source, object }: Input,
	options: JudgeOptions,
): DesiredInstallation | { readonly problem: readonly string[] } {
	const prepared = prepare(object, { lines, ...options });
	if (!prepared.ok) {
		return { problem: describeProblems(source, object, prepared.problems) };
	}
	const { installation, mesh } = prepared;
	const objects = [...lines.renderCrds(mesh), ...lines.render(mesh)];
	return { installation, mesh, objects: waves(objects, waveOf).flat() };
}

/** The mesh of one object. Throws CommandError with all problems, when the operator would refuse it. */
export function prepareOrThrow({ source, object }: Input, serverVersion?: string): PreparedMesh {
	const prepared = prepare(object, { lines, serverVersion, limits: asAllowed });
	if (!prepared.ok) {
		throw new CommandError(describeProblems(source, object, prepared.problems));
	}
	return prepared;
}

/** The API server's version for `prepare`, as the operator reads it. */
export async function serverVersionOf(api: ApiServer): Promise<string> {
	return (await api.version()).gitVersion;
}

/** All problems of one installation, each with its remedy. */
function describeProblems(
	source: string,
	object: unknown,
	problems: readonly { readonly message: string; readonly remedy: string }[],
): readonly string[] {
	const { metadata } = object as { readonly metadata?: { readonly name?: unknown } | null };
	const told = problems.flatMap(({ message, remedy }) => [
		`  ${message}`,
		...(remedy === '' ? [] : [`    do: ${remedy}`]),
	]);
	return [`MeshInstallation ${String(metadata?.name ?? '')} in ${source} can’t be used:`, ...told];
}
