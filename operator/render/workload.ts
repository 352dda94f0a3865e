/** Deployment, autoscaler and disruption budget of a component: what all workloads of the control plane have in common. */
import type { Opaque, Port, ResolvedMesh, ResolvedWorkload, Resources } from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { asGiven } from './finish.ts';
import { type Labels, objectLabels, podLabels } from './labels.ts';
import { placement } from './placement.ts';

/** One container of a component's pods. */
export interface Container {
	readonly name: string;
	readonly image: string;
	readonly command?: readonly string[];
	readonly args: readonly string[];
	readonly env: readonly (Opaque & { readonly name: string })[];
	readonly ports: readonly Port[];
	/** Until it succeeds once, the other probes wait. */
	readonly startupProbe?: Opaque;
	readonly readinessProbe?: Opaque;
	readonly livenessProbe?: Opaque;
	readonly volumeMounts: readonly Opaque[];
	/** Capabilities that it needs in spite of all; none otherwise. */
	readonly capabilities?: readonly string[];
}

/** What a component's file says about its pods; the rest follows from the installation. */
export interface Workload {
	/** The component: `pilot`. */
	readonly component: string;
	/** Name of Deployment, autoscaler and budget: `istio-pilot`. */
	readonly name: string;
	readonly serviceAccount: string;
	/** False for what never talks to the API server: its pods get no token. */
	readonly token?: false;
	/** Istio's own labels of the pods; the selector's among them. */
	readonly labels: Labels;
	/** By which Deployment and Service find the pods. Immutable, so the same in every release. */
	readonly selector: Labels;
	readonly annotations: Labels;
	/** The component itself: the installation's `resources`, `env` and `extraArgs` are meant for it. */
	readonly container: Container;
	/** Containers beside it, such as the proxy in front of Mixer. */
	readonly sidecars?: readonly (Container & { readonly resources: Resources })[];
	/** Recreate for what must never run twice; otherwise a new pod is ready before an old one goes. */
	readonly strategy?: 'Recreate';
	readonly volumes: readonly Opaque[];
	readonly settings: ResolvedWorkload;
}

/** An environment variable that takes a field of the pod. */
export function fieldEnv(name: string, fieldPath: string): Opaque & { readonly name: string } {
	return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}

export function renderWorkload(mesh: ResolvedMesh, workload: Workload): readonly KubeObject[] {
	return [deployment(mesh, workload), ...autoscaler(mesh, workload), ...disruptionBudget(mesh, workload)];
}

/** All labels of a workload's pods. */
export function labelsOfPods(
	mesh: ResolvedMesh,
	{ component, name, labels, settings }: Pick<Workload, 'component' | 'name' | 'labels' | 'settings'>,
): Labels {
	return { ...settings.podLabels, ...labels, ...podLabels(mesh, component, name) };
}

function metadata(mesh: ResolvedMesh, { component, name }: Workload): KubeObject['metadata'] {
	return { name, namespace: mesh.namespace, labels: objectLabels(mesh, component, name) };
}

function deployment(mesh: ResolvedMesh, workload: Workload): KubeObject {
	const { settings, container, component, name } = workload;
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: {
			...metadata(mesh, workload),
			labels: { ...workload.labels, ...objectLabels(mesh, component, name) },
		},
		spec: {
			// Under an autoscaler the number is its own.
			...(settings.replicas.kind === 'fixed' ? { replicas: settings.replicas.count } : {}),
			selector: { matchLabels: workload.selector },
			// A new pod is ready before an old one goes: proxies never find nobody.
			strategy:
				workload.strategy === undefined
					? { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
					: { type: workload.strategy },
			template: {
				metadata: {
					labels: labelsOfPods(mesh, workload),
					annotations: { ...settings.podAnnotations, ...workload.annotations },
				},
				spec: {
					serviceAccountName: workload.serviceAccount,
					automountServiceAccountToken: workload.token ?? true,
					// On the pods, not on the ServiceAccount: that list has one owner, and platforms add to it.
					imagePullSecrets: mesh.images.pullSecrets.map((secret) => ({ name: secret })),
					priorityClassName: settings.priorityClassName,
					securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
					...placement(mesh.release.architectures, settings, workload.selector),
					containers: [
						containerOf(mesh, {
							...container,
							args: [...container.args, ...settings.extraArgs],
							env: mergeEnv(container.env, settings.env),
							resources: settings.resources,
						}),
						...(workload.sidecars ?? []).map((sidecar) => containerOf(mesh, sidecar)),
					],
					volumes: workload.volumes,
				},
			},
		},
	};
}

function containerOf(
	{ images }: ResolvedMesh,
	container: Omit<Container, 'env'> & { readonly env: readonly Opaque[]; readonly resources: Resources },
): Opaque {
	return {
		name: container.name,
		image: container.image,
		imagePullPolicy: images.pullPolicy,
		command: container.command ?? [],
		args: container.args,
		env: container.env,
		ports: container.ports.map((port) => ({ name: port.container, containerPort: port.port, protocol: 'TCP' })),
		startupProbe: container.startupProbe,
		readinessProbe: container.readinessProbe,
		livenessProbe: container.livenessProbe,
		resources: container.resources,
		// The images say no user, so the process is root; it needs none of root's powers, or those that are named.
		securityContext: {
			allowPrivilegeEscalation: false,
			capabilities: { drop: ['ALL'], add: container.capabilities ?? [] },
		},
		volumeMounts: container.volumeMounts,
	};
}

/** The release's variables, each replaced by the user's of the same name, then the user's own. */
function mergeEnv(
	own: readonly (Opaque & { readonly name: string })[],
	given: readonly (Opaque & { readonly name: string })[],
): readonly Opaque[] {
	const byName = new Map(own.map((entry) => [entry.name, entry]));
	for (const entry of given) {
		const { value, ...rest } = entry;
		// An empty value is stored as none.
		byName.set(entry.name, asGiven(value === '' ? rest : entry));
	}
	return [...byName.values()];
}

function autoscaler(mesh: ResolvedMesh, workload: Workload): readonly KubeObject[] {
	const { replicas } = workload.settings;
	if (replicas.kind === 'fixed') {
		return [];
	}
	return [
		{
			apiVersion: 'autoscaling/v2',
			kind: 'HorizontalPodAutoscaler',
			metadata: metadata(mesh, workload),
			spec: {
				scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: workload.name },
				minReplicas: replicas.min,
				maxReplicas: replicas.max,
				metrics: [
					{
						type: 'Resource',
						resource: {
							name: 'cpu',
							target: { type: 'Utilization', averageUtilization: replicas.targetCPUUtilization },
						},
					},
				],
			},
		},
	];
}

function disruptionBudget(mesh: ResolvedMesh, workload: Workload): readonly KubeObject[] {
	const budget = workload.settings.disruptionBudget;
	return budget === undefined
		? []
		: [
				{
					apiVersion: 'policy/v1',
					kind: 'PodDisruptionBudget',
					metadata: metadata(mesh, workload),
					spec: {
						...budget,
						selector: { matchLabels: workload.selector },
						// A pod that never became ready must not hold its node.
						unhealthyPodEvictionPolicy: 'AlwaysAllow',
					},
				},
			];
}
