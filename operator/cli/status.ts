/** `meshwright status`: shows conditions, components and objects of installations, once or with every change. */
import { setTimeout as sleep } from 'node:timers/promises';
import { partOfLabel } from '../apply/identity.ts';
import { applySetId } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isForbidden, isNotFound, TransientError } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';
import { CommandError, explain } from './command-error.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import { toJson } from './document.ts';
import { exitCodes } from './exit-codes.ts';
import { memberKinds } from './member-kinds.ts';
import { type Format, formatObjects, formatValue } from './output.ts';
import { changedConditions, headline, installationLines, isReady, viewOf } from './status-view.ts';
import { note, type Paint, painter, print, printDocument } from './terminal.ts';

export interface StatusOptions extends ConnectionOptions {
	readonly output: Format;
	readonly watch: boolean;
}

type Header = Pick<KubeObject, 'kind' | 'metadata'>;

/** One installation, or all of them, sorted by name. */
export async function readInstallations(api: ApiServer, name: string | undefined): Promise<readonly KubeObject[]> {
	if (name !== undefined) {
		try {
			return [await api.get({ ...kinds.MeshInstallation, name })];
		} catch (error) {
			if (!isNotFound(error)) {
				throw error;
			}
			// Either the object is missing, or its kind is. The list below tells which.
			const all = await readInstallations(api, undefined);
			const names = all.map(({ metadata }) => metadata.name).join(', ');
			throw new CommandError(
				`there is no MeshInstallation ${name}`,
				names === '' ? 'apply one: kubectl apply -f mesh.yaml' : `choose one of: ${names}`,
				error,
			);
		}
	}
	const { items } = await api.list<KubeObject>(kinds.MeshInstallation);
	return items.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** The members of the installation's ApplySet, of all kinds that the user may read. */
async function readObjects(api: ApiServer, name: string): Promise<readonly Header[]> {
	const labelSelector = `${partOfLabel}=${applySetId(name)}`;
	const lists = await Promise.all(
		memberKinds.map(async (kind) => {
			try {
				return (await api.list<Header>(kind, { labelSelector, metadataOnly: true })).items.map((item) => ({
					...item,
					kind: kind.kind,
				}));
			} catch (error) {
				if (isForbidden(error)) {
					note(`(${kind.plural} are not shown: you may not list them)`);
					return [];
				}
				if (isNotFound(error)) {
					return [];
				}
				throw error;
			}
		}),
	);
	return lists.flat();
}

export async function status(name: string | undefined, options: StatusOptions): Promise<number> {
	await using api = await connect(options);
	if (options.watch) {
		return await watch(api, name, options.output); // Awaited here, because the client is closed when this function ends.
	}
	const installations = await readInstallations(api, name);
	if (options.output !== 'text') {
		const [only] = installations;
		await printDocument(
			name !== undefined && only !== undefined
				? formatValue(only, options.output)
				: formatObjects(installations, options.output),
		);
	} else if (installations.length === 0) {
		await print('There is no MeshInstallation yet. Apply one: kubectl apply -f mesh.yaml');
	} else {
		const paint = painter('stdout');
		const parts = await Promise.all(
			installations.map(async (installation) =>
				installationLines(installation, await readObjects(api, installation.metadata.name), Date.now(), paint),
			),
		);
		await print(parts.flatMap((lines, index) => (index === 0 ? lines : ['', ...lines])));
	}
	return installations.every((installation) => isReady(viewOf(installation))) ? exitCodes.ok : exitCodes.differs;
}

const pollMs = 500;

/** Prints what changes until Ctrl-C. When a server does not answer for a while, this says so once, and waits. */
async function watch(api: ApiServer, name: string | undefined, output: Format): Promise<number> {
	const stop = new AbortController();
	const end = (): void => stop.abort();
	process.once('SIGINT', end);
	process.once('SIGTERM', end);
	const paint = painter('stdout');
	let known = new Map<string, KubeObject>();
	let isAway = false;
	try {
		while (!stop.signal.aborted) {
			try {
				// Uses a list even for one installation, because it may go and come back while we watch.
				const all = (await readInstallations(api, undefined)).filter(
					({ metadata }) => name === undefined || metadata.name === name,
				);
				if (output === 'text') await print(changes(known, all, paint));
				else await printDocument(changedDocuments(known, all, output));
				known = new Map(all.map((installation) => [installation.metadata.name, installation]));
				isAway = false;
			} catch (error) {
				if (!(error instanceof TransientError)) {
					throw error;
				}
				if (!isAway) {
					note(`${explain(error).message}: waiting for it`);
				}
				isAway = true;
			}
			await sleep(pollMs, undefined, { signal: stop.signal }).catch(() => undefined);
		}
	} finally {
		process.off('SIGINT', end);
		process.off('SIGTERM', end);
	}
	return exitCodes.interrupted;
}

function changedOnes(known: ReadonlyMap<string, KubeObject>, current: readonly KubeObject[]): readonly KubeObject[] {
	return current.filter(
		({ metadata }) => known.get(metadata.name)?.metadata.resourceVersion !== metadata.resourceVersion,
	);
}

/** One document for each installation that is new or has changed; in JSON one line. */
function changedDocuments(
	known: ReadonlyMap<string, KubeObject>,
	current: readonly KubeObject[],
	output: 'yaml' | 'json',
): string {
	return changedOnes(known, current)
		.map((installation) =>
			output === 'json' ? `${toJson(installation)}\n` : `---\n${formatValue(installation, 'yaml')}`,
		)
		.join('');
}

function changes(known: ReadonlyMap<string, KubeObject>, current: readonly KubeObject[], paint: Paint): string[] {
	const changed = changedOnes(known, current);
	const time = paint('dim', new Date().toISOString().slice(11, 19));
	const names = new Set(current.map(({ metadata }) => metadata.name));
	return [
		...changed.flatMap((installation) => {
			const before = known.get(installation.metadata.name);
			const first = before === undefined ? [headline(viewOf(installation), paint)] : [];
			return [...first, ...changedConditions(before, installation, paint)].map((line) => `${time} ${line}`);
		}),
		...[...known.keys()].filter((name) => !names.has(name)).map((name) => `${time} ${name} is gone`),
	];
}
