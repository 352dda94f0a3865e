/** Checks an installation's settings for the pods of a component against what the operator and the release decide. */
import { isGrantingKey, isOwnedPodKey } from './pod-keys.ts';
import { child, type ReleaseProblem } from './problem.ts';
import type { Release } from './release.ts';
import type { GivenWorkload } from './resolve-workload.ts';

/** What the operator and the release decide about a component, so that the installation can't. */
export interface WorkloadRules {
	/** Path of the component's settings: `spec.pilot`. */
	readonly path: string;
	/** Name of the component for people: `Pilot`. */
	readonly title: string;
	/** Flags that its binary knows, without leading dashes. */
	readonly flags: readonly string[];
	/** Flags whose value follows from the release, its ports and mounts, or from another field. */
	readonly ownedFlags: readonly string[];
	/** Flags that it knows and nobody sets, with what each would do: "leave out …". */
	readonly guardedFlags?: Readonly<Record<string, string>>;
	/** Short forms of flags. */
	readonly shortFlags: Readonly<Record<string, string>>;
	/** Variables whose value follows from another field or from the pod itself, with the remedy. */
	readonly ownedEnv: Readonly<Record<string, string>>;
}

/** Variables that the pod itself sets, in every component. */
export const podEnv: Readonly<Record<string, string>> = {
	POD_NAME: 'The pod itself gives it.',
	POD_NAMESPACE: 'The pod itself gives it.',
};

/** All problems of a component's pods that the schema can not see. */
export function checkWorkload(
	release: Release,
	given: GivenWorkload = {},
	rules: WorkloadRules,
): readonly ReleaseProblem[] {
	return [
		...checkAutoscaling(given, rules),
		...checkEnv(given, rules),
		...checkArgs(release, given, rules),
		...checkPodMetadata(given, rules),
	];
}

function invalid(path: string, message: string, remedy: string): ReleaseProblem {
	return { path, reason: 'Invalid', message: `${path} ${message}`, remedy };
}

/** A share of the CPU request needs a CPU request. When there is only a limit, Kubernetes uses that as the request. */
function checkAutoscaling(
	{ autoscaling, resources }: GivenWorkload,
	{ path }: WorkloadRules,
): readonly ReleaseProblem[] {
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

/**
 * Variables that decide which program, libraries and API server a process uses. (`LD_PRELOAD` of ld.so, `KUBERNETES_…` of
 * client-go's `InClusterConfig`, `BASH_ENV` of bash, `ISTIO_BOOTSTRAP` of Istio's agent.)
 */
const guardedEnv = /^(LD_.*|PATH|BASH_ENV|ENV|KUBECONFIG|KUBERNETES_.*|SSL_CERT_(FILE|DIR)|ISTIO_BOOTSTRAP.*)$/;

const liftedBy = 'Whoever runs the operator can allow it in an overlay, with its flag --overlays=unrestricted.';

function checkEnv({ env = [] }: GivenWorkload, { path, ownedEnv }: WorkloadRules): readonly ReleaseProblem[] {
	return env.flatMap(({ name }, index) => {
		if (guardedEnv.test(name) && !Object.hasOwn(ownedEnv, name)) {
			const what = `must not be ${name}: it would have the process use other programs, files or servers than its own`;
			return [invalid(`${path}.env[${index}].name`, what, `Remove it. ${liftedBy}`)];
		}
		const remedy = Object.hasOwn(ownedEnv, name) ? ownedEnv[name] : undefined;
		return remedy === undefined
			? []
			: [invalid(`${path}.env[${index}].name`, `must not be ${name}: the operator sets it`, remedy)];
	});
}

function checkArgs(
	release: Release,
	{ extraArgs = [], env = [] }: GivenWorkload,
	{ path, title, flags, ownedFlags, guardedFlags = {}, shortFlags }: WorkloadRules,
): readonly ReleaseProblem[] {
	const secrets = env.flatMap(({ name, valueFrom }) => (valueFrom?.secretKeyRef === undefined ? [] : [name]));
	return extraArgs.flatMap((arg, index) => {
		const here = `${path}.extraArgs[${index}]`;
		// Kubernetes puts variables in before the process sees its arguments, so that this one could become any flag.
		if (arg.startsWith('$(')) {
			return [invalid(here, 'must not begin with a variable', 'Write the flag in full: --flag=$(VARIABLE).')];
		}
		const secret = secrets.find((name) => arg.includes(`$(${name})`));
		if (secret !== undefined) {
			const what = `must not contain $(${secret}), the value of a Secret: arguments are no secret`;
			return [invalid(here, what, 'Leave the value to the environment.')];
		}
		const [, dashes = '', given = ''] = /^(--?)([^=]*)/.exec(arg) ?? [];
		if (dashes === '') {
			return [];
		}
		const flag = dashes === '-' ? (shortFlags[given.slice(0, 1)] ?? given) : given;
		if (ownedFlags.includes(flag)) {
			return [invalid(here, `must not set ${dashes}${given}: the operator sets it`, 'Remove it.')];
		}
		if (Object.hasOwn(guardedFlags, flag) && flags.includes(flag)) {
			return [invalid(here, `must not set --${flag}: it would ${guardedFlags[flag]}`, `Remove it. ${liftedBy}`)];
		}
		return flags.includes(flag)
			? []
			: [
					{
						path: here,
						reason: 'FieldNotInRelease',
						message: `${here} has the flag ${dashes}${given}, which ${title} ${release.version} does not know: it would end at once`,
						remedy: 'Correct or remove it.',
					},
				];
	});
}

/**
 * Refuses the labels by which Services, budgets and autoscalers find the pods, what the operator itself writes, and what
 * gives pods more than their spec says.
 */
function checkPodMetadata(
	{ podLabels = {}, podAnnotations = {} }: GivenWorkload,
	{ path }: WorkloadRules,
): readonly ReleaseProblem[] {
	const check = (field: string, keys: readonly string[]) =>
		keys.flatMap((key) => {
			const here = child(`${path}.${field}`, key);
			if (isOwnedPodKey(key)) return [invalid(here, 'must not be set: the operator sets it', 'Remove it.')];
			return isGrantingKey(key)
				? [invalid(here, 'must not be set: it gives pods more than their spec says', `Remove it. ${liftedBy}`)]
				: [];
		});
	return [...check('podLabels', Object.keys(podLabels)), ...check('podAnnotations', Object.keys(podAnnotations))];
}
