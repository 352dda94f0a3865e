/**
 * What is known of releases of istiod and of changes between them, as data. A patch that is found to be bad gets a row here,
 * with the patch that has the fix, and the checks do the rest. Only what a mesh of this operator can meet is listed: the
 * templates, the webhooks and their `failurePolicy` are not those of Istio's charts. Sources: release notes and bulletins on
 * istio.io, issues of istio/istio.
 */
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import type { UpgradeFinding } from '../upgrade/finding.ts';
import { findKnownIssues, type KnownIssue, type VersionRange } from '../upgrade/known-issues.ts';

type Condition =
	/** istiod reads joined clusters. */
	| 'readsClusters'
	/** istiod puts proxies into pods. */
	| 'injects'
	/** Nobody has set what decides about endpoints that are not healthy. */
	| 'sendsUnhealthyEndpoints'
	/** Nobody has set how Gateways of one port are merged. */
	| 'mergesGatewaysStrictly'
	/** Nobody has set whether who asks istiod for APIs has to say who he is. */
	| 'asksForAuthentication'
	/** Nobody has set by what zones of AWS are called. */
	| 'readsZoneIds'
	/** HTTPRoutes are targets of AuthorizationPolicies. */
	| 'authorizesRoutes';

const of = (first: string, last: string): VersionRange => ({ first, last });
const minor = (name: string): VersionRange => of(`${name}.0`, `${name}.99`);

export const istiodKnownIssues: readonly KnownIssue<Condition>[] = [
	...[of('1.30.0', '1.30.3')].map((to) => ({
		name: 'security-bulletin' as const,
		to,
		condition: 'always' as const,
		subject: 'proxies',
		sentence: 'have thirteen vulnerabilities of Envoy, which 1.30.4 mends: ISTIO-SECURITY-2026-006',
		source: 'istio.io/latest/news/security',
	})),
	...[of('1.30.0', '1.30.3'), of('1.31.0', '1.31.0')].map((to) => ({
		name: 'security-bulletin' as const,
		to,
		condition: 'always' as const,
		subject: 'proxies',
		sentence: 'may send in plain text what is meant to be encrypted, which 1.30.4 and 1.31.1 mend: GHSA-qm8v-g4f9-qhjx',
		source: 'github.com/istio/istio/security/advisories',
	})),
	...[of('1.30.0', '1.30.4'), of('1.31.0', '1.31.0')].map((to) => ({
		name: 'security-bulletin' as const,
		to,
		condition: 'readsClusters' as const,
		subject: 'istioctl analyze',
		sentence:
			'runs programs that a kubeconfig in the Secret of a joined cluster names, which 1.30.5 and 1.31.1 mend; Secrets of this operator name none',
		source: 'release notes of 1.30.5 and 1.31.1',
	})),
	{
		name: 'known-bug',
		to: of('1.30.0', '1.30.2'),
		condition: 'readsClusters',
		subject: 'istiod',
		sentence: 'may stand still when the Secret of a joined cluster changes, until it is restarted; 1.30.3 mends it',
		source: 'istio#60612',
	},
	{
		name: 'known-bug',
		to: of('1.30.0', '1.30.3'),
		condition: 'readsClusters',
		subject: 'istiod',
		sentence:
			'loses endpoints and the gateway of the network of a joined cluster when its Secret changes, until it is restarted; 1.30.4 mends it',
		source: 'istio#60920, istio#61043',
	},
	{
		name: 'known-bug',
		to: of('1.30.0', '1.30.3'),
		condition: 'injects',
		subject: 'istiod',
		sentence:
			'says that it is ready before its webhooks listen, so that API servers refuse pods for a moment; 1.30.4 mends it',
		source: 'istio#61049',
	},
	{
		name: 'known-bug',
		to: of('1.30.0', '1.30.3'),
		condition: 'always',
		subject: 'Gateways of the Gateway API',
		sentence: 'may stay without a proxy when istiod starts; 1.30.4 mends it',
		source: 'istio#61095',
	},
	{
		name: 'known-bug',
		to: of('1.30.0', '1.30.2'),
		condition: 'always',
		subject: 'VirtualServices',
		sentence: 'whose labels or annotations alone change are sent to all proxies again; 1.30.3 mends it',
		source: 'istio#60629',
	},
	{
		name: 'known-bug',
		to: of('1.30.0', '1.30.0'),
		condition: 'always',
		subject: 'DestinationRules with consistent hashing',
		sentence: 'do not follow a change of their ring; 1.30.1 mends it',
		source: 'istio#60312',
	},
	{
		name: 'default-changes',
		from: minor('1.30'),
		to: minor('1.31'),
		condition: 'sendsUnhealthyEndpoints',
		subject: 'PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS',
		sentence: 'is true where nobody sets it: proxies are told of endpoints that are not healthy, too',
		source: 'istio 1.31 manifests/helm-profiles/compatibility-version-1.30.yaml',
	},
	{
		name: 'default-changes',
		from: minor('1.30'),
		to: minor('1.31'),
		condition: 'mergesGatewaysStrictly',
		subject: 'PILOT_ENABLE_STRICT_GATEWAY_MERGING',
		sentence: 'is true where nobody sets it: Gateways that share a port are merged by stricter rules',
		source: 'istio 1.31 manifests/helm-profiles/compatibility-version-1.30.yaml',
	},
	{
		name: 'default-changes',
		from: minor('1.30'),
		to: minor('1.31'),
		condition: 'asksForAuthentication',
		subject: 'ENABLE_XDS_API_GENERATOR_AUTH',
		sentence: 'is true where nobody sets it: who reads objects of Istio from istiod has to say who he is',
		source: 'istio 1.31 release notes',
	},
	{
		name: 'default-changes',
		from: minor('1.31'),
		to: minor('1.32'),
		condition: 'readsZoneIds',
		subject: 'PILOT_ENABLE_AWS_ZONE_ID',
		sentence: 'is true where nobody sets it: on AWS zones are known by their IDs',
		source: 'istio 1.32 release notes',
	},
	{
		name: 'known-bug',
		from: minor('1.31'),
		to: minor('1.32'),
		condition: 'authorizesRoutes',
		subject: 'ENABLE_GATEWAY_API_HTTPROUTE_AUTH',
		sentence:
			'gives the filter of gateways another name, istio.authorization.allow: EnvoyFilters that look for envoy.filters.http.rbac find it no more',
		source: 'istio 1.32 release notes',
	},
];

