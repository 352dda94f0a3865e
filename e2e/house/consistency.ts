/**
 * Whether rendered objects fit each other: what one refers to by name, number or label must be there, and be the only one
 * meant. For tests: nothing is written that was not looked at so.
 */
import { orderedKinds } from '../../operator/apply/waves.ts';
import { at } from '../../operator/render/testing.ts';
import { kindOf, kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';

type Fields = Readonly<Record<string, unknown>>;
type Labels = Readonly<Record<string, string>>;

export interface Surroundings {
	/** Definitions that come with the mesh. */
	readonly definitions: readonly KubeObject[];
	/** Secrets and ConfigMaps that rendering does not make and pods can't start without, by name, with who makes them. */
	readonly madeByOthers: Readonly<Record<string, string>>;
}

/** One object with all that it may refer to. */
interface Scene extends Surroundings {
	readonly objects: readonly KubeObject[];
	readonly deployments: readonly KubeObject[];
}

type Check = (object: KubeObject, scene: Scene) => readonly string[];

const componentLabel = 'app.kubernetes.io/component';

/** Everything that does not fit, as sentences that start with the object; none when all is well. */
export function inconsistencies(objects: readonly KubeObject[], surroundings: Surroundings): readonly string[] {
	const deployments = objects.filter(({ kind }) => kind === 'Deployment');
	const scene = { ...surroundings, objects, deployments };
	return objects.flatMap((object) =>
		checks.flatMap((check) => check(object, scene).map((problem) => `${objectKey(object)}: ${problem}`)),
	);
}

const checks: readonly Check[] = [
	checkKey,
	checkKind,
	checkNamespace,
	checkNames,
	ofKind('Deployment', checkDeployment),
	ofKind('Deployment', checkContainers),
	ofKind('Deployment', checkVolumes),
	ofKind('Deployment', checkEnv),
	ofKind('Service', checkService),
	ofKind('PodDisruptionBudget', checkBudget),
	ofKind('HorizontalPodAutoscaler', checkAutoscaler),
	ofKind('RoleBinding', checkBinding),
	ofKind('ClusterRoleBinding', checkBinding),
	ofKind('Role', checkRole),
	ofKind('ClusterRole', checkRole),
	ofKind('MutatingWebhookConfiguration', checkWebhook),
	ofKind('ValidatingWebhookConfiguration', checkWebhook),
];

function ofKind(kind: string, check: Check): Check {
	return (object, scene) => (object.kind === kind ? check(object, scene) : []);
}

function list(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
	const found = at(value, ...path);
	return Array.isArray(found) ? found : [];
}

function text(value: unknown, ...path: readonly (string | number)[]): string {
	return String(at(value, ...path) ?? '');
}

function has({ objects }: Scene, kind: string, name: string, namespace: unknown): boolean {
	return objects.some(
		(object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace,
	);
}

function podLabels(deployment: KubeObject): Labels {
	return (at(deployment, 'spec', 'template', 'metadata', 'labels') ?? {}) as Labels;
}

function matches(selector: unknown, labels: Labels): boolean {
	const wanted = Object.entries((selector ?? {}) as Labels);
	return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

/** That a selector means the pods of one workload and no others. */
function meansOnly(selector: unknown, own: KubeObject | undefined, { deployments }: Scene, what: string): string[] {
	const met = deployments.filter((deployment) => matches(selector, podLabels(deployment)));
	return [
		...(own !== undefined && met.includes(own)
			? []
			: [`${what} ${JSON.stringify(selector)} does not match its own pods`]),
		...met
			.filter((deployment) => deployment !== own)
			.map((deployment) => `${what} matches the pods of ${deployment.metadata.name} too`),
	];
}

function checkKey(object: KubeObject, { objects }: Scene): readonly string[] {
	const first = objects.find(({ kind, metadata }) => kind === object.kind && metadata.name === object.metadata.name);
	// Overlays find their target by kind and name alone.
	return first === object ? [] : ['there is another one of this kind and name'];
}

function checkKind(object: KubeObject, { definitions }: Scene): readonly string[] {
	if (!Object.values(kinds).some(({ kind, apiVersion }) => kind === object.kind && apiVersion === object.apiVersion)) {
		return [`${object.apiVersion} ${object.kind} is not in the table of kinds`];
	}
	const problems: string[] = [];
	if (kindOf(object).namespaced !== (object.metadata.namespace !== undefined)) {
		problems.push('has a namespace and should not, or the other way round');
	}
	// A built-in kind that nobody placed would be written among the custom resources.
	const custom = !orderedKinds().includes(object.kind);
	const [group = '', version = ''] = object.apiVersion.split('/');
	const defined = definitions.some(
		({ spec }) =>
			at(spec, 'group') === group &&
			at(spec, 'names', 'kind') === object.kind &&
			list(spec, 'versions').some((entry) => at(entry, 'name') === version && at(entry, 'served') === true),
	);
	if (custom && !defined) {
		problems.push('is neither in the order of writing nor of a kind that comes with the mesh');
	}
	return problems;
}

function checkNamespace({ metadata }: KubeObject, scene: Scene): readonly string[] {
	const { namespace } = metadata;
	return namespace === undefined || has(scene, 'Namespace', namespace, undefined)
		? []
		: [`its namespace ${namespace} is not rendered`];
}

const dnsLabel = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const pathSegment = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;
const labelKey = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

function checkNames(object: KubeObject): readonly string[] {
	const { kind, metadata } = object;
	const form = kind === 'Service' || kind === 'Deployment' ? dnsLabel : pathSegment;
	const labels = [
		...Object.entries(metadata.labels ?? {}),
		...Object.entries(kind === 'Deployment' ? podLabels(object) : {}),
	];
	return [
		...(form.test(metadata.name) ? [] : ['its name is too long or has a bad form']),
		...labels
			.filter(([key, value]) => !labelKey.test(key) || !labelValue.test(value))
			.map(([key, value]) => `the label ${key}: ${value} is not valid`),
	];
}

function podSpec(deployment: KubeObject): unknown {
	return at(deployment, 'spec', 'template', 'spec');
}

function containersOf(deployment: KubeObject): readonly unknown[] {
	return [...list(podSpec(deployment), 'initContainers'), ...list(podSpec(deployment), 'containers')];
}

function checkDeployment(deployment: KubeObject, scene: Scene): readonly string[] {
	const account = text(podSpec(deployment), 'serviceAccountName');
	return [
		...meansOnly(at(deployment, 'spec', 'selector', 'matchLabels'), deployment, scene, 'its selector'),
		...keptApart(deployment).flatMap((term) =>
			meansOnly(at(term, 'labelSelector', 'matchLabels'), deployment, scene, 'what its pods keep apart from'),
		),
		...(has(scene, 'ServiceAccount', account, deployment.metadata.namespace)
			? []
			: [`its ServiceAccount ${account} is not there`]),
	];
}

/** What says that the pods of a workload go to different places. */
function keptApart(deployment: KubeObject): readonly unknown[] {
	const preferred = list(
		podSpec(deployment),
		'affinity',
		'podAntiAffinity',
		'preferredDuringSchedulingIgnoredDuringExecution',
	);
	return [
		...preferred.map((term) => at(term, 'podAffinityTerm')),
		...list(podSpec(deployment), 'topologySpreadConstraints'),
	];
}

const containerPortName = /^(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$/;

function checkContainers(deployment: KubeObject): readonly string[] {
	const containers = containersOf(deployment);
	const ports = containers.flatMap((container) => list(container, 'ports'));
	const numbers = ports.map((port) => `${text(port, 'containerPort')}/${text(port, 'protocol')}`);
	const portNames = ports.map((port) => text(port, 'name'));
	return [
		...duplicates(containers.map((container) => text(container, 'name'))).map((name) => `two containers ${name}`),
		...duplicates(numbers).map((number) => `two containers, or two entries, listen on ${number}`),
		...duplicates(portNames).map((name) => `two ports are called ${name}`),
		...portNames.filter((name) => !containerPortName.test(name)).map((name) => `the port name ${name} is not valid`),
		...containers.flatMap((container) => [
			...(/^[^\s:@]+(:[0-9]+)?\/\S+(:[^\s:]+|@sha256:[0-9a-f]{64})$/.test(text(container, 'image'))
				? []
				: [`the image of ${text(container, 'name')} is ${text(container, 'image') || 'not set'}`]),
			...duplicates(list(container, 'env').map((entry) => text(entry, 'name'))).map((name) => `two variables ${name}`),
			...['readinessProbe', 'livenessProbe', 'startupProbe'].flatMap((probe) =>
				['httpGet', 'tcpSocket', 'grpc']
					.map((way) => at(container, probe, way, 'port'))
					.filter((port) => port !== undefined && !list(container, 'ports').some((entry) => isPort(entry, port)))
					.map((port) => `the ${probe} asks port ${String(port)}, where nothing listens`),
			),
		]),
	];
}

function duplicates(values: readonly string[]): readonly string[] {
	return [...new Set(values.filter((value, index) => values.indexOf(value) !== index))];
}

/** Whether a container port is meant, by its number or its name. */
function isPort(containerPort: unknown, target: unknown, protocol = 'TCP'): boolean {
	const field = typeof target === 'number' ? 'containerPort' : 'name';
	return at(containerPort, field) === target && (at(containerPort, 'protocol') ?? 'TCP') === protocol;
}

interface Reference {
	readonly kind: 'ConfigMap' | 'Secret';
	readonly name: string;
	readonly optional: boolean;
	/** All keys when empty. */
	readonly keys: readonly string[];
}

function referencesOf(volume: unknown): readonly Reference[] {
	const reference = (kind: Reference['kind'], source: unknown, name: string): Reference => ({
		kind,
		name,
		optional: at(source, 'optional') === true,
		keys: list(source, 'items').map((item) => text(item, 'key')),
	});
	const of = (source: unknown, secretName: string) => [
		...(at(source, 'configMap') === undefined
			? []
			: [reference('ConfigMap', at(source, 'configMap'), text(source, 'configMap', 'name'))]),
		...(at(source, 'secret') === undefined
			? []
			: [reference('Secret', at(source, 'secret'), text(source, 'secret', secretName))]),
	];
	return [...of(volume, 'secretName'), ...list(volume, 'projected', 'sources').flatMap((source) => of(source, 'name'))];
}

function checkReference(
	{ kind, name, optional, keys }: Reference,
	namespace: unknown,
	scene: Scene,
): readonly string[] {
	const found = scene.objects.find(
		(object) => object.kind === kind && object.metadata.name === name && object.metadata.namespace === namespace,
	);
	if (found === undefined) {
		return optional || Object.hasOwn(scene.madeByOthers, name) ? [] : [`${kind} ${name} is not there, nor optional`];
	}
	const there = [found.data, found.stringData, found.binaryData].flatMap((data) => Object.keys((data ?? {}) as Fields));
	return keys.filter((key) => !there.includes(key)).map((key) => `${kind} ${name} has no key ${key}`);
}

function checkVolumes(deployment: KubeObject, scene: Scene): readonly string[] {
	const volumes = list(podSpec(deployment), 'volumes');
	const names = volumes.map((volume) => text(volume, 'name'));
	const mounts = containersOf(deployment).map((container) => list(container, 'volumeMounts'));
	const mounted = mounts.flat().map((mount) => text(mount, 'name'));
	return [
		...volumes
			.flatMap(referencesOf)
			.flatMap((reference) => checkReference(reference, deployment.metadata.namespace, scene)),
		...duplicates(names).map((name) => `two volumes ${name}`),
		...mounted.filter((name) => !names.includes(name)).map((name) => `mounts ${name}, which is no volume`),
		...names.filter((name) => !mounted.includes(name)).map((name) => `nobody mounts the volume ${name}`),
		...mounts.flatMap((ofContainer) =>
			duplicates(ofContainer.map((mount) => text(mount, 'mountPath'))).map((path) => `two volumes at ${path}`),
		),
	];
}

function checkEnv(deployment: KubeObject, scene: Scene): readonly string[] {
	const references = containersOf(deployment).flatMap((container) =>
		list(container, 'env').flatMap((entry): readonly Reference[] => {
			const of = (kind: Reference['kind'], field: string): readonly Reference[] => {
				const source = at(entry, 'valueFrom', field);
				return source === undefined
					? []
					: [
							{
								kind,
								name: text(source, 'name'),
								optional: at(source, 'optional') === true,
								keys: [text(source, 'key')],
							},
						];
			};
			return [...of('ConfigMap', 'configMapKeyRef'), ...of('Secret', 'secretKeyRef')];
		}),
	);
	return references.flatMap((reference) => checkReference(reference, deployment.metadata.namespace, scene));
}

function checkService(service: KubeObject, scene: Scene): readonly string[] {
	const selector = at(service, 'spec', 'selector');
	const component = service.metadata.labels?.[componentLabel];
	const behind = scene.deployments.find(
		({ metadata }) =>
			metadata.labels?.[componentLabel] === component && metadata.namespace === service.metadata.namespace,
	);
	const containerPorts =
		behind === undefined ? [] : containersOf(behind).flatMap((container) => list(container, 'ports'));
	const ports = list(service, 'spec', 'ports');
	return [
		...meansOnly(selector, behind, scene, 'its selector'),
		...ports.flatMap((port) => {
			const target = at(port, 'targetPort') ?? at(port, 'port');
			return containerPorts.some((entry) => isPort(entry, target, text(port, 'protocol') || 'TCP'))
				? []
				: [`port ${text(port, 'port')} leads to ${String(target)}, where no container listens`];
		}),
		...(ports.length === 0 ? ['has no ports'] : []),
		...duplicates(ports.map((port) => text(port, 'name'))).map((name) => `two ports are called ${name || 'nothing'}`),
		...duplicates(ports.map((port) => `${text(port, 'port')}/${text(port, 'protocol')}`)).map(
			(port) => `two ports ${port}`,
		),
	];
}

function checkBudget(budget: KubeObject, scene: Scene): readonly string[] {
	const { name, namespace } = budget.metadata;
	const own = scene.deployments.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
	return meansOnly(at(budget, 'spec', 'selector', 'matchLabels'), own, scene, 'its selector');
}

function checkAutoscaler(autoscaler: KubeObject, scene: Scene): readonly string[] {
	const { apiVersion, kind, name } = (at(autoscaler, 'spec', 'scaleTargetRef') ?? {}) as Fields;
	const target = scene.deployments.find(
		(deployment) =>
			deployment.kind === kind &&
			deployment.apiVersion === apiVersion &&
			deployment.metadata.name === name &&
			deployment.metadata.namespace === autoscaler.metadata.namespace,
	);
	if (target === undefined) {
		return [`its target ${String(kind)} ${String(name)} is not there`];
	}
	return [
		// With one container that has no request, the share of all is not known and nothing is scaled.
		...list(podSpec(target), 'containers')
			.filter((container) =>
				['requests', 'limits'].every((field) => at(container, 'resources', field, 'cpu') === undefined),
			)
			.map((container) => `the container ${text(container, 'name')} of its target has no CPU request`),
		...(at(target, 'spec', 'replicas') === undefined ? [] : ['its target has a number of pods of its own']),
	];
}

function checkBinding(binding: KubeObject, scene: Scene): readonly string[] {
	const role = text(binding, 'roleRef', 'kind');
	const name = text(binding, 'roleRef', 'name');
	const subjects = list(binding, 'subjects');
	return [
		...(has(scene, role, name, role === 'Role' ? binding.metadata.namespace : undefined)
			? []
			: [`its role ${role} ${name} is not there`]),
		...(subjects.length === 0 ? ['binds nobody'] : []),
		...subjects
			.filter((subject) => !has(scene, text(subject, 'kind'), text(subject, 'name'), at(subject, 'namespace')))
			.map((subject) => `its subject ${text(subject, 'kind')} ${text(subject, 'name')} is not there`),
	];
}

function checkRole(role: KubeObject, { objects }: Scene): readonly string[] {
	const isBound = objects.some(
		(object) =>
			object.kind.endsWith('RoleBinding') &&
			at(object, 'roleRef', 'kind') === role.kind &&
			at(object, 'roleRef', 'name') === role.metadata.name &&
			(role.kind === 'ClusterRole' || object.metadata.namespace === role.metadata.namespace),
	);
	const rules = list(role, 'rules');
	return [
		...(isBound ? [] : ['nobody is bound to it']),
		...(rules.length === 0 ? ['has no rules'] : []),
		...(rules.some((rule) => ['apiGroups', 'resources', 'verbs'].some((field) => list(rule, field).includes('*')))
			? ['grants everything (*) in some respect']
			: []),
	];
}

function checkWebhook(configuration: KubeObject, { objects }: Scene): readonly string[] {
	const webhooks = list(configuration, 'webhooks');
	return [
		...(webhooks.length === 0 ? ['has no webhooks'] : []),
		...webhooks.flatMap((webhook) => {
			const { name, namespace, port = 443 } = (at(webhook, 'clientConfig', 'service') ?? {}) as Fields;
			const service = objects.find(
				(object) =>
					object.kind === 'Service' && object.metadata.name === name && object.metadata.namespace === namespace,
			);
			if (service === undefined) {
				return [`its Service ${String(name)} is not there`];
			}
			return list(service, 'spec', 'ports').some((entry) => at(entry, 'port') === port)
				? []
				: [`its Service ${String(name)} has no port ${String(port)}`];
		}),
	];
}
