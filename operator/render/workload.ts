/** Renders Deployment, autoscaler and disruption budget of a component: what all workloads of the control plane share. */
import type {
	Opaque,
	Port,
	ResolvedMesh,
	ResolvedNodeWorkload,
	ResolvedPods,
	ResolvedWorkload,
	Resources,
} from '../releases/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import { asGiven } from './finish.ts';
import { type Labels, objectLabels, podLabels } from './labels.ts';
import { nodePlacement, placement } from './placement.ts';

/** One container of a component's pods. */
export interface Container {
	readonly name: string;
	readonly image: string;
	readonly command?: readonly string[];
	readonly args: readonly string[];
	readonly env: readonly (Opaque & { readonly name: string })[];
	readonly ports: readonly Port[];
	/** The other probes wait until this one has succeeded once. */
	readonly startupProbe?: Opaque;
	readonly readinessProbe?: Opaque;
	readonly livenessProbe?: Opaque;
	readonly volumeMounts: readonly Opaque[];
	/** Capabilities that it needs. Default: none. */
	readonly capabilities?: readonly string[];
	/**
	 * Seconds that it goes on serving after its pod was told to end: the rest of the cluster learns only then that it is no
	 * longer to be asked. Default: none.
	 */
	readonly goesOnSeconds?: number;
	/** Whether it writes nowhere but into its volumes. */
	readonly readOnlyRoot?: true;
	/** In the place of what confines the containers of all others. */
	readonly securityContext?: Opaque;
}

/** What a component's file says about its pods. The rest follows from the installation. */
export interface Workload {
	/** The component: `pilot`. */
	readonly component: string;
	/** Name of Deployment, autoscaler and budget: `istio-pilot`. */
	readonly name: string;
	readonly serviceAccount: string;
	/** False for a component that never talks to the API server: its pods get no token. */
	readonly token?: false;
	/** Istio's own labels of the pods, including those of the selector. */
	readonly labels: Labels;
	/** Deployment and Service find the pods by it. It is immutable, so it is the same in every release. */
	readonly selector: Labels;
	readonly annotations: Labels;
	/** Annotations of the Deployment, not of its pods. */
	readonly notes?: Labels;
	/** The component's own container. The installation's `resources`, `env` and `extraArgs` are for it. */
	readonly container: Container;
	/** Further containers, such as the proxy in front of Mixer. */
	readonly sidecars?: readonly (Container & { readonly resources: Resources })[];
	/** Recreate for a component that must never run twice. Default: a new pod is ready before an old one goes. */
	readonly strategy?: 'Recreate';
	readonly volumes: readonly Opaque[];
	/** Whether its containers need to be root. Default: they run as `componentUser`. */
	readonly isRoot?: true;
	readonly settings: ResolvedWorkload;
}

/**
 * The user of components, and the group that may read what is mounted. The images name no user, so without this they would
 * be root (istio 1.0-1.4, the Dockerfiles of Pilot, Mixer, Citadel, injector and proxyv2). They need nothing of root: the charts of 1.5 run the same programs as
 * this user, whom the image of the proxy knows as `istio-proxy`.
 */
const componentUser = 1337;

const notRoot = {
	runAsNonRoot: true,
	runAsUser: componentUser,
	runAsGroup: componentUser,
	fsGroup: componentUser,
} as const;

/** An environment variable that takes a field of the pod. */
export function fieldEnv(name: string, fieldPath: string): Opaque & { readonly name: string } {
	return { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } };
}

/** An environment variable that takes a limit of the container. */
export function limitEnv(name: string, resource: 'cpu' | 'memory'): Opaque & { readonly name: string } {
	return { name, valueFrom: { resourceFieldRef: { resource: `limits.${resource}`, divisor: '1' } } };
}

export function renderWorkload(mesh: ResolvedMesh, workload: Workload): readonly KubeObject[] {
	return [deployment(mesh, workload), ...autoscaler(mesh, workload), ...disruptionBudget(mesh, workload)];
}

/** All labels of a workload's pods. */
export function labelsOfPods(
	mesh: ResolvedMesh,
	{
		component,
		name,
		labels,
		settings,
	}: Pick<Workload, 'component' | 'name' | 'labels'> & { readonly settings: Pick<ResolvedPods, 'podLabels'> },
): Labels {
	return { ...settings.podLabels, ...labels, ...podLabels(mesh, component, name) };
}

function metadata(
	mesh: ResolvedMesh,
	kind: string,
	{ component, name }: Pick<Workload, 'component' | 'name'>,
): KubeObject['metadata'] {
	return { name, namespace: mesh.namespace, labels: objectLabels(mesh, kind, component, name) };
}

