/** What the operator and the release decide about Pilot. */

import { podEnv, type WorkloadRules } from '../workload-check.ts';
import { guardedPilotFlags } from './guarded-flags.ts';
import type { ClassicRelease } from './release.ts';

/** The rules of `spec.pilot`. Short forms are from `pilot/cmd/pilot-discovery/main.go`. */
export function pilotRules(release: ClassicRelease): WorkloadRules {
	return {
		path: 'spec.pilot',
		title: 'Pilot',
		flags: release.pilot.flags,
		shortFlags: { a: 'appNamespace', n: 'namespace' },
		guardedFlags: guardedPilotFlags,
		ownedEnv: { ...podEnv, PILOT_TRACE_SAMPLING: 'Set spec.mesh.tracing.sampling instead.' },
		ownedFlags: [
			'clusterRegistriesConfigMap',
			'clusterRegistriesNamespace',
			'configDir',
			'disable-install-crds',
			'grpcAddr',
			'httpAddr',
			'kubeconfig',
			'meshConfig',
			'monitoringAddr',
			'monitoringPort',
			'namespace',
			'networksConfig',
			'port',
			'secureGrpcAddr',
			'trust-domain',
		],
	};
}
