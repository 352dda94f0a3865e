/**
 * Changes fields of a MeshInstallation for its owner: never behind the back of whoever keeps it in Git, and only while it
 * is as it was read.
 */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { CommandError } from '../command-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { askYesNo, note, personAtTerminal } from '../terminal.ts';

/** The field manager of what the command line changes in a MeshInstallation. */
export const cliFieldManager = 'meshwright-cli';

/**
 * Field managers of tools that keep clusters as Git has them: Argo CD (`util/argo/managedfields`, argocd-controller),
 * Flux (kustomize-controller, helm-controller), Fleet, Config Sync, kapp-controller.
 */
const gitManagers = /^(argocd|argo-cd|flux|kustomize-controller|helm-controller|fleet|configsync|kapp)/i;

/** The tool that keeps a field as Git has it. Undefined when nobody does, as far as the object tells. Pure. */
export function gitOwnerOf({ metadata }: KubeObject, path: readonly string[]): string | undefined {
	return metadata.managedFields?.find(
		({ manager, fieldsV1, subresource }) =>
			subresource === undefined && gitManagers.test(manager ?? '') && owns(fieldsV1, path),
	)?.manager;
}

/** Whether a set of fields has one, or a part of it. */
function owns(fields: unknown, path: readonly string[]): boolean {
	const [first, ...rest] = path;
	if (!isRecord(fields)) return false;
	if (first === undefined) return true;
	const below = fields[`f:${first}`];
	return below !== undefined && (rest.length === 0 || owns(below, rest));
}

export interface ChangeOptions {
	readonly yes: boolean;
	readonly forceConflicts: boolean;
}

/**
 * Refuses to change what Git would change back.
 * @param lines the change as it is made in Git
 */
export function assertNotOfGit(
	object: KubeObject,
	path: readonly string[],
	lines: readonly string[],
	{ forceConflicts }: Pick<ChangeOptions, 'forceConflicts'>,
): void {
	const owner = gitOwnerOf(object, path);
	if (owner === undefined) return;
	const what = `spec.${path.slice(1).join('.')} of MeshInstallation ${object.metadata.name}`;
	if (forceConflicts) {
		note(`${owner} keeps ${what} as it is in Git, and may set it back: change it there too`);
		return;
	}
	throw new CommandError(`${what} is kept by ${owner} as it is in Git, which would set it back`, [
		'change it in Git:',
		...lines.map((line) => `    ${line}`),
		'or change it here all the same with --force-conflicts',
	]);
}

/**
 * Asks the person at the terminal. Resolves with whether it may be done, and says so when not. Rejects with the signal's
 * reason when Ctrl-C is the answer.
 * @throws CommandError when there is nobody to ask
 */
export async function mayGoOn(
	question: string,
	{ yes }: Pick<ChangeOptions, 'yes'>,
	signal: AbortSignal,
): Promise<boolean> {
	if (yes) return true;
	if (!personAtTerminal.isInteractive)
		throw new CommandError(`nobody is there to answer: ${question}`, 'say --yes to do it without a question');
	let isYes = false;
	try {
		isYes = await askYesNo(question, signal);
	} finally {
		if (!isYes) note('Nothing was changed.');
	}
	return isYes;
}

/** The exit code of whoever answers no. */
export const declined = exitCodes.differs;

/** One operation of a JSON patch. */
export interface Operation {
	readonly op: 'add' | 'replace' | 'remove' | 'test';
	readonly path: string;
	readonly value?: unknown;
}

/**
 * Changes the object, if it is still the one that was read.
 * @throws CommandError when somebody has changed it meanwhile
 */
export async function change(
	api: ApiServer,
	object: KubeObject,
	operations: readonly Operation[],
	signal: AbortSignal,
): Promise<KubeObject> {
	const { name, uid, resourceVersion } = object.metadata;
	const guards: readonly Operation[] = [
		{ op: 'test', path: '/metadata/uid', value: uid },
		{ op: 'test', path: '/metadata/generation', value: object.metadata.generation },
	];
	const reference = { ...kinds.MeshInstallation, name };
	try {
		const body = [...guards, ...operations];
		const options = { type: 'json', fieldManager: cliFieldManager, fieldValidation: 'Strict', signal } as const;
		return (await api.patch(reference, body, options)).object;
	} catch (error) {
		if (error instanceof RequestError && error.status === 422 && error.causes.length === 0) {
			const now = await api.get(reference, { signal });
			if (now.metadata.resourceVersion !== resourceVersion && now.metadata.generation !== object.metadata.generation) {
				throw new CommandError(
					`somebody has changed MeshInstallation ${name} meanwhile, so nothing was done`,
					'look at it, and run the command again',
					error,
				);
			}
		}
		throw error;
	}
}

/** The operation that sets an annotation. */
export function annotationOperation(object: KubeObject, name: string, value: string): readonly Operation[] {
	const escaped = name.replaceAll('~', '~0').replaceAll('/', '~1');
	return [
		...(object.metadata.annotations === undefined
			? [{ op: 'add', path: '/metadata/annotations', value: {} } as const]
			: []),
		{ op: 'add', path: `/metadata/annotations/${escaped}`, value },
	];
}
