/** The injector, and what it puts into pods. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { ReleaseProblem } from './problem.ts';
import type { Profile } from './profiles.ts';
import { canonicalResources } from './quantity.ts';
import type { ClassicRelease } from './release.ts';
import { resolveWorkload } from './resolve-workload.ts';
import type { ResolvedInjector, ResolvedSidecar } from './resolved.ts';

/** All problems of `spec.sidecarInjector` and `spec.proxy` that the schema can not see. */
export function checkInjection(
	_release: ClassicRelease,
	_spec: ParsedSpec,
	_profile: Profile,
): readonly ReleaseProblem[] {
	return [];
}

/** Absent where the injector is switched off. */
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

export function resolveSidecar(_release: ClassicRelease, { proxy = {} }: ParsedSpec): ResolvedSidecar {
	return {
		interceptionMode: proxy.interceptionMode ?? 'REDIRECT',
		includeIPRanges: proxy.includeIPRanges ?? ['*'],
		excludeIPRanges: proxy.excludeIPRanges ?? [],
		includeInboundPorts: (proxy.includeInboundPorts ?? ['*']).map((port) => (typeof port === 'number' ? port : '*')),
		excludeInboundPorts: proxy.excludeInboundPorts ?? [],
		uid: proxy.uid ?? 1337,
		resources:
			proxy.resources === undefined
				? { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } }
				: canonicalResources(proxy.resources),
	};
}
