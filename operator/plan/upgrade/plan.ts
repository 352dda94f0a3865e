/** The plan of a change of version, for a person to read before it begins: what changes, in which order, what stands against it. Pure. */
import { type ComponentChange, componentChanges } from './changes.ts';
import type { CheckedArea, Rendered } from './check-upgrade.ts';
import type { Looked, SeenProxies } from './gathered.ts';
import { type Judgement, judge } from './insist.ts';

export interface UpgradePlan {
	/** Name of the MeshInstallation. */
	readonly mesh: string;
	/** Undefined when nothing runs yet. */
	readonly from: string | undefined;
	readonly to: string;
	readonly components: readonly ComponentChange[];
	readonly proxies: Looked<readonly SeenProxies[]>;
	readonly areas: readonly CheckedArea[];
	readonly judgement: Judgement;
}

export interface PlanInput {
	readonly mesh: string;
	readonly from: string | undefined;
	readonly to: string;
	readonly areas: readonly CheckedArea[];
	readonly findings: Parameters<typeof judge>[0];
	readonly before: Rendered | undefined;
	readonly after: Rendered | undefined;
	readonly proxies: Looked<readonly SeenProxies[]>;
	/** The annotation by which the owner insists. */
	readonly insistence: string | undefined;
}

export function planUpgrade({ findings, before, after, insistence, ...rest }: PlanInput): UpgradePlan {
	return {
		...rest,
		components: after === undefined ? [] : componentChanges(before?.objects ?? [], after.objects),
		judgement: judge(findings, insistence),
	};
}
