/** The part of the mesh configuration about Mixer: where proxies find it, and how they ask and report. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { Opaque } from '../mesh.ts';
import { child, type ReleaseProblem } from '../problem.ts';
import { compareMinor } from './minors.ts';
import type { ClassicRelease } from './release.ts';
import type { MixerService } from './resolved.ts';

/** Which of Mixer's services this mesh runs. */
export type MixerServices = Readonly<Record<MixerService, boolean>>;

/** The first release whose proxies can be told how to gather reports. */
const firstWithReportBatch = '1.3';

export function knowsReportBatch({ minor }: ClassicRelease): boolean {
	return compareMinor(minor, firstWithReportBatch) >= 0;
}

/**
 * The fields for a mesh with Mixer; none without. By default Istio 1.1 and newer do not check, and 1.0 does, even without a
 * server to ask (`DefaultMeshConfig`). So every release gets the field.
 */
export function mixerMeshConfig(
	release: ClassicRelease,
	{ namespace, mixer = {}, mesh }: ParsedSpec,
	{ policy, telemetry }: MixerServices,
): Opaque {
	if (!policy && !telemetry) {
		return {};
	}
	const port = mesh?.mtls?.controlPlane === true ? 15004 : 9091;
	const address = (service: MixerService) => `istio-${service}.${namespace}.svc.cluster.local:${port}`;
	const checksElsewhere = mesh?.config?.mixerCheckServer !== undefined;
	return {
		...(policy || !checksElsewhere ? { disablePolicyChecks: !policy } : {}),
		...(policy ? { policyCheckFailOpen: mixer.policy?.failOpen ?? false, mixerCheckServer: address('policy') } : {}),
		...(telemetry
			? {
					mixerReportServer: address('telemetry'),
					...(knowsReportBatch(release)
						? {
								reportBatchMaxEntries: mixer.telemetry?.reportBatch?.maxEntries ?? 100,
								reportBatchMaxTime: mixer.telemetry?.reportBatch?.maxTime ?? '1s',
							}
						: {}),
				}
			: {}),
	};
}

/** For each service of Mixer: fields of the mesh configuration that follow from it, with the setting that decides them. */
const fieldsOf: Readonly<Record<MixerService, Readonly<Record<string, string>>>> = {
	policy: {
		mixerCheckServer: 'spec.mixer.policy.enabled',
		policyCheckFailOpen: 'spec.mixer.policy.failOpen',
		mixerAddress: 'spec.mixer.policy.enabled',
	},
	telemetry: {
		mixerReportServer: 'spec.mixer.telemetry.enabled',
		reportBatchMaxEntries: 'spec.mixer.telemetry.reportBatch.maxEntries',
		reportBatchMaxTime: 'spec.mixer.telemetry.reportBatch.maxTime',
		mixerAddress: 'spec.mixer.telemetry.enabled',
	},
};

/**
 * Problems of fields in `spec.mesh.config` that contradict the Mixer of this mesh. When it is off, they may point at
 * another Mixer.
 */
export function checkMixerMeshConfig({ mesh }: ParsedSpec, services: MixerServices): readonly ReleaseProblem[] {
	const path = 'spec.mesh.config';
	const config = mesh?.config ?? {};
	const decided = { ...(services.telemetry ? fieldsOf.telemetry : {}), ...(services.policy ? fieldsOf.policy : {}) };
	const twice = Object.entries(decided)
		.filter(([name]) => config[name] !== undefined)
		.map(
			([name, setting]): ReleaseProblem => ({
				path: child(path, name),
				reason: 'Invalid',
				message: `${child(path, name)} follows from ${setting}`,
				remedy: `Remove it, and use ${setting}.`,
			}),
		);
	const asksNobody =
		config.disablePolicyChecks === false &&
		services.telemetry &&
		!services.policy &&
		config.mixerCheckServer === undefined;
	return asksNobody
		? [
				...twice,
				{
					path: `${path}.disablePolicyChecks`,
					reason: 'Invalid',
					message: `${path}.disablePolicyChecks must not be false without istio-policy: proxies would ask nobody, and refuse requests`,
					remedy:
						'Remove it, set spec.mixer.policy.enabled to true, or name a server in spec.mesh.config.mixerCheckServer.',
				},
			]
		: twice;
}
