/** Specs as users write them, at random: what is on and what is off, and the values of some fields. */
import { classicReleases } from '../../operator/releases/classic/index.ts';
import type { Spec } from '../support/installation.ts';
import { entry } from '../support/joined.ts';
import type { Random } from './random.ts';
import { joiner } from './stage.ts';

export interface Wish {
	readonly name: string;
	readonly version: string;
	/** Whether the other cluster is in the list. */
	readonly isJoined: boolean;
}

export function wishFor(name: string, random: Random): Wish {
	const version = random.pick(classicReleases)?.version ?? '1.4.10';
	return { name, version, isJoined: false };
}

/** @param mayJoin whether this mesh is the one that has another cluster */
export function specOf({ name, version, isJoined }: Wish, mayJoin: boolean, random: Random): Spec {
	const pilot = {
		env: [{ name: 'SOAK', value: String(random.whole(0, 1_000)) }],
		...(random.isLucky(0.3) ? { disruptionBudget: { maxUnavailable: 1 } } : {}),
		...(random.isLucky(0.3) ? { autoscaling: { minReplicas: 1, maxReplicas: random.whole(2, 3) } } : {}),
	};
	return {
		version,
		namespace: `istio-${name}`,
		pilot,
		mesh: { tracing: { sampling: random.whole(0, 100) } },
		...(random.isLucky(0.3) ? { sidecarInjector: { enabled: true, namespaces: [`app-${name}`] } } : {}),
		...(random.isLucky(0.15) ? { mixer: { telemetry: { enabled: true } } } : {}),
		...(random.isLucky(0.15) ? { gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' } } } } : {}),
		...(mayJoin ? { multiCluster: { clusterName: 'home', clusters: isJoined ? [joinerEntry()] : [] } } : {}),
	};
}

/** The nodes there tell the addresses of pods. */
function joinerEntry(): Spec {
	const { podCIDRs: _, ...rest } = entry(joiner, 1, { dataPlane: { enabled: true } });
	return rest;
}
