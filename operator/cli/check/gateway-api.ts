/** Whether the Gateway API is there as a release reads it, and what has become of the Gateways that it has proxies for. */
import { compareVersions, readFullVersion } from '../../../api/v1/index.ts';
import { gatewayApiGroup, gatewayClassKind, gatewayKind, summarizeGateways } from '../../mesh/gateway-api.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, orAbsent } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';
import { type CheckResult, check, type Verdict } from './result.ts';

const group = gatewayApiGroup;

/** Nothing for a release that does not know the Gateway API. */
export async function checkGatewayApi(
	api: ApiServer,
	{ release: { gatewayApi } }: ResolvedMesh,
	{ signal }: { readonly signal: AbortSignal | undefined },
): Promise<readonly CheckResult[]> {
	if (gatewayApi === undefined) return [];
	return Promise.all([
		check(
			'gateway-api',
			'the Gateway API is there in versions that istiod reads',
			{ verb: 'get', kind: kinds.CustomResourceDefinition },
			async () => {
				const found = await Promise.all(
					Object.keys(gatewayApi).map(async (plural) => {
						const name = `${plural}.${group}`;
						const live = await orAbsent(api.get({ ...kinds.CustomResourceDefinition, name }, { signal }));
						return [plural, live] as const;
					}),
				);
				return judgeDefinitions(gatewayApi, new Map(found.flatMap(([plural, live]) => (live ? [[plural, live]] : []))));
			},
		),
		check(
			'gateways-programmed',
			'istiod has proxies for the Gateways of its classes',
			{ verb: 'list', kind: gatewayKind },
			async (): Promise<Verdict> => {
				try {
					const classes = await api.list<KubeObject>(gatewayClassKind, { signal });
					const gateways = await api.list<KubeObject>(gatewayKind, { signal });
					return judgeGateways(classes.items, gateways.items);
				} catch (error) {
					if (!isNotFound(error)) throw error;
					return { state: 'skipped', detail: 'the Gateway API is not installed' };
				}
			},
		),
	]);
}

/**
 * @param minimum the oldest version of each kind, by its plural
 * @param live the definitions that are there
 */
export function judgeDefinitions(
	minimum: Readonly<Record<string, string>>,
	live: ReadonlyMap<string, KubeObject>,
): Verdict {
	if (live.size === 0)
		return {
			state: 'skipped',
			detail: 'it is not installed, and only Gateways of Istio’s own kind can be used; Meshwright does not install it',
		};
	const problems = Object.entries(minimum).flatMap(([plural, oldest]) => {
		const definition = live.get(plural);
		if (definition === undefined)
			return ['gatewayclasses', 'gateways'].includes(plural) ? [`${plural} is missing`] : [];
		const problem = problemOf(definition, oldest);
		return problem === undefined ? [] : [`${plural} ${problem}`];
	});
	const versions = [...new Set([...live.values()].map((each) => versionOf(each)?.version ?? 'unknown'))].sort();
	return problems.length === 0
		? { state: 'ok', detail: versions.join(', ') }
		: {
				state: 'warning',
				detail: `${problems.join('; ')}: istiod ignores objects of these kinds`,
				hint: 'install a newer release of the Gateway API; objects that are stored stay',
			};
}

function problemOf(definition: KubeObject, oldest: string): string | undefined {
	const version = versionOf(definition);
	// Istio asks no version of these.
	if (oldest === '1.0.0') return serves(definition, 'v1') ? undefined : 'does not serve v1';
	if (version === undefined) return 'says no version';
	return compareVersions(version, readFullVersion(oldest)) < 0
		? `is of ${version.version}, older than ${oldest}`
		: undefined;
}

/** The version of the Gateway API that a definition came with, without the mark of a candidate, as istiod reads it. */
function versionOf({ metadata }: KubeObject) {
	const text = metadata.annotations?.[`${group}/bundle-version`] ?? '';
	return readFullVersion(text.replace(/^v/, '').replace(/-.*$/, ''));
}

function serves({ spec }: KubeObject, version: string): boolean {
	return recordsIn(isRecord(spec) ? spec.versions : undefined).some(
		({ name, served }) => name === version && served !== false,
	);
}

/** What has become of the Gateways whose classes are istiod's. */
export function judgeGateways(classes: readonly KubeObject[], gateways: readonly KubeObject[]): Verdict {
	const found = summarizeGateways(classes, gateways);
	const { troubles, programmed, accepted } = found;
	const about = `${programmed} of ${found.gateways} programmed`;
	if (troubles.length === 0) {
		return found.classes === 0
			? { state: 'skipped', detail: 'no GatewayClass is istiod’s' }
			: { state: 'ok', detail: about };
	}
	const more = found.gateways - programmed + found.classes - accepted - troubles.length;
	return {
		state: 'warning',
		detail: `${about}; not so: ${troubles.join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
		hint: 'its status says more: kubectl describe gateways.gateway.networking.k8s.io',
	};
}
