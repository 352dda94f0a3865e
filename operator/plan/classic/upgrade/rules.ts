/** Changes of version between classic releases: all that this line knows of them, as the checks ask for it. */
import { isDeepStrictEqual } from 'node:util';
import { compareMinor, type Minor, minors, type ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import { found } from '../../upgrade/catalogue.ts';
import type { UpgradeFinding } from '../../upgrade/finding.ts';
import { findKnownIssues } from '../../upgrade/known-issues.ts';
import type { Hop, UpgradeRules } from '../../upgrade/rules.ts';
import { type ClassicCondition, classicKnownIssues } from './known-issues.ts';
import { findingsOfObject, kindsOfHop } from './objects.ts';

type ClassicHop = Hop<ResolvedClassicMesh>;

export const classicUpgradeRules: UpgradeRules<ResolvedClassicMesh> = {
	kinds: kindsOfHop,
	object: findingsOfObject,
	mesh: (hop, { definitions }) => [
		...outboundTraffic(hop),
		...meshConfig(hop),
		...findKnownIssues(classicKnownIssues, { from: hop.from.version, to: hop.to.release.version }, (condition) =>
			conditions[condition](hop, new Set(definitions.map(({ metadata }) => metadata.name))),
		),
	],
	release: () => [],
};

const conditions: Readonly<Record<ClassicCondition, (hop: ClassicHop, definitions: ReadonlySet<string>) => boolean>> = {
	findsProtocols: ({ to }) => envOf(to, 'PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_OUTBOUND') === 'true',
	// In one cluster alone there is one trust domain.
	checksTrustDomain: ({ to }) =>
		to.mutualTls !== 'DISABLED' &&
		to.multiCluster.clusters.length > 0 &&
		envOf(to, 'PILOT_SKIP_VALIDATE_TRUST_DOMAIN') !== 'true',
	hasRbacAuthorizationPolicies: (_, definitions) => definitions.has('authorizationpolicies.rbac.istio.io'),
};

/** A variable of Pilot: the owner's, or the release's. */
function envOf({ pilot, release }: ResolvedClassicMesh, name: string): unknown {
	return pilot.env.find((entry) => entry.name === name)?.value ?? release.pilot.env[name];
}

/**
 * 1.0 lets nothing out to hosts that it does not know; it has no setting for it. From 1.1 on the default is ALLOW_ANY (istio
 * 1.1.17 `pilot/pkg/model/context.go`, `DefaultMeshConfig`).
 */
function outboundTraffic({ from, to }: ClassicHop): readonly UpgradeFinding[] {
	if (minorOf(from.version) !== '1.0' || compareMinor(to.release.minor, '1.1') < 0) return [];
	const policy = to.meshConfig.outboundTrafficPolicy;
	return isDeepStrictEqual(policy, { mode: 'REGISTRY_ONLY' })
		? []
		: [
				found(
					'outbound-traffic-opens',
					'spec.mesh.outboundTraffic',
					`is not set: proxies of Istio ${from.version} block traffic to unknown hosts, those of ${to.release.version} let it out`,
				),
			];
}

/** The minor of a classic version. */
function minorOf(version: string): Minor | undefined {
	return minors.find((minor) => version.startsWith(`${minor}.`));
}

/** Where the mesh is found and how it is read changes with every release, and nobody sets it. */
const ownFields: ReadonlySet<string> = new Set(['outboundTrafficPolicy', 'rootNamespace', 'ingressControllerMode']);
const ownProxyFields: ReadonlySet<string> = new Set([
	'discoveryAddress',
	'discoveryRefreshDelay',
	'tracing',
	'zipkinAddress',
]);

function meshConfig({ from, to }: ClassicHop): readonly UpgradeFinding[] {
	if (from.mesh === undefined) return [];
	const { defaultConfig: proxyBefore, ...before } = from.mesh.meshConfig;
	const { defaultConfig: proxyAfter, ...after } = to.meshConfig;
	const changes = [
		...changesOf('', before, after, ownFields),
		...changesOf('defaultConfig.', fieldsOf(proxyBefore), fieldsOf(proxyAfter), ownProxyFields),
	];
	return changes.length === 0
		? []
		: [found('mesh-config-changes', `ConfigMap ${to.namespace}/istio`, `says something else: ${changes.join(', ')}`)];
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
	return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function changesOf(prefix: string, before: Fields, after: Fields, own: ReadonlySet<string>): readonly string[] {
	return [...new Set([...Object.keys(before), ...Object.keys(after)])]
		.filter((name) => !own.has(name) && !isDeepStrictEqual(before[name], after[name]))
		.map((name) => `${prefix}${name} ${told(before[name])} → ${told(after[name])}`);
}

function told(value: unknown): string {
	return value === undefined ? '(its default)' : JSON.stringify(value).slice(0, 64);
}
