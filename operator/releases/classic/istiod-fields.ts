/** Fields of the spec that only releases of istiod have. */
import type { ReleaseProblem } from '../problem.ts';
import type { ClassicRelease } from './release.ts';

/** @param why a clause about this release, in which the field would have no effect */
export function ofIstiodAlone({ version }: ClassicRelease, path: string, why: string, remedy: string): ReleaseProblem {
	return {
		path,
		reason: 'FieldNotInRelease',
		message: `${path} is for releases of istiod: in Istio ${version} ${why}`,
		remedy,
	};
}
