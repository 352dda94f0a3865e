/** Finds pods in manifests: in every kind with a pod template in a usual place, whatever its group, and in lists of them. */
import { groupOf } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import type { Pod } from '../../sidecar/index.ts';
import { remarksOn } from './elsewhere.ts';
import { type Path, pathText, valueAt } from './paths.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A pod template and the object that holds it. */
export interface Workload {
	readonly apiVersion: string;
	readonly kind: string;
	/** Name of the object that the user wrote. Undefined when the API server is to make one (`generateName`). */
	readonly name?: string;
	readonly namespace?: string;
	/** Path from the document to the template. Empty for a Pod. */
	readonly path: Path;
	/** Annotations for a sidecar that stand on the object and not in its template, where nobody reads them. */
	readonly misplaced: readonly string[];
	readonly pod: Pod;
}

/** Something that can't be a pod, and where it is. */
export interface WorkloadProblem {
	/** The object, and the place in it: `Deployment web: spec.template.spec.containers`. */
	readonly path: string;
	/** A sentence without its full stop. */
	readonly message: string;
	readonly remedy: string;
}

export interface FoundWorkloads {
	readonly workloads: readonly Workload[];
	readonly problems: readonly WorkloadProblem[];
	/** What is left as it is though it has containers, a sentence each without its full stop. */
	readonly remarks: readonly string[];
}

/** The path from an object to its pod template, by group and kind. The versions of a group agree. */
const templatePaths: Readonly<Record<string, Path>> = {
	'/Pod': [],
	'/PodTemplate': ['template'],
	'/ReplicationController': ['spec', 'template'],
	'apps/DaemonSet': ['spec', 'template'],
	'apps/Deployment': ['spec', 'template'],
	'apps/ReplicaSet': ['spec', 'template'],
	'apps/StatefulSet': ['spec', 'template'],
	'batch/CronJob': ['spec', 'jobTemplate', 'spec', 'template'],
	'batch/Job': ['spec', 'template'],
};

/**
 * Where kinds of other groups have their pod template: DeploymentConfig, Rollout, Knative's Service, and what Kubernetes
 * itself served as extensions/v1beta1. What is there counts as one when it has containers with names.
 */
const usualPaths: readonly Path[] = [
	['spec', 'template'],
	['spec', 'jobTemplate', 'spec', 'template'],
];

const nothing: FoundWorkloads = { workloads: [], problems: [], remarks: [] };

/** All pod templates of a document, including those in lists (`List`, `DeploymentList`, and lists in lists). */
export function findWorkloads(document: unknown): FoundWorkloads {
	return find(document, [], undefined);
}

function find(
	value: unknown,
	path: Path,
	listed: { readonly apiVersion: string; readonly kind: string } | undefined,
): FoundWorkloads {
	if (!isRecord(value)) {
		return nothing;
	}
	const { apiVersion = listed?.apiVersion, kind = listed?.kind } = value;
	if (typeof apiVersion !== 'string' || typeof kind !== 'string') {
		return nothing;
	}
	if (kind.endsWith('List') && Array.isArray(value.items)) {
		// Items of a typed list need not repeat their kind.
		const items = kind === 'List' ? undefined : { apiVersion, kind: kind.slice(0, -'List'.length) };
		return all(value.items.map((item, index) => find(item, [...path, 'items', index], items)));
	}
	const templatePath = templatePaths[`${groupOf(apiVersion)}/${kind}`];
	if (templatePath !== undefined) return read(value, { apiVersion, kind }, path, templatePath);
	const usual = usualPaths.find((steps) => isPodTemplate(valueAt(value, steps)));
	return usual === undefined
		? { ...nothing, remarks: remarksOn(value, `${kind} ${nameIn(value) ?? '(without a name)'}`) }
		: read(value, { apiVersion, kind }, path, usual);
}

function isPodTemplate(template: unknown): boolean {
	const containers = valueAt(template, ['spec', 'containers']);
	return (
		Array.isArray(containers) &&
		containers.length > 0 &&
		containers.every((container) => isRecord(container) && typeof container.name === 'string')
	);
}

function all(found: readonly FoundWorkloads[]): FoundWorkloads {
	return {
		workloads: found.flatMap(({ workloads }) => workloads),
		problems: found.flatMap(({ problems }) => problems),
		remarks: found.flatMap(({ remarks }) => remarks),
	};
}

