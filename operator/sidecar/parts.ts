/** What the parts of a sidecar's definition share. */
import type { Minor, ResolvedClassicMesh } from '../releases/index.ts';
import { type Condition, setting, type Text } from './expression.ts';

/** A sidecar that is being defined. */
export interface Definition {
	readonly mesh: ResolvedClassicMesh;
	/** Whether the release is that minor or newer. */
	readonly since: (minor: Minor) => boolean;
	/** How the pod's traffic is led to its proxy: REDIRECT, TPROXY, or NONE (1.1+, by annotation alone). */
	readonly interceptionMode: Text;
	readonly transparent: Condition;
	/** Port on which the agent says whether the proxy is ready; 0 for none. */
	readonly statusPort: Text;
	readonly hasStatusPort: Condition;
}

/** Where the proxy finds the root by which it knows a LightStep collector. */
export const lightstepCa = setting('proxy', 'tracing.lightstep.cacertPath');
