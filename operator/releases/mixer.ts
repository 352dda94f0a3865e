/** Mixer of the classic line: how `istio-policy` and `istio-telemetry` are started, per release. */
import type { ComponentRelease, Minor, Resources } from './release.ts';

export interface MixerRelease extends ComponentRelease {
	/** What the container of `istio-telemetry` asks for; `resources` is that of `istio-policy`. */
	readonly telemetryResources: Resources;
}

const common = {
	image: 'mixer',
	flags: [],
	resources: { requests: { cpu: '100m', memory: '128Mi' } },
	telemetryResources: { requests: { cpu: '1', memory: '1G' }, limits: { cpu: '4800m', memory: '4G' } },
} as const satisfies MixerRelease;

export const mixerReleases: Readonly<Record<Minor, MixerRelease>> = {
	'1.0': common,
	'1.1': common,
	'1.2': common,
	'1.3': common,
	'1.4': common,
};
