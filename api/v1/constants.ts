/**
 * Names that users, tools and other rooms of the operator share: group, version, finalizer, annotations, condition types.
 */

export const group = 'meshwright.io';
export const version = 'v1';
export const apiVersion = `${group}/${version}` as const;
export const kind = 'MeshInstallation';
export const plural = 'meshinstallations';
export const crdName = `${plural}.${group}` as const;

/** The namespace of the control plane when a spec names none. */
export const defaultNamespace = 'istio-system';

/** The operator adds it before its first write and removes it after its last deletion. */
export const finalizer = `${group}/finalizer` as const;

/** On an object that exists already: `"true"` lets the operator take the object over. */
export const adoptAnnotation = `${group}/adopt` as const;

/** On Istio's CRDs, which all meshes of a cluster share: the Istio release that the stored definition is from, `1.4.10`. */
export const crdVersionAnnotation = `${group}/crd-version` as const;

/** Everything that the operator makes carries this label. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByValue = 'meshwright';

/** Label of the members of an ApplySet, which `kubectl` understands too. */
export const applySetLabel = 'applyset.kubernetes.io/part-of';

/**
 * On a namespace of workloads: its pods get proxies when the value is `enabled`. Istio's own injectors read the same label.
 */
export const injectionLabel = 'istio-injection';

/**
 * On a namespace of workloads: its pods get proxies of this revision of the control plane. On an object of a revision: the
 * revision's name. (istio.io/api label/labels.yaml, `istio.io/rev`.)
 */
export const revisionLabel = 'istio.io/rev';

/** On a pod, as a label or an annotation: whether it gets a proxy (istio.io/api label/labels.yaml, annotation/annotations.yaml). */
export const podInjectionKey = 'sidecar.istio.io/inject';

/** The name by which istiod calls the revision that has none. */
export const defaultRevision = 'default';

/** On an object of a tag for a revision: the tag's name (istio.io/api label/labels.yaml, `istio.io/tag`). */
export const tagLabel = 'istio.io/tag';

/** On a webhook for new pods: it asks about none, because another one does so instead or istiod has not written into it yet. */
export const withdrawnLabel = `${group}/withdrawn` as const;

/** On an object: the name of the MeshInstallation that it belongs to, where it is owned by it. */
export const instanceLabel = 'app.kubernetes.io/instance';

/**
 * On a namespace of workloads: the name of the MeshInstallation whose injector serves it, where a cluster has several. On an
 * object in a joined cluster: the name of the MeshInstallation that it belongs to.
 */
export const meshLabel = `${group}/mesh` as const;

/**
 * On the Secret that represents a joined cluster here: the cluster's name in `spec.multiCluster.clusters`. On objects in a
 * joined cluster: the name of the cluster whose operator keeps them.
 */
export const clusterLabel = `${group}/cluster` as const;

/**
 * On a Secret outside of the namespace of a mesh: the name of the MeshInstallation that may name it in its spec, or `any`.
 */
export const mayReadLabel = `${group}/mesh-may-read` as const;

/**
 * Istio finds the Secrets of other clusters by this label (istio 1.0-1.4 `pkg/kube/secretcontroller`, later
 * `pkg/kube/multicluster`).
 */
export const multiClusterLabel = 'istio/multiCluster';

/**
 * Prefix of the annotations of the Secret that represents a joined cluster. They hold what an operator must know after a
 * restart.
 */
export const clusterAnnotationPrefix = `cluster.${group}/` as const;

/** On pods of a release that does not notice when a remote Secret changes: a hash of the changed Secrets. */
export const remoteSecretsAnnotation = `${group}/remote-secrets-hash` as const;

/** On the Deployment of such pods: when they were last replaced for a changed Secret. */
export const remoteSecretsSinceAnnotation = `${group}/remote-secrets-since` as const;

/** On a workload: the version of the mesh for which the operator has restarted it, see `spec.upgrade.restartWorkloads`. */
export const restartedForAnnotation = `${group}/restarted-for` as const;

/** On the pods of a workload that was restarted: when. `kubectl rollout restart` sets the same one. */
export const restartedAtAnnotation = 'kubectl.kubernetes.io/restartedAt';

/**
 * Types of `status.conditions`. kstatus (kubectl wait, Flux, Argo CD) reads the first three. `Ready` is True when all is as
 * asked. `Reconciling` and `Stalled` are there only while they are True, because kstatus takes them for "abnormal".
 */
export const conditionTypes = [
	'Ready',
	'Reconciling',
	'Stalled',
	'Valid',
	'Compatible',
	'Installed',
	'UpToDate',
	'CertificateAuthorityValid',
	'ClustersJoined',
	'WebhooksAnswer',
	'ObjectsValid',
	'ProxiesSupported',
] as const;

export type ConditionType = (typeof conditionTypes)[number];

/** Types of the conditions of one joined cluster, in `status.clusters[].conditions`. */
export const clusterConditionTypes = [
	'Ready',
	'Reachable',
	'Compatible',
	'Joined',
	'CredentialsValid',
	'DataPlaneReady',
	'WebhooksAnswer',
] as const;

export type ClusterConditionType = (typeof clusterConditionTypes)[number];

/**
 * `status.observedGeneration` before the operator has looked. No generation is -1, so no tool takes a new object for ready.
 */
export const unobservedGeneration = -1;

/**
 * The stages of a change of version, in their order. Each line of releases puts its objects into some of them. Joined
 * clusters' data planes, and at the end users' workloads, are stages too.
 */
export const upgradeStages = [
	'CRDs',
	'Configuration',
	'CA',
	'Pilot',
	'Mixer',
	'Injector',
	'Webhooks',
	'Gateways',
	'DataPlanes',
	'Workloads',
] as const;

export type UpgradeStage = (typeof upgradeStages)[number];

/** How far a change of version is, in `status.upgrade.state`. */
export const upgradeStates = [
	'Blocked',
	'Progressing',
	'WaitingForApproval',
	'WaitingForWindow',
	'Held',
	'RollingBack',
	'RolledBack',
] as const;

export type UpgradeState = (typeof upgradeStates)[number];

/**
 * On a MeshInstallation: names of the blockers of a change of version on which its owner insists, with commas between them.
 * There is no word for all of them.
 */
export const upgradeDespiteAnnotation = `${group}/upgrade-despite` as const;

/** On the ConfigMap of the injector: `cni` where the traffic of pods is redirected by the CNI plugin and not by the pods themselves. */
export const redirectedByLabel = `${group}/redirected-by` as const;

/** The values of `spec.cni.platform`. */
export const platformNames = ['gke', 'k3d', 'k3s', 'microk8s', 'minikube', 'openshift'] as const;

/** The values of `spec.profile`. */
export const profileNames = ['minimal', 'default', 'production'] as const;

/**
 * On the namespace of the mesh in a cluster without a control plane: names of the clusters whose istiod is in charge of it,
 * with commas between them (istio.io/api `annotation`, `TopologyControlPlaneClusters`).
 */
export const controlPlaneClustersAnnotation = 'topology.istio.io/controlPlaneClusters';
