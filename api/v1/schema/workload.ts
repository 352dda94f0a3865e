/** The fields that every component of the control plane has for its pods. */
import { z } from 'zod';
import { compareQuantities } from '../quantity.ts';
import {
	annotations,
	countOrPercent,
	integer,
	labels,
	line,
	list,
	listMap,
	map,
	objectName,
	opaqueObject,
	optional,
	quantity,
	text,
} from './fields.ts';
import { withRules } from './rules.ts';

const amounts = map(quantity, 32, /^[-a-zA-Z0-9./_]+$/, "a resource's name such as cpu or memory");

export const resources = withRules(
	z.strictObject({
		requests: optional(amounts).describe(
			'What the scheduler sets aside for each container, for example {cpu: 100m, memory: 128Mi}.',
		),
		limits: optional(amounts).describe('What each container may use at most, for example {memory: 2Gi}.'),
	}),
	{
		rule: '!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)',
		message: 'requests must not be greater than limits',
		remedy: 'Lower the request or raise the limit of the same resource.',
		holds: ({ requests = {}, limits = {} }) =>
			Object.entries(requests).every(([name, amount]) => {
				const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
				return limit === undefined || compareQuantities(amount, limit) <= 0;
			}),
	},
).meta({ title: 'ResourceRequirements' });

const autoscaling = withRules(
	z.strictObject({
		minReplicas: optional(integer(1, 1000)).describe('Never fewer pods than this. 1 when not set.'),
		maxReplicas: integer(1, 1000).describe('Never more pods than this.'),
		targetCPUUtilization: optional(integer(1, 1000)).describe(
			'Average CPU use to aim at, in percent of the CPU request. 80 when not set.',
		),
	}),
	{
		rule: '!has(self.minReplicas) || self.minReplicas <= self.maxReplicas',
		message: 'minReplicas must not be greater than maxReplicas',
		remedy: 'Lower minReplicas or raise maxReplicas.',
		at: 'minReplicas',
		holds: ({ minReplicas, maxReplicas }) => minReplicas === undefined || minReplicas <= maxReplicas,
	},
).meta({ title: 'Autoscaling' });

const disruptionBudget = withRules(
	z.strictObject({
		minAvailable: optional(countOrPercent).describe(
			'How many pods (1) or which share of them ("50%") must stay up while nodes are drained. Must leave room for at least one pod to go.',
		),
		maxUnavailable: optional(countOrPercent).describe(
			'How many pods (1) or which share of them ("50%") may be away while nodes are drained.',
		),
	}),
	{
		rule: 'has(self.minAvailable) != has(self.maxUnavailable)',
		message: 'exactly one of minAvailable and maxUnavailable must be set',
		remedy: 'Keep one of the two fields.',
		holds: ({ minAvailable, maxUnavailable }) => (minAvailable === undefined) !== (maxUnavailable === undefined),
	},
).meta({ title: 'DisruptionBudget' });

const toleration = withRules(
	z.strictObject({
		key: optional(line(317)).describe('Key of the taint; all keys when not set, and then operator must be Exists.'),
		operator: optional(z.enum(['Exists', 'Equal'])).describe(
			'How key and value are compared with the taint. Equal when not set.',
		),
		value: optional(z.string().max(63)).describe('Value of the taint, for operator Equal.'),
		effect: optional(z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute'])).describe(
			'Effect of the taint. All effects when not set.',
		),
		tolerationSeconds: optional(integer(0, 2_147_483_647)).describe(
			'How long pods stay on a node after it got the taint, in seconds; for effect NoExecute. For ever when not set.',
		),
	}),
	{
		rule: "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
		message: 'without key, operator must be Exists',
		remedy: 'Name the key of the taint, or set operator to Exists.',
		at: 'operator',
		holds: ({ key, operator }) => key !== undefined || operator === 'Exists',
	},
	{
		rule: "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
		message: 'value must not be set when operator is Exists',
		remedy: 'Remove value, or set operator to Equal.',
		at: 'value',
		holds: ({ operator, value = '' }) => operator !== 'Exists' || value === '',
	},
	{
		rule: "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
		message: 'tolerationSeconds needs effect NoExecute',
		remedy: 'Set effect to NoExecute, or remove tolerationSeconds.',
		at: 'tolerationSeconds',
		holds: ({ tolerationSeconds, effect }) => tolerationSeconds === undefined || effect === 'NoExecute',
	},
).meta({ title: 'Toleration' });

const secretKey = text(253, /^[-._a-zA-Z0-9]+$/, 'a key: letters, digits, -, _ and .');

const keySelector = z
	.strictObject({
		name: objectName.describe('Name of the object, in the namespace of the mesh.'),
		key: secretKey.describe('The key whose value is used.'),
		optional: optional(z.boolean()).describe(
			'true: the pod starts also without the object or the key. false when not set.',
		),
	})
	.meta({ title: 'KeySelector' });

const envSource = withRules(
	z.strictObject({
		secretKeyRef: optional(keySelector).describe('The value of a key of a Secret.'),
		configMapKeyRef: optional(keySelector).describe('The value of a key of a ConfigMap.'),
		fieldRef: optional(
			z
				.strictObject({
					apiVersion: optional(line(32)).describe(
						'Version of the schema that fieldPath is written in. v1 when not set.',
					),
					fieldPath: line(512).describe('Path of the field of the pod, for example status.podIP.'),
				})
				.meta({ title: 'FieldSelector' }),
		).describe('The value of a field of the pod itself.'),
	}),
	{
		rule: '[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)].filter(given, given).size() == 1',
		message: 'exactly one of secretKeyRef, configMapKeyRef and fieldRef must be set',
		remedy: 'Keep one source.',
		holds: ({ secretKeyRef, configMapKeyRef, fieldRef }) =>
			[secretKeyRef, configMapKeyRef, fieldRef].filter((source) => source !== undefined).length === 1,
	},
).meta({ title: 'EnvVarSource' });

