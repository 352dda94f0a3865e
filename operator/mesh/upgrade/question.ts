/** Asks all checks about a change of version of one MeshInstallation, with a cluster or without one. */
import { setImmediate as immediate } from 'node:timers/promises';
import type { ParsedStatus } from '../../../api/v1/index.ts';
import type { Lines } from '../../lines/index.ts';
import { servedUnseen } from '../../plan/proxies/told.ts';
import { type CheckedArea, checkUpgrade, findingsOf, type Rendered } from '../../plan/upgrade/check-upgrade.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import {
	type Gathered,
	known,
	type Looked,
	nothingGathered,
	type SeenProxies,
	unknown,
} from '../../plan/upgrade/gathered.ts';
import type { Hop } from '../../plan/upgrade/rules.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { besideOf } from '../revisions/standing.ts';
import { gather, type KnownProxies } from './gather.ts';
import type { KnownNamespaces } from './gather-webhooks.ts';
import type { UpgradeTarget } from './target.ts';

export interface UpgradeSubject {
	/** The version that runs, and its mesh where it can be told. Undefined when nothing runs. */
	readonly from: { readonly version: string; readonly mesh: ResolvedMesh | undefined } | undefined;
	/** The version asked for. */
	readonly to: UpgradeTarget & { readonly version: string };
	readonly status: ParsedStatus | undefined;
}

export interface AskOptions {
	readonly lines: Lines;
	/** The cluster to look at. Undefined when there is none. */
	readonly api: Pick<ApiServer, 'get' | 'list' | 'listPage' | 'pages'> | undefined;
	/** The proxies that somebody knows already. */
	readonly proxies?: KnownProxies | undefined;
	/** The namespaces that somebody knows already. */
	readonly namespaces?: KnownNamespaces | undefined;
	/** Wall clock. */
	readonly now: Date;
	readonly signal: AbortSignal;
}

export interface Answer {
	readonly areas: readonly CheckedArea[];
	readonly findings: readonly UpgradeFinding[];
	/** The proxies that run, by version. */
	readonly proxies: Looked<readonly SeenProxies[]>;
	/** What the two versions render, where that can be told. */
	readonly before: Rendered | undefined;
	readonly after: Rendered | undefined;
}

/** Runs all checks. Rejects when the API server does not answer. */
export async function askUpgrade(subject: UpgradeSubject, options: AskOptions): Promise<Answer> {
	const { from, to } = subject;
	const { lines, api } = options;
	const { mesh } = to;
	// The cluster answers while the versions are rendered.
	const rendering = immediate().then(() => (mesh === undefined ? undefined : renderedOf(lines, mesh)));
	const ofFormer = rendering.then(() => (from?.mesh === undefined ? undefined : renderedOf(lines, from.mesh)));
	const hop = from === undefined || mesh === undefined ? undefined : hopOf(lines, from, mesh);
	const gathering =
		mesh === undefined || api === undefined
			? undefined
			: gather({
					api,
					lines,
					hop: hop ?? { from: { version: mesh.release.version, release: mesh.release, mesh }, to: mesh },
					objects: rendering.then((rendered) => rendered?.objects ?? []),
					status: subject.status,
					proxies: options.proxies,
					namespaces: options.namespaces,
					now: options.now,
					signal: options.signal,
				});
	const [after, before, seen] = await Promise.all([rendering, ofFormer, gathering]);
	const gathered =
		seen === undefined || after === undefined
			? nothingGathered(api === undefined ? 'no cluster was asked' : 'the new version can not be rendered')
			: seen;
	const areas = checkUpgrade({
		from: from?.version,
		to: to.version,
		known: lines.releases.map(({ version }) => version),
		problems: to.problems,
		before,
		after,
		gathered,
		beside: mesh === undefined ? undefined : besideOf(subject.status, mesh),
		ofLine: [
			...(hop === undefined ? [] : lines.of(hop.to).upgradeRules.mesh(hop, { definitions: definitionsOf(gathered) })),
			...(mesh === undefined ? [] : lines.of(mesh).upgradeRules.release(mesh)),
		],
	});
	const { pods } = gathered;
	const proxies = pods.isKnown
		? pods.value.proxies === undefined
			? unknown(servedUnseen)
			: known(pods.value.proxies)
		: pods;
	return { areas, findings: findingsOf(areas), proxies, before, after };
}

/** A hop within one line. Between lines nobody knows more than the path. */
function hopOf(lines: Lines, from: NonNullable<UpgradeSubject['from']>, to: ResolvedMesh): Hop | undefined {
	const release = lines.releases.find(({ version }) => version === from.version);
	if (release !== undefined && release.line !== to.line) return undefined;
	const mesh = from.mesh?.line === to.line ? from.mesh : undefined;
	return { from: { version: from.version, release, mesh }, to };
}

function renderedOf(lines: Lines, mesh: ResolvedMesh): Rendered | undefined {
	const rendered = lines.renderMesh(mesh, lines.of(mesh).standIns);
	return rendered.ok
		? { namespace: mesh.namespace, objects: rendered.objects, definitions: lines.renderCrds(mesh) }
		: undefined;
}

function definitionsOf({ definitions }: Gathered) {
	return definitions.isKnown ? definitions.value : [];
}
