/** Outcomes of injection, by hand and by an injector, in one form. */
import type { ResolvedClassicMesh } from '../../operator/releases/classic/index.ts';
import { injectPod } from '../../operator/sidecar/index.ts';
import { canonical } from './canonical.ts';
import type { Answer, KubePod } from './webhook-types.ts';

export interface Outcome {
	readonly kind: Answer['kind'];
	/** In its canonical form. */
	readonly pod?: unknown;
}

/** What an injector answers. */
export function compared(answer: Answer): Outcome {
	return answer.kind === 'injected' ? { kind: answer.kind, pod: canonical(answer.pod) } : answer;
}

/** What the command line makes of a pod. */
export function manually(mesh: ResolvedClassicMesh, { metadata, spec, ...header }: KubePod): Outcome {
	const result = injectPod(mesh, { metadata, spec }, { namespace: metadata.namespace ?? 'shop' });
	return result.kind === 'injected'
		? { kind: 'injected', pod: canonical({ ...header, metadata: result.metadata, spec: result.spec }) }
		: { kind: result.kind };
}
