/** Decides about the injector, and what it puts into pods. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import { resolveCapture } from '../capture.ts';
import type { ReleaseProblem } from '../problem.ts';
import { resolveWorkload } from '../resolve-workload.ts';
import { canonicalResources } from '../resources.ts';
import { checkWorkload, podEnv, type WorkloadRules } from '../workload-check.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedInjector, ResolvedSidecar } from './resolved.ts';

const path = 'spec.sidecarInjector';

/** What an installation can't set for the injector's pods. Its flags have no short forms. */
function injectorRules(release: ClassicRelease): WorkloadRules {
	return {
		path,
		title: 'the injector of',
		flags: release.injector.flags,
		shortFlags: {},
		ownedEnv: podEnv,
		ownedFlags: release.injector.flags.filter((flag) => !flag.startsWith('log_')),
	};
}

/** All problems of `spec.sidecarInjector` and `spec.proxy` that the schema can't see. */
export function checkInjection(release: ClassicRelease, spec: ParsedSpec, profile: Profile): readonly ReleaseProblem[] {
	const given = spec.sidecarInjector;
	return [
		...((given?.enabled ?? profile.injector.enabled) ? checkInjector(release, spec) : checkUnused(given)),
		...checkWorkload(release, given, injectorRules(release)),
		...checkCapture(spec),
	];
}

function invalid(where: string, message: string, remedy: string): ReleaseProblem {
	return { path: where, reason: 'Invalid', message: `${where} ${message}`, remedy };
}

function checkInjector(
	release: ClassicRelease,
	{ namespace, sidecarInjector: given = {} }: ParsedSpec,
): readonly ReleaseProblem[] {
	const system = (name: string) => name === namespace || name.startsWith('kube-');
	return [
		...(['neverInject', 'alwaysInject'] as const).flatMap((field): readonly ReleaseProblem[] =>
			release.injector.selectors || (given[field] ?? []).length === 0
				? []
				: [
						{
							path: `${path}.${field}`,
							reason: 'FieldNotInRelease',
							message: `${path}.${field} came with Istio 1.1; the injector of ${release.version} looks at annotations alone`,
							remedy: `Annotate the pods with sidecar.istio.io/inject: "${field === 'alwaysInject'}", or install Istio 1.1 or newer.`,
						},
					],
		),
		...(['neverInject', 'alwaysInject'] as const).flatMap((field) =>
			(given[field] ?? []).flatMap(({ matchLabels = {}, matchExpressions = [] }, index) =>
				Object.keys(matchLabels).length + matchExpressions.length > 0
					? []
					: [
							invalid(
								`${path}.${field}[${index}]`,
								'selects nothing: the injector passes over a selector without conditions',
								`Add matchLabels or matchExpressions; or use ${path}.policy, which is about all pods.`,
							),
						],
			),
		),
		...(given.namespaces ?? []).flatMap((name, index) =>
			system(name)
				? [
						invalid(
							`${path}.namespaces[${index}]`,
							`must not be ${name}: pods of the cluster's own namespaces and of the mesh's never get a proxy`,
							'Remove it.',
						),
					]
				: [],
		),
	];
}

/**
 * Refuses settings of an injector that does not run: nothing is accepted and ignored. `spec.proxy` counts also without it,
 * for injection by hand.
 */
function checkUnused(given: ParsedSpec['sidecarInjector'] = {}): readonly ReleaseProblem[] {
	return Object.keys(given)
		.filter((field) => field !== 'enabled')
		.map((field) =>
			invalid(
				`${path}.${field}`,
				'has no effect: the injector does not run',
				`Remove it, or set ${path}.enabled to true.`,
			),
		);
}

/**
 * Checks the lists of captured traffic as istio-init of every release reads them: an exclusion counts only when everything
 * is included.
 */
function checkCapture({ proxy = {} }: ParsedSpec): readonly ReleaseProblem[] {
	const {
		includeIPRanges = ['*'],
		excludeIPRanges = [],
		includeInboundPorts = ['*'],
		excludeInboundPorts = [],
	} = proxy;
	const list = (
		include: string,
		included: readonly (string | number)[],
		exclude: string,
		excluded: readonly (string | number)[],
	): readonly ReleaseProblem[] => {
		const all = included.includes('*');
		if (all && included.length > 1) {
			return [invalid(`spec.proxy.${include}`, 'must be "*" alone, or a list without it', 'Remove one or the other.')];
		}
		return all || excluded.length === 0
			? []
			: [
					invalid(
						`spec.proxy.${exclude}`,
						`has no effect: it is taken from "*", and spec.proxy.${include} is a list`,
						`Remove it, or set spec.proxy.${include} to ["*"].`,
					),
				];
	};
	return [
		...list('includeIPRanges', includeIPRanges, 'excludeIPRanges', excludeIPRanges),
		...list('includeInboundPorts', includeInboundPorts, 'excludeInboundPorts', excludeInboundPorts),
	];
}

/** Undefined when the injector is switched off. */
export function resolveInjector(
	release: ClassicRelease,
	{ sidecarInjector: given = {} }: ParsedSpec,
	profile: Profile,
): ResolvedInjector | undefined {
	if (!(given.enabled ?? profile.injector.enabled)) {
		return undefined;
	}
	return {
		...resolveWorkload(given, profile.injector.replicas, release.injector.resources),
		policy: given.policy ?? 'enabled',
		namespaces: given.namespaces ?? [],
		neverInject: given.neverInject ?? [],
		alwaysInject: given.alwaysInject ?? [],
	};
}

/** The settings that are the same in every release. The others are in the mesh configuration. */
export function resolveSidecar(spec: ParsedSpec, { injector }: ClassicRelease): ResolvedSidecar {
	const { proxy = {} } = spec;
	return {
		...resolveCapture(spec),
		uid: proxy.uid ?? 1337,
		resources:
			proxy.resources === undefined
				? { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } }
				: canonicalResources(proxy.resources),
		initResources: proxy.initResources === undefined ? injector.initResources : canonicalResources(proxy.initResources),
	};
}
