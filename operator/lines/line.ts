/**
 * A line of Istio releases: everything that the rest of the operator asks about releases that are installed by the same
 * components. A new line is a folder in `releases`, `render` and `plan`, one file here, and an entry in `lines.ts`.
 *
 * The functions are methods, so that a line for one type of mesh is a `Line` for any mesh. Whoever holds a mesh gets its
 * line by `Lines.of`, and never gives a line the mesh of another one.
 */
import type { ParsedMeshInstallation, UpgradeStage } from '../../api/v1/index.ts';
import type { Gate, GateContext } from '../plan/gate.ts';
import type { RevisionQuestion } from '../plan/revisions/question.ts';
import type { Exclusive } from '../plan/rivalry.ts';
import type { SecretFacts } from '../plan/secret-facts.ts';
import type { Seen, Sight } from '../plan/sight.ts';
import type { OwnWord } from '../plan/upgrade/own-word.ts';
import type { UpgradeRules } from '../plan/upgrade/rules.ts';
import type {
	AccessRule,
	EndOfLine,
	ObjectCheck,
	ObjectKind,
	Release,
	ResolvedMesh,
	ResolveOptions,
	ResolveResult,
} from '../releases/index.ts';
import type { ControlPlaneAddresses, DataPlaneProblem, JoinedFacts, ServingCertificate } from '../render/index.ts';
import type { KubeObject, ObjectName } from '../runtime/object.ts';
import type { Injection, InjectionContext, Pod } from '../sidecar/index.ts';
import type { CertificateAuthorityObservation } from '../status/certificate-authority.ts';

/** The injection of proxies into the pods of users' namespaces. */
export interface NamespaceInjection {
	/** Namespaces that the operator labels. */
	readonly namespaces: readonly string[];
	/** The label that switches injection on. */
	readonly label: { readonly name: string; readonly value: string };
	/** Key (`objectKey`) of the webhook that answers. Until it exists, nobody may count on it. */
	readonly webhook: string;
}

/** A serving certificate that the operator itself makes and keeps. */
export interface CertificateRequest {
	/** Secret in the namespace of the mesh that holds it. It is rendered from the facts. */
	readonly secret: string;
	readonly dnsNames: readonly string[];
}

/** The input of a mesh's facts. */
export interface KnownOfCluster<Memory> {
	readonly sight: Sight;
	/** The certificate of `certificate`, if there is one. */
	readonly certificate: ServingCertificate | undefined;
	readonly memory: Memory;
	readonly joined: JoinedFacts;
}

/** Authorities that the operator issues from one root. */
export interface IssuedAuthorities {
	readonly rootSecret: ObjectName;
	/** The Secret in the namespace of the mesh that holds it in each cluster. */
	readonly secretName: string;
	readonly lifetimeMs: number;
	/** How long the certificates of workloads last: `24h`. */
	readonly workloadCertTTL: string;
}

/** Where a joined cluster is in the mesh. */
export interface Place {
	/** Name of its entry. Pilot knows the cluster by it. */
	readonly cluster: string;
	/** Its network, when the entry names one. Otherwise it is in the network of this cluster. */
	readonly network?: string;
}

/**
 * A control plane that also writes in a joined cluster without one: it gives namespaces its root, and its webhook its
 * authority. It looks whether it shall when it begins to read the cluster, so it is told before.
 */
export interface Charge {
	/** Name of this cluster, as the control plane knows it. */
	readonly cluster: string;
	/** ConfigMap that the control plane writes into the namespace of the mesh there when it has taken charge. */
	readonly proof: string;
}

