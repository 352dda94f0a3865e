/** What the files that define parts of a sidecar share. */
import type { Minor, ResolvedClassicMesh } from '../releases/classic/index.ts';
import { type Condition, setting, type Text } from './expression.ts';

/** A sidecar that is being defined. */
export interface Definition {
	readonly mesh: ResolvedClassicMesh;
	/** Whether the release is that minor or newer. */
	readonly since: (minor: Minor) => boolean;
	/** How the pod's traffic reaches its proxy: REDIRECT, TPROXY, or NONE (1.1+, by annotation alone). */
	readonly interceptionMode: Text;
	readonly transparent: Condition;
	/** Port on which the agent says whether the proxy is ready. 0 when there is none. */
	readonly statusPort: Text;
	readonly hasStatusPort: Condition;
}

/** Path of the root certificate by which the proxy verifies a LightStep collector. */
export const lightstepCa = setting('proxy', 'tracing.lightstep.cacertPath');