function read(
	object: Fields,
	type: { readonly apiVersion: string; readonly kind: string },
	path: Path,
	templatePath: Path,
): FoundWorkloads {
	const metadata = isRecord(object.metadata) ? object.metadata : {};
	const name = nameIn(object);
	const template = valueAt(object, templatePath);
	const title = `${type.kind} ${name ?? '(without a name)'}`;
	const problems = problemsOf(template, templatePath).map((problem) => ({
		...problem,
		path: `${title}: ${problem.path}`,
	}));
	if (problems.length > 0 || !isRecord(template)) {
		return { ...nothing, problems };
	}
	const namespace = text(metadata.namespace);
	const workload: Workload = {
		...type,
		...(typeof metadata.name === 'string' ? { name: metadata.name } : {}),
		...(namespace === undefined ? {} : { namespace }),
		path: [...path, ...templatePath],
		misplaced: templatePath.length === 0 ? [] : sidecarAnnotations(metadata),
		pod: podOf(template),
	};
	return { ...nothing, workloads: [workload] };
}

function sidecarAnnotations({ annotations }: Fields): readonly string[] {
	return isRecord(annotations)
		? Object.keys(annotations).filter((name) => /^([^/]+\.)?sidecar\.istio\.io\//.test(name))
		: [];
}

/** The name of an object, or how the one begins that the API server makes. */
function nameIn({ metadata }: Fields): string | undefined {
	return isRecord(metadata) ? (text(metadata.name) ?? text(metadata.generateName)) : undefined;
}

function text(value: unknown): string | undefined {
	return typeof value === 'string' ? value : undefined;
}

/** The template as a pod. `problemsOf` has checked all that injection reads. */
function podOf(template: Fields): Pod {
	const { metadata = {}, spec } = withoutNulls(template) as Fields;
	return { metadata, spec } as Pod;
}

/** Drops fields without a value (`annotations:` with nothing after it), as the API server does. */
function withoutNulls(value: unknown): unknown {
	if (Array.isArray(value)) {
		return value.map(withoutNulls);
	}
	return isRecord(value)
		? Object.fromEntries(
				Object.entries(value)
					.filter(([, entry]) => entry !== null)
					.map(([key, entry]) => [key, withoutNulls(entry)]),
			)
		: value;
}

/** Gives a changed pod back its fields without a value, so that they stay as they were written. */
export function withNulls(before: unknown, after: unknown): unknown {
	if (Array.isArray(before) && Array.isArray(after)) {
		const named = new Map(before.map((item) => [nameOf(item), item]));
		return after.map((item, index) =>
			withNulls(nameOf(item) === undefined ? before[index] : named.get(nameOf(item)), item),
		);
	}
	if (!isRecord(before) || !isRecord(after)) {
		return after;
	}
	return {
		...Object.fromEntries(Object.entries(before).filter(([, value]) => value === null)),
		...Object.fromEntries(Object.entries(after).map(([key, value]) => [key, withNulls(before[key], value)])),
	};
}

const correct = 'correct it: the API server would refuse it as well';

/** Everything that keeps a value from being a pod template. */
function problemsOf(template: unknown, templatePath: Path): readonly WorkloadProblem[] {
	const at = (...steps: readonly (string | number)[]): string => pathText([...templatePath, ...steps]);
	if (!isRecord(template) || !isRecord(template.spec)) {
		return [{ path: at('spec'), message: 'there is no pod here', remedy: correct }];
	}
	const { spec, metadata = {} } = template;
	const problems: WorkloadProblem[] = [];
	if (metadata !== null && !isRecord(metadata)) {
		problems.push({ path: at('metadata'), message: 'it is not an object', remedy: correct });
	}
	for (const field of ['labels', 'annotations'] as const) {
		const entries = isRecord(metadata) ? (metadata[field] ?? {}) : {};
		if (!isRecord(entries)) {
			problems.push({ path: at('metadata', field), message: 'it is not an object', remedy: correct });
			continue;
		}
		for (const [key, value] of Object.entries(entries)) {
			if (typeof value !== 'string') {
				const quoted = `write it in quotes: ${key}: '${String(value)}'`;
				problems.push({ path: at('metadata', field, key), message: 'its value is not text', remedy: quoted });
			}
		}
	}
	for (const field of ['containers', 'initContainers', 'volumes', 'imagePullSecrets'] as const) {
		const list = spec[field] ?? [];
		if (!Array.isArray(list)) {
			problems.push({ path: at('spec', field), message: 'it is not a list', remedy: correct });
		} else {
			for (const [index, item] of list.entries()) {
				if (!isRecord(item) || typeof item.name !== 'string') {
					problems.push({ path: at('spec', field, index), message: 'it has no name', remedy: correct });
					continue;
				}
				for (const list of ['ports', 'volumeMounts'] as const) {
					const entries = item[list] ?? [];
					if (field !== 'volumes' && !(Array.isArray(entries) && entries.every(isRecord))) {
						problems.push({
							path: at('spec', field, index, list),
							message: 'it is not a list of objects',
							remedy: correct,
						});
					}
				}
			}
		}
	}
	return problems;
}

function nameOf(item: unknown): unknown {
	return isRecord(item) ? item.name : undefined;
}