/** What is known of a change of version, or of a version itself where it comes from nowhere. */
export function knownOfIstiod(from: string | undefined, to: ResolvedIstiodMesh): readonly UpgradeFinding[] {
	return findKnownIssues(istiodKnownIssues, { from, to: to.release.version }, (condition) => conditions[condition](to));
}

const conditions: Readonly<Record<Condition, (mesh: ResolvedIstiodMesh) => boolean>> = {
	readsClusters: ({ multiCluster }) => multiCluster.clusters.length > 0,
	injects: ({ injection }) => injection !== undefined,
	sendsUnhealthyEndpoints: isLeft('PILOT_AUTO_SEND_UNHEALTHY_ENDPOINTS'),
	mergesGatewaysStrictly: isLeft('PILOT_ENABLE_STRICT_GATEWAY_MERGING'),
	asksForAuthentication: isLeft('ENABLE_XDS_API_GENERATOR_AUTH'),
	readsZoneIds: isLeft('PILOT_ENABLE_AWS_ZONE_ID'),
	authorizesRoutes: ({ pilot }) =>
		pilot.env.some(({ name, value }) => name === 'ENABLE_GATEWAY_API_HTTPROUTE_AUTH' && value === 'true'),
};

/** Whether nobody has set a variable of istiod. */
function isLeft(variable: string) {
	return ({ pilot }: ResolvedIstiodMesh): boolean => pilot.env.every(({ name }) => name !== variable);
}