/** What is kept in a joined cluster that runs workloads of the mesh without a control plane of its own. */
export interface DataPlane<Mesh extends ResolvedMesh, Facts extends object> {
	/** The parts of the control plane whose addresses such a cluster needs, with the name of each one's Service. */
	readonly services: Readonly<Record<string, string>>;
	/** The mesh as it is there. It answers what is asked about a mesh. */
	meshIn(mesh: Mesh, place: Place): Mesh;
	/** Everything that is wrong with a data plane there. Empty when it can be rendered. */
	check(mesh: Mesh, place: Place & { readonly controlPlaneAddresses: readonly string[] }): readonly DataPlaneProblem[];
	/** All objects for that cluster, in the form of `Lines.render`. */
	render(
		mesh: Mesh,
		remote: Place & {
			readonly readBy: string;
			readonly applySet: string;
			readonly addresses: ControlPlaneAddresses;
			readonly facts: Facts;
		},
	): readonly KubeObject[];
	/** How the control plane takes charge of that cluster. Undefined when it only reads there. */
	charge(mesh: Mesh): Charge | undefined;
	/**
	 * Gates in addition to those that the mesh has everywhere.
	 * @param there what that cluster shows
	 */
	gates(mesh: Mesh, there: { readonly isInCharge: boolean; readonly child: Sight['child'] }): readonly Gate[];
	/** Sentences that the owner may want to know although nothing is wrong. */
	notes(addresses: ControlPlaneAddresses): readonly string[];
	/** Secret with the authority that all clusters share, if the user gave one. */
	caSecretName(mesh: Mesh): string | undefined;
}

/** `definition`: it is known what the webhook adds. `webhook`: only the webhook knows, so it has to be asked. */
export type ByHand<Mesh extends ResolvedMesh = ResolvedMesh> = ByDefinition<Mesh> | ByWebhook<Mesh>;

interface ByDefinition<Mesh extends ResolvedMesh> {
	readonly how: 'definition';
	/** Pure. */
	injectPod(mesh: Mesh, pod: Pod, context: InjectionContext): Injection;
}

interface ByWebhook<Mesh extends ResolvedMesh> {
	readonly how: 'webhook';
	/** Labels by which the webhook takes a pod of a namespace that says nothing. */
	labels(mesh: Mesh): Readonly<Record<string, string>>;
}

/** What joining clusters needs to know about a line. */
export interface MultiClusterSupport<Mesh extends ResolvedMesh = ResolvedMesh> {
	/** Whether the control plane reads a cluster's Secret again when it changes. If not, its pods are replaced. */
	readsSecretsAgain(release: Release): boolean;
	/** Deployments whose pods read the Secrets of clusters, and are replaced when these change. */
	readonly readers: {
		/** In every release. */
		readonly always: readonly string[];
		/** In some releases. In those, their pods have the annotation with the hash of the Secrets. */
		readonly perhaps: readonly string[];
	};
	/** The Service by which others reach the network of a cluster, and the port of its pods. */
	readonly gateway: { readonly service: string; readonly port: number };
	/** Whether the release can tell networks apart. */
	knowsNetworks(mesh: Mesh): boolean;
	/** Whether this mesh has networks that are reached by gateways. */
	hasNetworks(mesh: Mesh): boolean;
	/**
	 * Why the gateway that the mesh renders is no way into a network of several, in a sentence with what to do. Undefined when
	 * it is one as soon as its load balancer has an address.
	 */
	noWayIn(mesh: Mesh): string | undefined;
	/** Whether the control plane takes an address of a gateway. */
	takesAddress(mesh: Mesh, address: string): boolean;
	/** Whether clusters of other networks reach the control plane by the gateway of this one. Never, when not set. */
	exposes?(mesh: Mesh): boolean;
	/** The rights of an account that reads a cluster. */
	readerRules(mesh: Mesh): readonly AccessRule[];
	readonly dataPlane: DataPlane<Mesh, object>;
}

/** Where a revision is, and its name, which the default one may not have. */
export interface RevisionPlace {
	readonly namespace: string;
	readonly revision?: string;
}

/** What revisions beside each other need to know about a line. */
export interface RevisionSupport<Mesh extends ResolvedMesh = ResolvedMesh> {
	/** Whether an object is one that this revision has for itself. All others are shared, and those of the active one count. */
	isOwn(place: RevisionPlace, object: Pick<KubeObject, 'metadata'>): boolean;
	/** The revision of those who name none, in a mesh of the line. Undefined: the one without a name. */
	defaultOf(mesh: Mesh): string | undefined;
	/** The revision of each tag of a mesh, by the tag. */
	tagsOf(mesh: Mesh): ReadonlyMap<string, string>;
	/** Whether an object is the webhook by which those who name none ask a revision with a name. */
	isDefaultTag(object: KubeObject): boolean;
	/** Whether an object is the webhook of the revision without a name. */
	isUnnamed(object: KubeObject): boolean;
	/** The same webhook, as it asks about nothing. */
	withdrawn(webhook: KubeObject): KubeObject;
	/** The revision to which a webhook leads that is none of one revision's own: that of a tag, or of those who name none. */
	leadsTo(object: KubeObject): string | undefined;
	/** What a revision is asked before others are led to it. */
	questions(mesh: Mesh, revision: string, child: Sight['child']): readonly RevisionQuestion[];
}

