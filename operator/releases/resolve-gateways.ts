/** Gateways: which of them run, and the Services in front of them. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { ReleaseProblem } from './problem.ts';
import type { Profile } from './profiles.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedGateway } from './resolved.ts';

/** All problems of `spec.gateways` that the schema can not see. */
export function checkGateways(
	_release: ClassicRelease,
	_spec: ParsedSpec,
	_profile: Profile,
): readonly ReleaseProblem[] {
	return [];
}

/** The gateways that are switched on. */
export function resolveGateways(
	_release: ClassicRelease,
	_spec: ParsedSpec,
	_profile: Profile,
): readonly ResolvedGateway[] {
	return [];
}