function deployment(mesh: ResolvedMesh, workload: Workload): KubeObject {
	const { settings, container } = workload;
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: {
			...metadata(mesh, 'Deployment', workload),
			...(workload.notes === undefined ? {} : { annotations: workload.notes }),
		},
		spec: {
			// The autoscaler owns the number.
			...(settings.replicas.kind === 'fixed' ? { replicas: settings.replicas.count } : {}),
			selector: { matchLabels: workload.selector },
			// A new pod is ready before an old one goes, so that proxies always find one.
			strategy:
				workload.strategy === undefined
					? { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
					: { type: workload.strategy },
			template: podTemplate(mesh, workload, {
				priorityClassName: settings.priorityClassName,
				securityContext: {
					...(workload.isRoot === true ? {} : notRoot),
					seccompProfile: { type: 'RuntimeDefault' },
				},
				...placement(mesh.release.architectures, settings, workload.selector),
				containers: [
					ownContainer(mesh, container, settings),
					...(workload.sidecars ?? []).map((sidecar) => containerOf(mesh, sidecar)),
				],
			}),
		},
	};
}

/**
 * What all pods have, whatever keeps them.
 * @param spec what only these have
 */
function podTemplate(
	mesh: ResolvedMesh,
	workload: Pick<Workload, 'component' | 'name' | 'serviceAccount' | 'token' | 'labels' | 'annotations' | 'volumes'> & {
		readonly settings: ResolvedPods;
	},
	spec: Opaque,
): Opaque {
	return {
		metadata: {
			labels: labelsOfPods(mesh, workload),
			annotations: { ...workload.settings.podAnnotations, ...workload.annotations },
		},
		spec: {
			serviceAccountName: workload.serviceAccount,
			automountServiceAccountToken: workload.token ?? true,
			// On the pods, not on the ServiceAccount: the list there has one owner, and platforms add to it.
			imagePullSecrets: mesh.images.pullSecrets.map((name) => ({ name })),
			...spec,
			volumes: workload.volumes,
		},
	};
}

/** A workload with one pod on each node. */
export interface NodeWorkload
	extends Pick<
		Workload,
		'component' | 'name' | 'serviceAccount' | 'labels' | 'selector' | 'annotations' | 'container' | 'volumes'
	> {
	readonly settings: ResolvedNodeWorkload;
}

/**
 * Renders a DaemonSet. Its pods are those that a node needs before any other, so they make way for none (istio 1.30
 * `istio-cni/templates/daemonset.yaml`).
 */
export function renderNodeWorkload(mesh: ResolvedMesh, workload: NodeWorkload): KubeObject {
	const { settings, container } = workload;
	return {
		apiVersion: 'apps/v1',
		kind: 'DaemonSet',
		metadata: metadata(mesh, 'DaemonSet', workload),
		spec: {
			selector: { matchLabels: workload.selector },
			updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: settings.maxUnavailable } },
			template: podTemplate(mesh, workload, {
				priorityClassName: 'system-node-critical',
				terminationGracePeriodSeconds: 30,
				...nodePlacement(mesh.release.architectures, settings),
				containers: [ownContainer(mesh, container, settings)],
			}),
		},
	};
}

/** The component's own container, with what the installation says about it. */
function ownContainer(mesh: ResolvedMesh, container: Container, settings: ResolvedPods): Opaque {
	return containerOf(mesh, {
		...container,
		args: [...container.args, ...settings.extraArgs],
		env: mergeEnv(container.env, settings.env),
		resources: settings.resources,
	});
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
		// Kubernetes itself waits, since images need not have a program that does (beta and on since 1.30).
		lifecycle:
			container.goesOnSeconds === undefined ? undefined : { preStop: { sleep: { seconds: container.goesOnSeconds } } },
		resources: container.resources,
		// Also a process that is root needs none of root's capabilities but those that are named.
		securityContext: container.securityContext ?? {
			allowPrivilegeEscalation: false,
			capabilities: { drop: ['ALL'], add: container.capabilities ?? [] },
			readOnlyRootFilesystem: container.readOnlyRoot,
		},
		volumeMounts: container.volumeMounts,
	};
}

/**
 * Merges the release's variables with the user's. A variable of the user replaces one of the same name, the others follow.
 */
function mergeEnv(
	own: readonly (Opaque & { readonly name: string })[],
	given: readonly (Opaque & { readonly name: string })[],
): readonly Opaque[] {
	const byName = new Map(own.map((entry) => [entry.name, entry]));
	for (const entry of given) {
		const { value, ...rest } = entry;
		// The API server stores an empty value as none.
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
			metadata: metadata(mesh, 'HorizontalPodAutoscaler', workload),
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
					metadata: metadata(mesh, 'PodDisruptionBudget', workload),
					spec: {
						...budget,
						selector: { matchLabels: workload.selector },
						// A pod that never became ready must not block the drain of its node.
						unhealthyPodEvictionPolicy: 'AlwaysAllow',
					},
				},
			];
}
