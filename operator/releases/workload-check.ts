/** Checks what an installation says about the pods of a component against what the operator and the release decide. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import { child, type ReleaseProblem } from './problem.ts';
import type { ClassicRelease } from './release.ts';

type Workload = NonNullable<ParsedSpec['pilot']>;

/** Variables whose value follows from another field or from the pod itself. */
const ownedEnv: Readonly<Record<string, string>> = {
	POD_NAME: 'The pod itself gives it.',
	POD_NAMESPACE: 'The pod itself gives it.',
	PILOT_TRACE_SAMPLING: 'Set spec.mesh.tracing.sampling instead.',
};

/** Flags whose value follows from the release, its ports and mounts, or from another field. */
const ownedFlags: readonly string[] = [
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
];

/** Short forms of flags (`pilot/cmd/pilot-discovery/main.go`). */
const shortFlags: Readonly<Record<string, string>> = { a: 'appNamespace', n: 'namespace' };

/** All problems of `spec.pilot` that the schema can not see. */
export function checkPilot(
	release: ClassicRelease,
	pilot: Workload = {},
	path = 'spec.pilot',
): readonly ReleaseProblem[] {
	return [
		...checkAutoscaling(pilot, path),
		...checkEnv(pilot, path),
		...checkArgs(release, pilot, path),
		...checkPodMetadata(pilot, path),
	];
}

function invalid(path: string, message: string, remedy: string): ReleaseProblem {
	return { path, reason: 'Invalid', message: `${path} ${message}`, remedy };
}

/** A share of the CPU request needs a CPU request; Kubernetes takes the limit for it when there is only that. */
function checkAutoscaling({ autoscaling, resources }: Workload, path: string): readonly ReleaseProblem[] {
	return autoscaling !== undefined &&
		resources !== undefined &&
		resources.requests?.cpu === undefined &&
		resources.limits?.cpu === undefined
		? [
				invalid(
					`${path}.resources`,
					'has no CPU request, which the autoscaler measures by',
					`Add ${path}.resources.requests.cpu, or remove ${path}.autoscaling.`,
				),
			]
		: [];
}

function checkEnv({ env = [] }: Workload, path: string): readonly ReleaseProblem[] {
	return env.flatMap(({ name }, index) => {
		const remedy = Object.hasOwn(ownedEnv, name) ? ownedEnv[name] : undefined;
		return remedy === undefined
			? []
			: [invalid(`${path}.env[${index}].name`, `must not be ${name}: the operator sets it`, remedy)];
	});
}

function checkArgs(release: ClassicRelease, { extraArgs = [] }: Workload, path: string): readonly ReleaseProblem[] {
	return extraArgs.flatMap((arg, index) => {
		const here = `${path}.extraArgs[${index}]`;
		const [, dashes = '', given = ''] = /^(--?)([^=]*)/.exec(arg) ?? [];
		if (dashes === '') {
			return [];
		}
		const flag = dashes === '-' ? (shortFlags[given.slice(0, 1)] ?? given) : given;
		if (ownedFlags.includes(flag)) {
			return [invalid(here, `must not set ${dashes}${given}: the operator sets it`, 'Remove it.')];
		}
		return release.pilot.flags.includes(flag)
			? []
			: [
					{
						path: here,
						reason: 'FieldNotInRelease',
						message: `${here} has the flag ${dashes}${given}, which Pilot ${release.version} does not know: it would end at once`,
						remedy: 'Correct or remove it.',
					},
				];
	});
}

/** Labels by which Services, budgets and autoscalers find the pods, and what the operator itself writes. */
function checkPodMetadata({ podLabels = {}, podAnnotations = {} }: Workload, path: string): readonly ReleaseProblem[] {
	const owned = (key: string) =>
		key === 'app' ||
		key === 'istio' ||
		key === 'sidecar.istio.io/inject' ||
		/^(app\.kubernetes\.io|applyset\.kubernetes\.io|meshwright\.io)\//.test(key);
	const check = (field: string, keys: readonly string[]) =>
		keys
			.filter(owned)
			.map((key) => invalid(child(`${path}.${field}`, key), 'must not be set: the operator sets it', 'Remove it.'));
	return [...check('podLabels', Object.keys(podLabels)), ...check('podAnnotations', Object.keys(podAnnotations))];
}
