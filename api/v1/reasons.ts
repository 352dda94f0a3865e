/** Every reason that a condition can give: the one table that code, docs and tests read. */
import type { ConditionType } from './constants.ts';

export interface ReasonEntry {
	/**
	 * The condition that the reason belongs to. When it is why the mesh is not ready, `Ready`, `Reconciling` and `Stalled`
	 * repeat it.
	 */
	readonly condition: ConditionType;
	/** What is the case. */
	readonly meaning: string;
	/** What the owner can do about it. Empty when nothing needs to be done. */
	readonly remedy: string;
}

export const reasons = {
	Ready: { condition: 'Ready', meaning: 'All components run as asked.', remedy: '' },
	Progressing: {
		condition: 'Reconciling',
		meaning: 'The operator is at work, or waits for pods to become ready.',
		remedy: '',
	},
	WaitingForApproval: {
		condition: 'Reconciling',
		meaning: 'A change of version stops before a stage that spec.upgrade.pauseBefore names.',
		remedy: 'Set spec.upgrade.approved to the version and the stage, to let it go on.',
	},
	WaitingForWindow: {
		condition: 'Reconciling',
		meaning:
			'A change of version waits for one of spec.upgrade.windows before it restarts what workloads depend on; the message says when it opens.',
		remedy: '',
	},
	RollingBack: {
		condition: 'Reconciling',
		meaning: 'The mesh goes back to the version before, in the reverse order of stages.',
		remedy: '',
	},
	UpgradeBlocked: {
		condition: 'Stalled',
		meaning:
			'A change of version is not begun, because checks found what it would break; the message names everything. The mesh is kept as the version before.',
		remedy:
			'Do what each of them says, or set spec.version back. The annotation meshwright.io/upgrade-despite insists on blockers by their names.',
	},
	UpgradeHeld: {
		condition: 'Stalled',
		meaning:
			'A stage of a change of version made no progress for spec.upgrade.progressDeadline. Pods of the version before serve on.',
		remedy:
			'Mend what the message names, or set spec.version back. As soon as the pods of the stage are ready, it goes on by itself.',
	},
	ConfigurationRejected: {
		condition: 'Stalled',
		meaning:
			'The new Pilot runs, and proxies reject what it sends, or it can not make it or get it to them: the stage Pilot is held. The message names pod and counters.',
		remedy:
			'Look at the log of that pod, mend the object of Istio that the proxies reject, and restart Pilot (kubectl rollout restart), since it counts from its start. Or set spec.version back, or insist: meshwright.io/upgrade-despite: configuration-rejected.',
	},
	RolledBack: {
		condition: 'Stalled',
		meaning: 'A stage of a change of version failed, and the mesh runs the version before again; the message says why.',
		remedy: 'Set spec.version to what runs; or change the settings, or the version, and it is tried anew.',
	},
	Paused: {
		condition: 'Reconciling',
		meaning: 'spec.paused is true: nothing is written, not even repairs.',
		remedy: 'Set spec.paused to false, or remove it.',
	},
	Deleting: {
		condition: 'Reconciling',
		meaning: 'The installation is being deleted; the message says what it waits for.',
		remedy: '',
	},
	DeletionFailed: {
		condition: 'Installed',
		meaning:
			'The installation is being deleted, and the API server refuses to delete some of its objects; the message says which, and why.',
		remedy:
			'Change the policy, webhook or role that refuses it. The operator tries again until spec.deletion.timeout; then it leaves the objects to you.',
	},
	DeletionTimedOut: {
		condition: 'Stalled',
		meaning:
			'spec.deletion.timeout has passed: the installation goes, and the objects that the Event names are left over.',
		remedy: 'See what holds the named objects (their finalizers, the webhooks of others) and delete them.',
	},

	ProxiesInUse: {
		condition: 'Reconciling',
		meaning:
			'The installation is being deleted while proxies of pods still use it. They go on with what they know, and new ones get no configuration. The message counts them. With spec.deletion.blockWhileInUse the deletion waits for them.',
		remedy:
			'Take the proxies out of these workloads, or let them use another mesh. spec.deletion.force ends a wait for them, also for those of a joined cluster that nobody can see.',
	},

	Valid: { condition: 'Valid', meaning: 'The spec has no mistakes.', remedy: '' },
	Invalid: {
		condition: 'Valid',
		meaning: 'The spec has mistakes that the API server could not see; the message names each field.',
		remedy: 'Correct the named fields.',
	},
	NotSupportedYet: {
		condition: 'Valid',
		meaning: 'The spec asks for something that this version of the operator cannot do yet.',
		remedy: 'Remove the named fields, or use a later version of the operator.',
	},
	OverlayTargetNotFound: {
		condition: 'Valid',
		meaning: 'spec.overlays names an object that is not part of this installation; the message lists what is.',
		remedy: 'Name one of the listed objects, or remove the overlay.',
	},
	OverlayNotApplicable: {
		condition: 'Valid',
		meaning:
			'A patch in spec.overlays does not fit its object: a path is not there, or a test fails. The message names the operation.',
		remedy: 'Correct the patch; meshwright render shows the object as it is without it.',
	},
	OverlayNotAllowed: {
		condition: 'Valid',
		meaning:
			'An overlay changes what could give its author rights that nobody meant to give; the message names the overlay, the object and the field.',
		remedy:
			'Take it out of the overlay, or use the field that the message names. Whoever runs the operator can lift this with its flag --overlays=unrestricted.',
	},
	ImageNotAllowed: {
		condition: 'Valid',
		meaning:
			'An image would come from a registry that whoever runs the operator does not allow; the message names both.',
		remedy: 'Use an image of an allowed registry. The operator’s flag --allowed-registries lists them.',
	},
	NamespaceNotAllowed: {
		condition: 'Valid',
		meaning: 'The spec names a namespace that whoever runs the operator does not allow to meshes.',
		remedy: 'Name an allowed namespace. The operator’s flag --allowed-namespaces lists them.',
	},
	NamespaceTaken: {
		condition: 'Valid',
		meaning:
			'An older MeshInstallation has the same spec.namespace. The oldest wins; when it goes, this one takes over.',
		remedy: 'Delete one of the two, or give this one a namespace of its own.',
	},
	CitadelTaken: {
		condition: 'Valid',
		meaning:
			"The Citadel of an older MeshInstallation serves all namespaces, and so would this one's: they would overwrite each other's certificates.",
		remedy: 'Set spec.citadel.enabled to false in one of the two, or give each Citadel namespaces of its own.',
	},
	RevisionTaken: {
		condition: 'Valid',
		meaning:
			'An older MeshInstallation is the default revision of istiod in this cluster, and so would this one be: both would put proxies into the same pods.',
		remedy: 'Delete one of the two.',
	},
	NameAlreadyExists: {
		condition: 'Valid',
		meaning:
			'A tag of spec.upgrade.tags has the name of a revision, or a revision would have the name of one that runs another version.',
		remedy: 'Choose another name for the tag, or wait until the old revision is gone.',
	},
	RefNotFound: {
		condition: 'Valid',
		meaning: 'A tag of spec.upgrade.tags names a revision that is not there; the message names those that are.',
		remedy: 'Name one of these, or none, so that the tag follows spec.version.',
	},

	Compatible: {
		condition: 'Compatible',
		meaning: 'This operator knows the version, and the version runs on this cluster.',
		remedy: '',
	},
	ReleaseUnchecked: {
		condition: 'Compatible',
		meaning: 'The release is installed, but not all of what is known of it could be checked; the message says what.',
		remedy: 'Try it where little depends on it, or choose a release that was checked.',
	},
	UnsupportedVersion: {
		condition: 'Compatible',
		meaning: 'This operator does not know the version; the message lists those that it knows.',
		remedy: 'Choose one of the listed versions, or use a later version of the operator.',
	},
	EndOfLife: {
		condition: 'Compatible',
		meaning: 'This operator knows the version, but installs it no more.',
		remedy: 'Choose one of the versions in the message.',
	},
	FieldNotInRelease: {
		condition: 'Compatible',
		meaning: 'The spec sets fields that this release of Istio does not have; the message names each.',
		remedy: 'Remove the named fields, or choose a release that has them.',
	},
	KubernetesTooOld: {
		condition: 'Compatible',
		meaning: 'The cluster does not serve the APIs that the installation needs.',
		remedy: 'Upgrade the cluster to the version in the message.',
	},

	Installed: { condition: 'Installed', meaning: 'All objects are stored and all components have come up.', remedy: '' },
	ChangedAtAdmission: {
		condition: 'Installed',
		meaning:
			'All objects are written, and something in the cluster, such as a policy, changes some of them when they are stored. The message names the fields, and who may do it. What is stored counts as asked for.',
		remedy:
			'None, if the policy is meant. The operator asks once a minute whether it still changes them, and writes them again when it does not.',
	},
	NamespaceTerminating: {
		condition: 'Installed',
		meaning: 'The namespace is being deleted; nothing can be created in it.',
		remedy: 'Wait until it is gone: it is made anew. If it hangs, see which finalizers hold it.',
	},
	ForeignObject: {
		condition: 'Installed',
		meaning: 'An object with the name of one of ours exists already and is not ours. It was not touched.',
		remedy: 'Delete or rename the named object, or annotate it with meshwright.io/adopt: "true" to hand it over.',
	},
	InjectionDisabled: {
		condition: 'Installed',
		meaning:
			'A namespace of spec.sidecarInjector.namespaces has a label istio-injection of somebody else that says otherwise. It was not touched.',
		remedy: 'Remove the label, or take the namespace off the list.',
	},
	NamespaceInOtherMesh: {
		condition: 'Installed',
		meaning: 'A namespace of spec.sidecarInjector.namespaces is in the list of another MeshInstallation already.',
		remedy: 'Take the namespace off one of the two lists.',
	},
	CrdConflict: {
		condition: 'Installed',
		meaning: 'A CustomResourceDefinition of somebody else does not serve a version that this release needs.',
		remedy: 'Remove the other Istio from the cluster, or let its CRDs serve the version in the message as well.',
	},
	RightsMissing: {
		condition: 'Installed',
		meaning:
			'The operator lacks rights that the spec needs; the message names them. Nothing was written. docs/security.md says what the rights amount to.',
		remedy:
			'Run the command in the message, or take what needs the rights out of the spec. The operator asks again by itself, within a minute.',
	},
	ApplyFailed: {
		condition: 'Installed',
		meaning: 'The API server refused an object for good; the message has its words.',
		remedy: 'Correct what the message names: the spec, an admission policy, or the permissions of the operator.',
	},
	AdmissionRefused: {
		condition: 'Installed',
		meaning: 'A webhook or policy of the cluster refuses an object; the message names it and has its words.',
		remedy: 'Change the policy or make an exception in it, or change the spec so that it agrees.',
	},
	AdmissionFailed: {
		condition: 'Installed',
		meaning:
			'API servers must ask a webhook or policy before they store an object, and it does not answer as it should; the message names it. The operator tries again by itself.',
		remedy: 'Repair what is behind the webhook, or delete its configuration if nobody needs it any more.',
	},
	ApiServerUnavailable: {
		condition: 'Installed',
		meaning: 'The API server did not answer or was overloaded; the operator tries again by itself.',
		remedy: '',
	},
	ComponentNotReady: {
		condition: 'Installed',
		meaning: 'A component is not ready; the message names it.',
		remedy: 'Look at its pods: kubectl describe pod and kubectl logs.',
	},
	DeploymentNotFound: {
		condition: 'Installed',
		meaning: 'The Deployment of a component is missing; the operator makes it anew.',
		remedy: 'If it goes again and again, find out who deletes it.',
	},
	DaemonSetNotFound: {
		condition: 'Installed',
		meaning: 'The DaemonSet of a component is missing; the operator makes it anew.',
		remedy: 'If it goes again and again, find out who deletes it.',
	},
	ScaledToZero: {
		condition: 'Installed',
		meaning: 'Somebody scaled a component to no pods.',
		remedy: 'Scale it up, or let spec set its replicas.',
	},
	PartlyReady: {
		condition: 'Installed',
		meaning: 'Some pods of a component are ready, others are not.',
		remedy: 'Look at the pods that are not: kubectl describe pod.',
	},
	PodsRefused: {
		condition: 'Installed',
		meaning:
			"The cluster makes no pods for a component: a quota, a limit, Pod Security or a policy. The message has the API server's words.",
		remedy: 'Change what the message names, or the resources and settings of the component.',
	},
	PodsUnschedulable: {
		condition: 'Installed',
		meaning: "No node takes a pod of a component; the message has the scheduler's words.",
		remedy: 'Make room, or correct resources, nodeSelector, affinity and tolerations of the component.',
	},
	ImageNotPulled: {
		condition: 'Installed',
		meaning: "An image of a component can't be pulled; the message has the words of the kubelet.",
		remedy: 'Correct spec.images (registry, tag, pullSecrets), or what is between the node and the registry.',
	},
	ContainerNotStarted: {
		condition: 'Installed',
		meaning:
			'A container of a component is not started, for example because a Secret or ConfigMap is missing; the message has the words of the kubelet.',
		remedy: 'Make what the message names, or correct the settings of the component.',
	},
	ContainerCrashes: {
		condition: 'Installed',
		meaning: 'A container of a component ends and is started again, or its pod failed; the message says how it ended.',
		remedy: 'Look at its last words: kubectl logs --previous. OOMKilled: give it more memory.',
	},
	ImageReplaced: {
		condition: 'Installed',
		meaning:
			'Something in the cluster, such as an admission policy, puts an image of another name or tag into what is written.',
		remedy: 'Make an exception in that policy, or ask for that image in spec.images.',
	},
	ProgressDeadlineExceeded: {
		condition: 'Installed',
		meaning: 'The new pods of a component did not become ready in time. The old ones go on serving.',
		remedy: 'Look at the new pods (image, resources, nodes); correct the spec.',
	},
	ReadinessUnknown: {
		condition: 'Installed',
		meaning: 'The state of a component could not be read.',
		remedy: 'See whether the API server answers and the operator may read Deployments.',
	},

	UpToDate: { condition: 'UpToDate', meaning: 'All components run the version that the spec asks for.', remedy: '' },
	Outdated: {
		condition: 'UpToDate',
		meaning: 'Some components do not run yet what the spec asks for; the message names them.',
		remedy: '',
	},
	Conflict: {
		condition: 'Installed',
		meaning:
			'Somebody else wrote an object at the same moment, or owns a field that the operator does not take from others. The operator reads again and tries again.',
		remedy: 'When it stays, stop the other writer of the object that the message names.',
	},
	LoopDetected: {
		condition: 'Installed',
		meaning: 'A field is undone as often as the operator sets it: a webhook or another controller fights over it.',
		remedy: 'Exempt the named object from that webhook or controller.',
	},

	CertificateAuthorityValid: {
		condition: 'CertificateAuthorityValid',
		meaning: 'The certificate authority of the mesh is valid for long enough.',
		remedy: '',
	},
	CAPending: {
		condition: 'CertificateAuthorityValid',
		meaning: 'Citadel has not made its certificate authority yet.',
		remedy: '',
	},
	CAUnknown: {
		condition: 'CertificateAuthorityValid',
		meaning: 'The Secret of the certificate authority could not be read; the operator tries again by itself.',
		remedy: '',
	},
	CAExpiring: {
		condition: 'CertificateAuthorityValid',
		meaning: 'Less than 20 % of the life of the certificate authority is left; the message says how much.',
		remedy:
			'Put a renewed authority into the Secret that spec.citadel.caSecretName names. One that Citadel made is renewed by Citadel itself since Istio 1.2.',
	},
	CAExpired: {
		condition: 'CertificateAuthorityValid',
		meaning: 'The certificate authority has expired: workloads refuse each other.',
		remedy: 'As for CAExpiring, at once; then restart the workloads, so that they take new certificates.',
	},
	CANotFound: {
		condition: 'CertificateAuthorityValid',
		meaning:
			'There is no Secret as spec.citadel.caSecretName names it. A Citadel that runs goes on with what it has read.',
		remedy: 'Make the Secret in the namespace of the mesh, or correct the name.',
	},
	CARootUnusable: {
		condition: 'CertificateAuthorityValid',
		meaning:
			'The operator has to issue an authority, and can’t: the root of spec.citadel.intermediates is missing or can’t be used, or Secret cacerts is somebody else’s. The message says which, and what is wrong. An authority that is there is used until it ends.',
		remedy: 'Correct the Secret that the message names.',
	},
	CAOutlived: {
		condition: 'CertificateAuthorityValid',
		meaning:
			'The certificates of workloads last longer than the authority that signs them (spec.citadel.workloadCertTTL), and are refused when it has ended. The message has both times.',
		remedy: 'Shorten spec.citadel.workloadCertTTL, or put an authority that lasts longer into the Secret.',
	},
	CAInvalid: {
		condition: 'CertificateAuthorityValid',
		meaning:
			'Citadel would end with what the Secret of the certificate authority holds, or give certificates that nobody takes. The message names the file and what is wrong with it. A Citadel that runs is left as it is.',
		remedy:
			'Correct the file. The Secret needs ca-cert.pem (an authority with an RSA key), ca-key.pem (its key, unencrypted), cert-chain.pem (from ca-cert.pem up to the root; empty when it is the root) and root-cert.pem, all in PEM.',
	},
	CAKeyUnsupported: {
		condition: 'CertificateAuthorityValid',
		meaning:
			'The certificate authority has a key that is not RSA. Citadel 1.0 to 1.4 starts with it and gives no certificates, so its pods are not replaced for it.',
		remedy: 'Put an authority with an RSA key into the Secret that spec.citadel.caSecretName names.',
	},

	WebhookDead: {
		condition: 'WebhooksAnswer',
		meaning:
			'API servers must ask a webhook of somebody else about every new pod of the mesh, or of namespaces that it injects, and nothing has answered behind its Service for 20 s: no such pod can be made. The message names the webhook.',
		remedy:
			'Delete the configuration, if an earlier installer has left it behind, or repair what is behind its Service.',
	},

	ProxiesSkewed: {
		condition: 'ProxiesSupported',
		meaning:
			'Proxies of users are more than one minor behind Pilot, or of a later minor than Pilot. Istio supports neither. The message says how many, of which versions and where.',
		remedy:
			'Restart their workloads (kubectl rollout restart), so that the injector gives them the present proxy; inject those anew that were injected by hand.',
	},
	RestartFailed: {
		condition: 'ProxiesSupported',
		meaning:
			'A workload that was restarted for a new proxy (spec.upgrade.restartWorkloads) does not come back. No other one is restarted. The message names it.',
		remedy: 'Look at its pods, mend it or undo the change (kubectl rollout undo). The restarts go on when it is well.',
	},
	ProxiesUnseen: {
		condition: 'ProxiesSupported',
		meaning:
			'The operator may not list and watch pods in all namespaces, here or in a joined cluster, or Pilot serves another cluster from outside, so nobody knows which proxies run there.',
		remedy:
			'Give the operator its rights again: meshwright install --rights-only, or deploy/; in a joined cluster meshwright clusters join, or deploy/remote. In a cluster that is served from outside look yourself.',
	},

	ObjectsWrong: {
		condition: 'ObjectsValid',
		meaning:
			'Some Istio objects of users are not as the release reads them. No Galley refuses them when they are applied. The message names some of them. They are looked at every 10 minutes.',
		remedy: 'Run `meshwright validate`, which says what is wrong with each, and correct them.',
	},

	ClustersJoined: { condition: 'ClustersJoined', meaning: 'Every listed cluster is part of the mesh.', remedy: '' },
	ClustersJoining: {
		condition: 'ClustersJoined',
		meaning: 'Some listed clusters are on their way into the mesh; the message names them.',
		remedy: '',
	},
	ClustersNotJoined: {
		condition: 'ClustersJoined',
		meaning: 'Some listed clusters are not part of the mesh, or not as asked; the message names them and why.',
		remedy: 'See status.clusters, and the reasons of clusters below.',
	},
	NetworkUnreachable: {
		condition: 'ClustersJoined',
		meaning:
			'A network of the mesh has no usable way in, so workloads of other networks do not reach it: no gateway, no load balancer, or a host name where the release needs an IP address. The message says which.',
		remedy: 'Do what the message says about the ingress gateway of that network.',
	},
	NetworkPending: {
		condition: 'ClustersJoined',
		meaning: 'The load balancer of the gateway of a network has no address yet.',
		remedy: 'If it takes long, see the Events of the Service istio-ingressgateway.',
	},
	ClustersLeaving: {
		condition: 'ClustersJoined',
		meaning: 'Clusters that are no longer listed are being left; the message names them.',
		remedy: '',
	},
} as const satisfies Readonly<Record<string, ReasonEntry>>;

export type Reason = keyof typeof reasons;
