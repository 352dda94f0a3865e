/** What the tests of the status share. */
import type { ParsedStatus } from '../../api/v1/index.ts';
import type { CertificateAuthorityObservation } from './certificate-authority.ts';
import type { WorkloadObservation, WorkloadState } from './components.ts';
import { computeStatus, type Observation } from './compute-status.ts';

/** A Deployment of one pod that is as it should be, but for these differences. */
export function workload(differences: Partial<WorkloadState> = {}): WorkloadState {
	const { desired = 1 } = differences;
	return {
		generation: 1,
		observedGeneration: 1,
		desired,
		total: desired,
		updated: desired,
		ready: desired,
		available: desired,
		stalled: undefined,
		podsRefused: undefined,
		isRolledOut: true,
		images: ['istio/pilot:1.4.10'],
		...differences,
	};
}

export function observed(
	live: WorkloadObservation['live'],
	differences: Partial<WorkloadObservation> = {},
): WorkloadObservation {
	return {
		component: 'pilot',
		object: 'Deployment istio-system/istio-pilot',
		image: 'istio/pilot:1.4.10',
		version: '1.4.10',
		live,
		isOutage: isWorkload(live) && live.isRolledOut && live.available === 0 && live.desired > 0,
		...differences,
	};
}

function isWorkload(live: WorkloadObservation['live']): live is WorkloadState {
	return live !== undefined && live !== 'unknown';
}

const workloadCertTTL = '2160h';
const signer = { name: 'Citadel', keyTypes: ['rsa'], renewal: 'Citadel since 1.2 renews its own by itself' } as const;

/** A certificate authority in each of its states. */
export const authorities: readonly CertificateAuthorityObservation[] = (['SelfSigned', 'Provided'] as const).flatMap(
	(source) => [
		{ signer, source, secretName: 'ca', found: 'unknown' },
		{ signer, source, secretName: 'ca', found: 'missing' },
		{ signer, source, secretName: 'ca', found: 'unreadable' },
		{ signer, source, secretName: 'ca', found: 'unusable', file: 'ca-key.pem', reason: 'is missing' },
		authority({ source, timeLeftMs: 1 }),
		...[1, 0.19, 0].map((shareLeft) => authority({ source, shareLeft })),
		authority({ source, keyType: 'ec' }),
	],
);

/** An authority that exists and lasts long, but for these differences. */
export function authority(
	differences: Partial<Extract<CertificateAuthorityObservation, { readonly found: 'certificate' }>> = {},
): CertificateAuthorityObservation {
	return {
		signer,
		source: 'SelfSigned',
		secretName: 'istio-ca-secret',
		workloadCertTTL,
		timeLeftMs: 10 * 365 * 24 * 60 * 60_000,
		found: 'certificate',
		subject: 'O=cluster.local',
		notAfter: '2036-01-01T00:00:00Z',
		timeLeft: '9 years',
		shareLeft: 0.99,
		keyType: 'rsa',
		...differences,
	};
}

export const inventory = { objects: 8, hash: 'h' };

/** Everything is applied and runs, but for these differences. */
export function observation(differences: Partial<Observation> = {}): Observation {
	return {
		generation: 1,
		previous: undefined,
		now: '2026-01-01T00:00:00Z',
		findings: [],
		version: '1.4.10',
		workloads: [observed(workload())],
		inventory,
		...differences,
	};
}

/** The next observation of an installation that has this status. */
export function after(previous: ParsedStatus, differences: Partial<Observation> = {}): Observation {
	const next = observation({ previous, now: '2026-01-01T00:01:00Z', ...differences });
	return next.workloads === undefined ? next : { ...next, workloads: next.workloads.map(remembering(previous)) };
}

function remembering(previous: ParsedStatus) {
	return (workloadObservation: WorkloadObservation): WorkloadObservation => ({
		...workloadObservation,
		previous: previous.components?.find(({ name }) => name === workloadObservation.component),
	});
}

export function condition(status: ParsedStatus, type: string) {
	return status.conditions?.find((entry) => entry.type === type);
}

/** `True/Ready`. Undefined when there is no such condition. */
export function verdict(status: ParsedStatus, type: string): string | undefined {
	const found = condition(status, type);
	return found === undefined ? undefined : `${found.status}/${found.reason}`;
}

/** The status after each observation. Each one is computed from the one before. */
export function sequence(...steps: readonly Partial<Observation>[]): readonly ParsedStatus[] {
	const statuses: ParsedStatus[] = [];
	for (const [minute, step] of steps.entries()) {
		const previous = statuses.at(-1);
		const now = `2026-01-01T00:0${minute}:00Z`;
		statuses.push(
			computeStatus(previous === undefined ? observation({ now, ...step }) : after(previous, { now, ...step })),
		);
	}
	return statuses;
}

/**
 * What kstatus (kubectl wait, Flux, Argo CD) says of a custom resource (sigs.k8s.io/cli-utils `pkg/kstatus/status`, generic
 * rules).
 */
export function kstatus(generation: number, status: ParsedStatus | undefined): 'InProgress' | 'Failed' | 'Current' {
	if (status?.observedGeneration !== undefined && status.observedGeneration !== generation) return 'InProgress';
	const isTrue = (type: string) => status !== undefined && condition(status, type)?.status === 'True';
	if (isTrue('Reconciling')) return 'InProgress';
	if (isTrue('Stalled')) return 'Failed';
	return isTrue('Ready') ? 'Current' : 'InProgress';
}
