/** What a profile installs, and its answers to what the installation leaves open. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { Replicas } from '../mesh.ts';

/** A component's part in a profile. */
interface ProfileComponent {
	readonly enabled: boolean;
	/** Used when the component is enabled, by the profile or by the installation. */
	readonly replicas: Replicas;
}

export interface Profile {
	readonly pilot: Pick<ProfileComponent, 'replicas'>;
	readonly policy: ProfileComponent;
	readonly telemetry: ProfileComponent;
	readonly citadel: Pick<ProfileComponent, 'enabled'>;
	readonly injector: ProfileComponent;
	/** For ingress and egress alike. No profile enables them. */
	readonly gateways: Pick<ProfileComponent, 'replicas'>;
}

const onePod: Replicas = { kind: 'fixed', count: 1 };

/** Two pods, which no single node can take down, and up to five under load: the charts' upper bound with a safe minimum. */
const underLoad: Replicas = { kind: 'autoscaled', min: 2, max: 5, targetCPUUtilization: 80 };

/** The profiles that can be installed, by name. */
export const profiles: Readonly<Record<ParsedSpec['profile'], Profile>> = {
	/** Pilot alone, in one pod. */
	minimal: {
		pilot: { replicas: onePod },
		policy: { enabled: false, replicas: onePod },
		telemetry: { enabled: false, replicas: onePod },
		citadel: { enabled: false },
		injector: { enabled: false, replicas: onePod },
		gateways: { replicas: onePod },
	},
	/** Mixer and injection too, one pod each. */
	default: {
		pilot: { replicas: onePod },
		policy: { enabled: true, replicas: onePod },
		telemetry: { enabled: true, replicas: onePod },
		citadel: { enabled: false },
		injector: { enabled: true, replicas: onePod },
		gateways: { replicas: onePod },
	},
	/** Two pods or more for everything except Citadel, which can't be more than one. */
	production: {
		pilot: { replicas: underLoad },
		policy: { enabled: true, replicas: underLoad },
		telemetry: { enabled: true, replicas: underLoad },
		citadel: { enabled: true },
		// Its load depends on the number of new pods, not of requests.
		injector: { enabled: true, replicas: { kind: 'fixed', count: 2 } },
		gateways: { replicas: underLoad },
	},
};
