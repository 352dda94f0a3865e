/** `meshwright check`: says what should be so, and whether it is. Reads, and asks by dry run; stores nothing. */

import { lines } from '../../lines/index.ts';
import { prepare } from '../../mesh/prepare.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isForbidden, isNotFound, isOperatorError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { type Format, formatValue } from '../output.ts';
import { viewOf } from '../status-view.ts';
import { painter, print, printDocument } from '../terminal.ts';
import { waitUntil } from '../waiting.ts';
import { checkAuthority } from './authority.ts';
import { checkClusters } from './clusters.ts';
import { checkIstioDefinitions, checkOwnDefinition } from './definitions.ts';
import { checkGatewayApi } from './gateway-api.ts';
import { checkInjection } from './injection.ts';
import { checkServer, checkUserRights, type Server } from './kubernetes.ts';
import { checkRelease, checkStatus } from './mesh.ts';
import { checkOperator, checkOperatorRights } from './operator.ts';
import { type CheckGroup, type CheckResult, lacking } from './result.ts';
import { checkData, checkLines, isWell, openLines } from './view.ts';

export interface CheckOptions extends ConnectionOptions {
	readonly operatorNamespace: string;
	readonly output: Format;
	/** Milliseconds. 0 looks once. */
	readonly wait?: number;
}

export function checkAll(name: string | undefined, options: CheckOptions): Promise<number> {
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const paint = painter('stderr');
		const groups = await waitUntil({
			look: (stop) => lookAtAll(api, name, options.operatorNamespace, stop),
			isDone: isWell,
			open: (seen) => openLines(seen, paint),
			timeoutMs: options.wait ?? 0,
			signal,
		});
		if (options.output === 'text') await print(checkLines(groups, painter('stdout')));
		else await printDocument(formatValue(checkData(groups), options.output));
		return isWell(groups) ? exitCodes.ok : exitCodes.differs;
	});
}

/**
 * Makes all checks.
 * @param name of the MeshInstallation; all of them when it is undefined
 */
export async function lookAtAll(
	api: ApiServer,
	name: string | undefined,
	operatorNamespace: string,
	signal: AbortSignal,
): Promise<readonly CheckGroup[]> {
	const answer = await checkServer(api, Date.now, signal);
	if (answer.server === undefined) return [{ title: 'Kubernetes', results: answer.results }];
	const place = { namespace: operatorNamespace, nowMs: answer.server.nowMs, signal };
	const [rights, definition, operator, installations] = await Promise.all([
		checkUserRights(api, operatorNamespace, signal),
		checkOwnDefinition(api, signal),
		checkOperator(api, place),
		readMeshes(api, name, signal),
	]);
	const unseen = 'unseen' in installations ? [{ title: 'meshes', results: [installations.unseen] }] : [];
	const objects = 'objects' in installations ? installations.objects : [];
	const meshes: CheckGroup[] = [];
	for (const object of objects) meshes.push(...(await lookAtMesh(api, object, answer.server, place)));
	return [
		{ title: 'Kubernetes', results: [...answer.results, rights] },
		{ title: 'operator', results: [definition, ...operator] },
		...unseen,
		...meshes,
	];
}

type Meshes = { readonly objects: readonly KubeObject[] } | { readonly unseen: CheckResult };

async function readMeshes(api: ApiServer, name: string | undefined, signal: AbortSignal): Promise<Meshes> {
	const named = { name: 'mesh-observed', sentence: 'the operator has looked at the specs of all meshes' } as const;
	try {
		const { items } = await api.list<KubeObject>(kinds.MeshInstallation, { signal });
		const found = items.filter(({ metadata }) => name === undefined || metadata.name === name);
		if (name !== undefined && found.length === 0) {
			const names = items.map(({ metadata }) => metadata.name).join(', ');
			throw new CommandError(
				`there is no MeshInstallation ${name}`,
				names === '' ? 'apply one: kubectl apply -f mesh.yaml' : `choose one of: ${names}`,
			);
		}
		if (found.length === 0) return { unseen: { ...named, state: 'skipped', detail: 'there is none yet' } };
		return { objects: found.toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)) };
	} catch (error) {
		signal.throwIfAborted();
		if (isForbidden(error)) return { unseen: { ...named, ...lacking({ verb: 'list', kind: kinds.MeshInstallation }) } };
		if (isNotFound(error)) return { unseen: { ...named, state: 'skipped', detail: 'MeshInstallation is not defined' } };
		if (!isOperatorError(error)) throw error;
		return { unseen: { ...named, state: 'unknown', detail: error.message } };
	}
}

async function lookAtMesh(
	api: ApiServer,
	object: KubeObject,
	{ gitVersion }: Server,
	place: { readonly namespace: string; readonly nowMs: number; readonly signal: AbortSignal },
): Promise<readonly CheckGroup[]> {
	const { name } = object.metadata;
	const view = viewOf(object);
	const prepared = prepare(object, { lines, serverVersion: gitVersion, limits: { overlays: 'unrestricted' } });
	const clusters = checkClusters(object);
	// Of a spec that can't be used the conditions say what is wrong.
	const results = prepared.ok
		? await Promise.all([
				checkOperatorRights(api, prepared.mesh, place).then((result) => [result]),
				Promise.resolve([releaseOf(prepared.mesh)]),
				checkIstioDefinitions(api, lines.renderCrds(prepared.mesh), place.signal).then((result) => [result]),
				checkGatewayApi(api, prepared.mesh, place),
				Promise.resolve(checkStatus(view)),
				checkInjection(api, prepared.mesh, place),
				checkAuthority(api, prepared.mesh, view, place),
			])
		: [checkStatus(view)];
	return [
		{ title: `mesh ${name}`, results: results.flat() },
		...(clusters.length === 0 ? [] : [{ title: `clusters of mesh ${name}`, results: clusters }]),
	];
}

function releaseOf(mesh: ResolvedMesh): CheckResult {
	return checkRelease(mesh.release.version, lines.of(mesh).upgradeRules.release(mesh));
}