/** A change of version. Both releases are of the line. */
export interface Hop {
	readonly from: Release;
	readonly to: Release;
}

export interface Line<Mesh extends ResolvedMesh = ResolvedMesh, Facts extends object = object, Memory = unknown> {
	/** The name, `classic`. A mesh and a release name their line by it. */
	readonly name: string;
	/** Every release that can be installed, oldest first. */
	readonly releases: readonly Release[];
	/** Minors that an earlier version of the operator could install and this one can't. */
	readonly ended: readonly EndOfLine[];
	/** What only one mesh of a cluster can have. */
	readonly exclusives: readonly Exclusive[];

	/** Turns what a user wrote into a mesh with every question answered, or into all of its problems. Pure. */
	resolve(release: Release, installation: ParsedMeshInstallation, options: ResolveOptions): ResolveResult<Mesh>;

	// What the cluster shows

	sees(mesh: Mesh): Seen;
	/** A hash of the mesh configuration. The control plane follows its changes after a while. */
	configurationHash(mesh: Mesh): string;
	/** The certificate that the operator makes for this mesh, if any. */
	certificate(mesh: Mesh): CertificateRequest | undefined;
	/**
	 * What a process has to remember between passes, besides what the cluster shows. Pure. `before` is undefined at first.
	 */
	remember(mesh: Mesh, before: Memory | undefined, sight: Sight, nowMs: number): Memory;
	facts(mesh: Mesh, known: KnownOfCluster<Memory>): Facts;
	/** What waits, and for what. */
	gates(context: GateContext<Mesh, Facts>): readonly Gate[];
	/** What the status tells about who signs certificates. `none` when nobody does. */
	authority(
		mesh: Mesh,
		secret: (name: string) => SecretFacts | 'unknown' | undefined,
		now: Date,
	): CertificateAuthorityObservation | 'none';

	/** The authorities that the operator itself issues to the clusters of a mesh. Undefined when it issues none. */
	issues?(mesh: Mesh): IssuedAuthorities | undefined;

	// What is rendered

	/** Istio's own definitions. */
	crds(mesh: Mesh): readonly KubeObject[];
	/** All other objects, before `finish`. */
	components(mesh: Mesh, facts: Facts): readonly KubeObject[];
	/** Objects that repeat others as overlays have made them, before `finish`. No overlay can name them. */
	copies(mesh: Mesh, objects: readonly KubeObject[]): readonly KubeObject[];
	/** Stand-ins for what only a cluster knows. With these, every object is made. */
	readonly standIns: Facts;
	/** What the cluster of `spec.pilot.kubeconfigSecret` must have. Undefined when the mesh serves its own cluster. */
	servedCluster(mesh: Mesh): readonly KubeObject[] | undefined;

	// Users' own objects of Istio's kinds

	/** The kinds that people write for a release. */
	objectKinds(release: Release): readonly ObjectKind[];
	/** What is wrong with such an object: nobody else says so. Pure. */
	checkObject(release: Release, object: unknown): ObjectCheck;

	/** What is checked before a change of version, beside what all lines share. */
	readonly upgradeRules: UpgradeRules<Mesh>;

	// Users' namespaces and pods

	injection(mesh: Mesh): NamespaceInjection | undefined;
	/** Images of the containers that are injected into pods. */
	injectedImages(mesh: Mesh): readonly string[];
	/** How the proxy gets into a pod by hand, as the webhook puts it there. */
	readonly byHand: ByHand<Mesh>;

	readonly multiCluster: MultiClusterSupport<Mesh>;

	/** Revisions beside each other. Undefined for a line that has none. */
	readonly revisions?: RevisionSupport<Mesh>;

	/** What is asked of pods before their stage of a change of version is over, beside their readiness. */
	ownWords(mesh: Mesh): readonly OwnWord[];

	/** The stage of a change of version to which an object belongs. */
	stageOf(object: KubeObject, hop: Hop): UpgradeStage;
}