const envVar = withRules(
	z.strictObject({
		name: text(128, /^[-._a-zA-Z][-._a-zA-Z0-9]*$/, 'the name of an environment variable').describe(
			'Name of the variable.',
		),
		value: optional(z.string().max(8192)).describe('Its value. Empty when neither value nor valueFrom is set.'),
		valueFrom: optional(envSource).describe('Where its value comes from.'),
	}),
	{
		rule: '!(has(self.value) && has(self.valueFrom))',
		message: 'value and valueFrom must not both be set',
		remedy: 'Keep one of the two fields.',
		at: 'valueFrom',
		holds: ({ value, valueFrom }) => value === undefined || valueFrom === undefined,
	},
).meta({ title: 'EnvVar' });

export const podFields = {
	disruptionBudget: optional(disruptionBudget).describe(
		'How many pods may be away while nodes are drained; becomes a PodDisruptionBudget. minAvailable 1 from two pods on when not set.',
	),
	resources: optional(resources).describe(
		"CPU and memory of the component's container. The release's own figures when not set.",
	),
	nodeSelector: optional(labels).describe('Only nodes with all of these labels are used.'),
	tolerations: optional(list(toleration, 64)).describe('Taints of nodes that the pods put up with.'),
	affinity: optional(opaqueObject).describe(
		'Which nodes and which neighbours the pods prefer or need, as in a pod (core/v1 Affinity).',
	),
	topologySpreadConstraints: optional(list(opaqueObject, 16)).describe(
		'How the pods spread over zones and nodes, as in a pod (core/v1 TopologySpreadConstraint).',
	),
	priorityClassName: optional(objectName).describe(
		'PriorityClass of the pods: which pods make room for others when nodes are full.',
	),
	podAnnotations: optional(annotations).describe('Annotations put on the pods beside those of the operator.'),
	podLabels: optional(labels).describe('Labels put on the pods beside those of the operator.'),
	env: optional(listMap(envVar, 'name', 128)).describe(
		"Environment variables of the component's container beside those of the operator.",
	),
	extraArgs: optional(list(line(1024), 64)).describe("Arguments added at the end of the component's command line."),
};

/** A component that always runs as one pod. */
export const singletonFields = podFields;

/** A component that can run as several pods. Objects with these fields need `replicaRules`. */
export const workloadFields = {
	replicas: optional(integer(1, 1000)).describe(
		'A fixed number of pods. Either this or autoscaling. As the profile says (minimal: 1) when not set.',
	),
	autoscaling: optional(autoscaling).describe(
		'A number of pods that follows the load; becomes a HorizontalPodAutoscaler. Either this or replicas.',
	),
	...podFields,
};

type Workload = z.output<z.ZodObject<typeof workloadFields>>;

/** Adds the rules between the fields of a workload. */
export function workload<Shape extends typeof workloadFields>(schema: z.ZodObject<Shape, z.core.$strict>) {
	return withRules(
		schema as z.ZodType<Workload, Workload>,
		{
			rule: '!(has(self.replicas) && has(self.autoscaling))',
			message: 'replicas and autoscaling must not both be set',
			remedy: 'Keep replicas for a fixed number of pods, or autoscaling for one that follows the load.',
			at: 'replicas',
			holds: ({ replicas, autoscaling }) => replicas === undefined || autoscaling === undefined,
		},
		{
			rule: [
				'!has(self.disruptionBudget) || !has(self.disruptionBudget.minAvailable)',
				"[has(self.replicas) ? self.replicas : has(self.autoscaling) && has(self.autoscaling.minReplicas) ? self.autoscaling.minReplicas : 1].all(pods, (type(self.disruptionBudget.minAvailable) == int ? int(self.disruptionBudget.minAvailable) : string(self.disruptionBudget.minAvailable).matches('^[0-9]{1,3}%$') ? (int(string(self.disruptionBudget.minAvailable).replace('%', '')) * pods + 99) / 100 : 0) < pods)",
			].join(' || '),
			message:
				'disruptionBudget.minAvailable must be less than the number of pods (replicas, else autoscaling.minReplicas, else 1): no node could be drained',
			remedy: 'Raise replicas or autoscaling.minReplicas, lower minAvailable, or use maxUnavailable.',
			at: 'disruptionBudget',
			holds: leavesRoom,
		},
	) as unknown as z.ZodObject<Shape, z.core.$strict>;
}

/** Whether a drain can remove a pod. Kubernetes rounds a share of pods up. */
function leavesRoom({ replicas, autoscaling, disruptionBudget }: Workload): boolean {
	const minAvailable = disruptionBudget?.minAvailable;
	if (minAvailable === undefined) {
		return true;
	}
	const pods = replicas ?? autoscaling?.minReplicas ?? 1;
	const kept =
		typeof minAvailable === 'number' ? minAvailable : Math.ceil((Number.parseInt(minAvailable, 10) * pods) / 100);
	return kept < pods;
}

export const pilot = workload(
	z.strictObject({
		...workloadFields,
		kubeconfigSecret: optional(
			z
				.strictObject({
					name: objectName.describe('Name of the Secret, in the namespace of the mesh.'),
					key: optional(secretKey).describe('Key of the Secret that holds the kubeconfig. kubeconfig when not set.'),
				})
				.meta({ title: 'PilotKubeconfigSecret' }),
		).describe(
			'A kubeconfig by which Pilot and Mixer serve another cluster than the one that they run in. They read its services and Istio objects, and nothing of their own cluster. See docs/clusters.md for what that cluster needs.',
		),
	}),
).meta({ title: 'Pilot' });
