/** The names that users, tools and other rooms of the operator meet: group, version, finalizer, annotations, condition types. */

export const group = 'meshwright.io';
export const version = 'v1';
export const apiVersion = `${group}/${version}` as const;
export const kind = 'MeshInstallation';
export const plural = 'meshinstallations';
export const crdName = `${plural}.${group}` as const;

/** The namespace of the control plane where a spec names none. */
export const defaultNamespace = 'istio-system';

/** Put on before the first write, taken off after the last deletion. */
export const finalizer = `${group}/finalizer` as const;

/** On an object that exists already: `"true"` lets the operator take it over. */
export const adoptAnnotation = `${group}/adopt` as const;

/** On Istio's CRDs, which all meshes of a cluster share: the Istio release whose definition is stored, `1.4.10`. */
export const crdVersionAnnotation = `${group}/crd-version` as const;

/** The label by which everything that the operator makes is found. */
export const managedByLabel = 'app.kubernetes.io/managed-by';
export const managedByValue = 'meshwright';

/** Label of the members of an ApplySet, which `kubectl` understands too. */
export const applySetLabel = 'applyset.kubernetes.io/part-of';

/** On a namespace of workloads: its pods get proxies (`enabled`), as Istio's own injectors have it. */
export const injectionLabel = 'istio-injection';

/** On a namespace of workloads: the name of the MeshInstallation whose injector serves it, where a cluster has several. */
export const meshLabel = `${group}/mesh` as const;

/**
 * What belongs to a joined cluster. On the Secret that stands for it here: its name in `spec.multiCluster.clusters`. On
 * objects in it: the name of the cluster from which they are kept.
 */
export const clusterLabel = `${group}/cluster` as const;

/** Annotations of the Secret that stands for a joined cluster begin with this; they carry what a restarted operator must know. */
export const clusterAnnotationPrefix = `cluster.${group}/` as const;

/** On pods of a release that does not follow changed remote Secrets: a hash of those that were changed. */
export const remoteSecretsAnnotation = `${group}/remote-secrets-hash` as const;

/**
 * Types of `status.conditions`. The first three are those that kstatus (kubectl wait, Flux, Argo CD) reads: `Ready` is True
 * when all is as asked; `Reconciling` and `Stalled` are "abnormal is True": present with True only while they say something.
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
] as const;

export type ClusterConditionType = (typeof clusterConditionTypes)[number];

/** What `status.observedGeneration` is before the operator has looked: never equal to a generation, so that no tool takes a new object for ready. */
export const unobservedGeneration = -1;
