/** Mixer: which of its two services run, and the backends. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { ReleaseProblem } from './problem.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import { resolveWorkload } from './resolve-workload.ts';
import type { ResolvedAdapter, ResolvedMixer } from './resolved.ts';

/** All problems of `spec.mixer` that the schema can not see. */
export function checkMixer(_release: ClassicRelease, _spec: ParsedSpec, _profile: Profile): readonly ReleaseProblem[] {
	return [];
}

export function resolveMixer(release: ClassicRelease, { mixer = {} }: ParsedSpec, profile: Profile): ResolvedMixer {
	const { policy = {}, telemetry = {} } = mixer;
	return {
		...((policy.enabled ?? profile.policy.enabled)
			? { policy: resolveWorkload(policy, profile.policy.replicas, release.mixer.resources) }
			: {}),
		...((telemetry.enabled ?? profile.telemetry.enabled)
			? { telemetry: resolveWorkload(telemetry, profile.telemetry.replicas, release.mixer.telemetryResources) }
			: {}),
		adapters: (mixer.adapters ?? []).map(resolveAdapter),
	};
}

function resolveAdapter(adapter: NonNullable<NonNullable<ParsedSpec['mixer']>['adapters']>[number]): ResolvedAdapter {
	const { prometheus, stdio, statsd, custom } = adapter;
	if (stdio !== undefined) {
		return { kind: 'stdio', json: stdio.json ?? true };
	}
	if (statsd !== undefined) {
		const { address, prefix = '', flushDuration = '300ms' } = statsd;
		return { kind: 'statsd', address, prefix, flushDuration };
	}
	if (custom !== undefined) {
		return { kind: 'custom', ...custom, params: custom.params ?? {} };
	}
	return { kind: 'prometheus', metricsExpiry: prometheus?.metricsExpiry ?? '10m' };
}
