/** Whether the Gateway API is there as a release reads it, and what has become of the Gateways that it has proxies for. */
import { compareVersions, readFullVersion } from '../../../api/v1/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, orAbsent } from '../../runtime/errors.ts';
import { type Kind, kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';
import { type CheckResult, check, type Verdict } from './result.ts';

const group = 'gateway.networking.k8s.io';
const gatewayClass: Kind = {
	apiVersion: `${group}/v1`,
	kind: 'GatewayClass',
	plural: 'gatewayclasses',
	namespaced: false,
};
const gateway: Kind = { apiVersion: `${group}/v1`, kind: 'Gateway', plural: 'gateways', namespaced: true };

const mostNamed = 5;

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
			{ verb: 'list', kind: gateway },
			async (): Promise<Verdict> => {
				try {
					const classes = await api.list<KubeObject>(gatewayClass, { signal });
					const gateways = await api.list<KubeObject>(gateway, { signal });
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

/** The names that istiod goes by (istio 1.30 `pkg/config/constants`). */
const controllers: readonly unknown[] = [
	'istio.io/gateway-controller',
	'istio.io/mesh-controller',
	'istio.io/eastwest-controller',
	'istio.io/unmanaged-gateway',
];

/** What has become of the Gateways whose classes are istiod's. */
export function judgeGateways(classes: readonly KubeObject[], gateways: readonly KubeObject[]): Verdict {
	const own = classes.filter(({ spec }) => isRecord(spec) && controllers.includes(spec.controllerName));
	const refused = own.filter((each) => conditionOf(each, 'Accepted')?.status !== 'True');
	const names: ReadonlySet<unknown> = new Set(own.map(({ metadata }) => metadata.name));
	const ours = gateways.filter(({ spec }) => isRecord(spec) && names.has(spec.gatewayClassName));
	const open = ours.filter((each) => conditionOf(each, 'Programmed')?.status !== 'True');
	const told = [
		...refused.map((each) => `GatewayClass ${each.metadata.name} (${reasonOf(each, 'Accepted')})`),
		...open.map(({ metadata, ...rest }) => {
			const reason = reasonOf({ metadata, ...rest }, 'Programmed');
			return `Gateway ${metadata.namespace}/${metadata.name} (${reason})`;
		}),
	].sort();
	if (told.length === 0) {
		return own.length === 0
			? { state: 'skipped', detail: 'no GatewayClass is istiod’s' }
			: { state: 'ok', detail: `${ours.length} of ${ours.length} programmed` };
	}
	const more = told.length - mostNamed;
	return {
		state: 'warning',
		detail: `${ours.length - open.length} of ${ours.length} programmed; not so: ${told.slice(0, mostNamed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`,
		hint: 'its status says more: kubectl describe gateways.gateway.networking.k8s.io',
	};
}

function conditionOf({ status }: KubeObject, type: string) {
	return recordsIn(isRecord(status) ? status.conditions : undefined).find((condition) => condition.type === type);
}

/** A reason is one word; what is none is not told. */
function reasonOf(object: KubeObject, type: string): string {
	const reason = conditionOf(object, type)?.reason;
	return typeof reason === 'string' && /^[A-Za-z]{1,64}$/.test(reason) ? reason : 'nobody says why';
}
