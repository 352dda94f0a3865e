/** Every reason that a condition of a joined cluster can give. `reasons.ts` lists those of an installation. */
import type { ClusterConditionType } from './constants.ts';

export interface ClusterReasonEntry {
	/** The condition that the reason belongs to. When it is why the cluster is not ready, `Ready` repeats it. */
	readonly condition: ClusterConditionType;
	/** What is the case. */
	readonly meaning: string;
	/** What the owner can do about it. Empty when nothing needs to be done. */
	readonly remedy: string;
}

export const clusterReasons = {
	Ready: { condition: 'Ready', meaning: 'The cluster is part of the mesh, and all is as asked.', remedy: '' },
	Joining: { condition: 'Ready', meaning: 'The cluster is on its way into the mesh.', remedy: '' },
	Leaving: {
		condition: 'Ready',
		meaning: 'The cluster leaves the mesh; the message says what it waits for.',
		remedy: '',
	},

	Reachable: { condition: 'Reachable', meaning: 'The API server answers and knows us.', remedy: '' },
	NotLookedAt: { condition: 'Reachable', meaning: 'The operator has not spoken with the cluster yet.', remedy: '' },
	Unreachable: {
		condition: 'Reachable',
		meaning: 'The API server does not answer: nothing listens, the connection ends, or there is silence.',
		remedy: 'See whether the address in the kubeconfig is right and the network lets the operator through.',
	},
	TLSNotVerified: {
		condition: 'Reachable',
		meaning: "The API server's certificate is not signed by the authority in the kubeconfig, or is for another name.",
		remedy: 'Correct certificate-authority-data or tls-server-name in the kubeconfig.',
	},
	Unauthorized: {
		condition: 'Reachable',
		meaning:
			'The API server does not know the user of the kubeconfig (401): its token or certificate ended or was revoked.',
		remedy: 'Put a new kubeconfig into the Secret; it is used at once.',
	},
	ClusterMisbehaves: {
		condition: 'Reachable',
		meaning:
			'The API server sent more than the operator reads from one cluster, or what nobody asked for; the message says what. The connection was ended, and the cluster costs the others nothing.',
		remedy:
			'Find out what answers there. The operator tries again at the time in the message (after a minute, then less and less often, at the latest after an hour), and at once when the kubeconfig changes.',
	},
	AnswersWait: {
		condition: 'Reachable',
		meaning: 'An answer was given up: the answers of other clusters took all the memory that there is for them.',
		remedy: 'See which clusters send so much. The operator tries again by itself.',
	},
	KubeconfigNotFound: {
		condition: 'Reachable',
		meaning:
			'There is no Secret, or no such key in it, as kubeconfigSecret names them, or the mesh may not read it; which of these it is, is not told.',
		remedy:
			'Make the Secret, or correct the names. A Secret outside of the namespace of the mesh needs the label meshwright.io/mesh-may-read with the name of the mesh.',
	},
	KubeconfigUnreadable: {
		condition: 'Reachable',
		meaning: 'The Secret of the kubeconfig could not be read; the operator tries again by itself.',
		remedy: '',
	},
	KubeconfigInvalid: {
		condition: 'Reachable',
		meaning: 'The kubeconfig has mistakes; the message says which.',
		remedy: 'Correct the kubeconfig in the Secret.',
	},
	KubeconfigUnsafe: {
		condition: 'Reachable',
		meaning:
			'The kubeconfig would make the operator run a program, read a file, skip a check or dial an address that it must not. Nothing of that was done.',
		remedy:
			'Put certificates and a token into the kubeconfig itself (kubectl config view --minify --flatten), with a server that other machines can reach.',
	},

	Compatible: { condition: 'Compatible', meaning: 'All checks before joining hold.', remedy: '' },
	NotChecked: { condition: 'Compatible', meaning: 'The checks could not be made yet.', remedy: '' },
	OwnCluster: {
		condition: 'Compatible',
		meaning: 'The kubeconfig leads to the cluster in which the operator itself works.',
		remedy: 'Remove the entry, or give it the kubeconfig of another cluster.',
	},
	JoinedTwice: {
		condition: 'Compatible',
		meaning: 'Two entries lead to the same cluster (the same UID of kube-system); the one that joined first stays.',
		remedy: 'Remove one of the two entries.',
	},
	ClusterNameTaken: {
		condition: 'Compatible',
		meaning: 'The entry has the name of this cluster itself, spec.multiCluster.clusterName.',
		remedy: 'Give the entry another name.',
	},
	OtherCluster: {
		condition: 'Compatible',
		meaning: 'The kubeconfig leads to another cluster than before, under the same name.',
		remedy: 'Remove the entry, wait until it has left, and add it again; or restore the kubeconfig.',
	},
	PermissionsMissing: {
		condition: 'Compatible',
		meaning: 'The user of the kubeconfig may not do what joining needs; the message lists each missing permission.',
		remedy: 'Grant the listed permissions; deploy/remote has a role with all of them.',
	},
	KubernetesTooOld: {
		condition: 'Compatible',
		meaning: 'The cluster does not serve the APIs that joining needs.',
		remedy: 'Upgrade the cluster to the version in the message.',
	},
	AddressesOverlap: {
		condition: 'Compatible',
		meaning: 'Pods or Services of two clusters share addresses; the message names the two ranges.',
		remedy: 'Give one of the clusters other ranges, or another network where its release has networks.',
	},
	AddressesUnknown: {
		condition: 'Compatible',
		meaning: 'The ranges of pods or Services could not be discovered.',
		remedy: 'Write them into podCIDRs and serviceCIDRs of the entry.',
	},
	TrustDomainDiffers: {
		condition: 'Compatible',
		meaning: 'The other control plane has another trust domain: workloads would refuse each other.',
		remedy: 'Give both meshes the same spec.mesh.trustDomain.',
	},
	RootCertificateDiffers: {
		condition: 'Compatible',
		meaning: 'The certificates of the two clusters have no common root: workloads would refuse each other.',
		remedy: 'Give both Citadels an authority of the same root by spec.citadel.caSecretName.',
	},
	NetworkNotInRelease: {
		condition: 'Compatible',
		meaning: 'The cluster is in another network, which this release of Istio does not know.',
		remedy: 'Use Istio 1.1 or later, or put both clusters into one network.',
	},
	AccessNotInRelease: {
		condition: 'Compatible',
		meaning:
			'The cluster can only be reached by tls-server-name or proxy-url of its kubeconfig, which Pilot of this release does not know.',
		remedy: 'Give the entry a server whose certificate carries its name, and that Pilot reaches without a proxy.',
	},
	ServerRefused: {
		condition: 'Compatible',
		meaning: 'The address in server must not be dialled: it is a loopback, link-local or metadata address.',
		remedy: 'Write an address by which other machines reach the API server.',
	},
	AddressesNeeded: {
		condition: 'Compatible',
		meaning: 'The cluster is in another network, from which pods of this one are not reached.',
		remedy: 'Write the addresses of a load balancer in front of Pilot and Mixer into dataPlane.controlPlaneAddresses.',
	},
	ServerAddressNeeded: {
		condition: 'Compatible',
		meaning: 'Other primaries have to be told the address of this API server, and nobody has said it.',
		remedy: 'Set spec.multiCluster.server, or list this cluster in the other MeshInstallation.',
	},
	NameTakenThere: {
		condition: 'Compatible',
		meaning:
			'The MeshInstallation of that primary has given the name of a cluster of this mesh to another one, so it can not be told of it.',
		remedy: 'Give the cluster another name on one of the two sides, or list it in the MeshInstallation there as well.',
	},
	NoMeshInstallation: {
		condition: 'Compatible',
		meaning: 'The cluster has role Primary but no MeshInstallation, so nothing there would read a Secret.',
		remedy: 'Install a mesh there, or set role to Remote.',
	},

	Joined: {
		condition: 'Joined',
		meaning: 'The Secret by which Pilot reads the cluster is published, and its token was used successfully.',
		remedy: '',
	},
	NotJoined: {
		condition: 'Joined',
		meaning: 'The Secret is not published yet; the message says what it waits for.',
		remedy: '',
	},
	RemoteApplyFailed: {
		condition: 'Joined',
		meaning:
			'Something could not be done in the cluster; the message names the request, the status of the answer and its reason. Words of another API server are not repeated.',
		remedy:
			'Forbidden: the user of the kubeconfig, or a policy there; Invalid, BadRequest: an admission policy there. kubectl apply --dry-run=server of what meshwright render --cluster prints shows its words.',
	},
	TokenTooShort: {
		condition: 'Joined',
		meaning:
			'The API server gives tokens that last less than 1h. None of them is published, because Pilot may have to be replaced for each.',
		remedy:
			'Set --service-account-max-token-expiration of that API server to 1h or more. The token that was published before stays in use as long as it lives.',
	},
	TokenUnusable: {
		condition: 'Joined',
		meaning: 'What the API server gave as a token is none, or has no end that can be read.',
		remedy: 'See what answers there to a TokenRequest: a proxy in front of the API server, or its token issuer.',
	},
	TokenNotProven: {
		condition: 'Joined',
		meaning: 'A new token was issued and could not be used to read the cluster, so it was not published.',
		remedy: 'See the message; the token before it stays in use as long as it lives.',
	},
	AuthorityNotIssued: {
		condition: 'Joined',
		meaning:
			'The cluster needs an authority from the root of spec.citadel.intermediates, and none can be made now; the message says why. One that it has stays.',
		remedy: 'Correct the Secret of the root. While one root follows another, this passes by itself.',
	},
	InternalError: {
		condition: 'Joined',
		meaning:
			'The operator itself failed while it worked on the cluster: a mistake in the program, which says nothing about the cluster.',
		remedy: 'Report it with the error in the log of the operator, which tries again by itself.',
	},
	SecretConflict: {
		condition: 'Joined',
		meaning: 'A Secret of that name exists and is not ours. It was not touched.',
		remedy: 'Delete or rename it, or annotate it with meshwright.io/adopt: "true" to hand it over.',
	},
	Paused: {
		condition: 'Joined',
		meaning: 'spec.paused is true: nothing is written.',
		remedy: 'Set spec.paused to false.',
	},

	CredentialsValid: {
		condition: 'CredentialsValid',
		meaning: 'The published token is valid and far from its end.',
		remedy: '',
	},
	NoCredentials: { condition: 'CredentialsValid', meaning: 'No token has been published.', remedy: '' },
	CredentialsExpiring: {
		condition: 'CredentialsValid',
		meaning: 'The published token should have been renewed, and that does not succeed.',
		remedy: 'See the other conditions of the cluster for the cause.',
	},
	CredentialsExpired: {
		condition: 'CredentialsValid',
		meaning: 'The published token has ended: Pilot can not read the cluster.',
		remedy: 'See the other conditions of the cluster for the cause.',
	},

	DataPlaneReady: {
		condition: 'DataPlaneReady',
		meaning: 'All that workloads of the mesh need in the cluster is there.',
		remedy: '',
	},
	DataPlaneProgressing: {
		condition: 'DataPlaneReady',
		meaning: 'Something is being written, or waits; the message says what.',
		remedy: '',
	},
	PodsRefused: {
		condition: 'DataPlaneReady',
		meaning:
			'The cluster makes no pods for a component: a quota, a limit, Pod Security or a policy. The message has the words of its API server.',
		remedy: 'Change what the message names in that cluster, or the resources and settings of the component.',
	},
	PodsUnschedulable: {
		condition: 'DataPlaneReady',
		meaning: "No node of the cluster takes a pod of a component; the message has its scheduler's words.",
		remedy: 'Make room there, or correct resources, nodeSelector, affinity and tolerations of the component.',
	},
	ImageNotPulled: {
		condition: 'DataPlaneReady',
		meaning: "An image of a component can't be pulled there; the message has the words of the kubelet.",
		remedy: 'Correct spec.images (registry, tag, pullSecrets), or what is between that node and the registry.',
	},
	ContainerNotStarted: {
		condition: 'DataPlaneReady',
		meaning:
			'A container of a component is not started there, for example because a Secret or ConfigMap is missing; the message has the words of the kubelet.',
		remedy: 'Make what the message names, or correct the settings of the component.',
	},
	ContainerCrashes: {
		condition: 'DataPlaneReady',
		meaning:
			'A container of a component ends there and is started again, or its pod failed; the message says how it ended.',
		remedy: 'Look at its last words in that cluster: kubectl logs --previous. OOMKilled: give it more memory.',
	},
	DataPlaneDegraded: {
		condition: 'DataPlaneReady',
		meaning: 'An object or workload in the cluster is not as asked; the message names it.',
		remedy: 'Look at what the message names.',
	},

	WebhookDead: {
		condition: 'WebhooksAnswer',
		meaning:
			'The API servers there must ask a webhook of somebody else about every new pod of the data plane, or of namespaces that it injects, and nothing has answered behind its Service for 20 s: no such pod can be made. The message names the webhook.',
		remedy:
			'Delete the configuration there, if an earlier installer has left it behind, or repair what is behind its Service.',
	},
	WebhooksUnseen: {
		condition: 'WebhooksAnswer',
		meaning:
			'The user of the kubeconfig may not read what shows whether webhooks of others keep pods from being made; the message lists it. Nothing else depends on it.',
		remedy: 'Run meshwright clusters join again, or apply deploy/remote there: both grant it.',
	},
} as const satisfies Readonly<Record<string, ClusterReasonEntry>>;

export type ClusterReason = keyof typeof clusterReasons;
