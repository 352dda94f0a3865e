/**
 * A line of Istio releases: everything that the rest of the operator asks about releases that are installed by the same
 * components. A new line is a folder in `releases`, `render` and `plan`, one file here, and an entry in `lines.ts`.
 *
 * The functions are methods so that a line of one type of mesh is a `Line` of any mesh: whoever holds a mesh gets its line by
 * `Lines.of`, and never gives a line the mesh of another.
 */
import type { ParsedMeshInstallation } from '../../api/v1/index.ts';
import type { Gate, GateContext } from '../plan/gate.ts';
import type { Exclusive } from '../plan/rivalry.ts';
import type { SecretFacts } from '../plan/secret-facts.ts';
import type { Seen, Sight } from '../plan/sight.ts';
import type { EndOfLine, ReadRule, Release, ResolvedMesh, ResolveOptions, ResolveResult } from '../releases/index.ts';
import type { ControlPlaneAddresses, JoinedFacts, ServingCertificate } from '../render/index.ts';
import type { KubeObject } from '../runtime/object.ts';
import type { Injection, InjectionContext, Pod } from '../sidecar/index.ts';
import type { CertificateAuthorityObservation } from '../status/certificate-authority.ts';

/** The injection of proxies into the pods of users' namespaces. */
export interface NamespaceInjection {
	/** Namespaces that the operator labels. */
	readonly namespaces: readonly string[];
	/** The label that switches injection on. */
	readonly label: { readonly name: string; readonly value: string };
	/** Key (`objectKey`) of the webhook that answers: before it stands, nobody is to count on it. */
	readonly webhook: string;
}

/** A serving certificate that the operator itself makes and keeps. */
export interface CertificateRequest {
	/** Secret in the namespace of the mesh that holds it; it is rendered from the facts. */
	readonly secret: string;
	readonly dnsNames: readonly string[];
}

/** What the facts of a mesh are made from. */
export interface KnownOfCluster<Memory> {
	readonly sight: Sight;
	/** The certificate of `certificate`, where there is one. */
	readonly certificate: ServingCertificate | undefined;
	readonly memory: Memory;
	readonly joined: JoinedFacts;
}

/** Where a joined cluster is in the mesh. */
export interface Place {
	/** Name of its entry: the id by which Pilot knows it. */
	readonly cluster: string;
	/** Its network where the entry names one; otherwise it is in that of this cluster. */
	readonly network?: string;
}

/** What is kept in a joined cluster that runs workloads of the mesh without a control plane of its own. */
export interface DataPlane<Mesh extends ResolvedMesh, Facts extends object> {
	/** The parts of the control plane that such a cluster is told the addresses of, with the name of each one's Service. */
	readonly services: Readonly<Record<string, string>>;
	/** The mesh as it is there: for whoever asks of it what is asked of a mesh. */
	meshIn(mesh: Mesh, place: Place): Mesh;
	/** Everything that is wrong with a data plane there; none when it can be rendered. */
	check(
		mesh: Mesh,
		place: Place & { readonly controlPlaneAddresses: readonly string[] },
	): readonly {
		readonly reason: 'RootCertificateDiffers' | 'AddressesNeeded';
		readonly path: string;
		readonly message: string;
		readonly remedy: string;
	}[];
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
	/** Gates beside those that the mesh has everywhere. */
	gates(mesh: Mesh): readonly Gate[];
	/** What its owner may want to know although nothing is wrong, in sentences. */
	notes(addresses: ControlPlaneAddresses): readonly string[];
	/** Secret with the authority that all clusters share, where the user gave one. */
	caSecretName(mesh: Mesh): string | undefined;
}

/** What joining clusters has to know of a line. */
export interface MultiClusterSupport<Mesh extends ResolvedMesh = ResolvedMesh> {
	/** Whether the control plane reads the Secret of a cluster again when it changes. If not, its pods are replaced. */
	readonly readsSecretsAgain: boolean;
	/** Deployments whose pods read the Secrets of clusters. */
	readonly readers: {
		/** In every release. */
		readonly always: readonly string[];
		/** In some releases: where they do, their pods carry the annotation with the hash of those Secrets. */
		readonly perhaps: readonly string[];
	};
	/** The Service by which others enter the network of a cluster, and the port of its pods. */
	readonly gateway: { readonly service: string; readonly port: number };
	/** Whether the release can tell networks apart. */
	knowsNetworks(mesh: Mesh): boolean;
	/** Whether this mesh has networks that have to be entered by gateways. */
	hasNetworks(mesh: Mesh): boolean;
	/** What an account that reads a cluster may read there. */
	readerRules(mesh: Mesh): readonly ReadRule[];
	readonly dataPlane: DataPlane<Mesh, object>;
}

export interface Line<Mesh extends ResolvedMesh = ResolvedMesh, Facts extends object = object, Memory = unknown> {
	/** `classic`: what a mesh and a release say of themselves. */
	readonly name: string;
	/** Every release that can be installed, oldest first. */
	readonly releases: readonly Release[];
	/** Minors that an operator of an earlier version could install and this one can't. */
	readonly ended: readonly EndOfLine[];
	/** What only one mesh of a cluster can have. */
	readonly exclusives: readonly Exclusive[];

	/** From what a user wrote to a mesh with every question answered, or to everything that is wrong with it. Pure. */
	resolve(release: Release, installation: ParsedMeshInstallation, options: ResolveOptions): ResolveResult<Mesh>;

	// What the cluster shows

	sees(mesh: Mesh): Seen;
	/** A hash of the mesh configuration, whose changes the control plane follows after a while. */
	configurationHash(mesh: Mesh): string;
	/** The certificate that the operator makes for this mesh, if any. */
	certificate(mesh: Mesh): CertificateRequest | undefined;
	/** What a process has to remember between passes beside what the cluster shows. Pure. `before` is undefined at first. */
	remember(mesh: Mesh, before: Memory | undefined, sight: Sight, nowMs: number): Memory;
	facts(mesh: Mesh, known: KnownOfCluster<Memory>): Facts;
	/** What waits, and for what. */
	gates(context: GateContext<Mesh, Facts>): readonly Gate[];
	/** What the status tells of who signs certificates; `none` where nobody does. */
	authority(
		mesh: Mesh,
		secret: (name: string) => SecretFacts | 'unknown' | undefined,
		now: Date,
	): CertificateAuthorityObservation | 'none';

	// What is rendered

	/** Istio's own definitions. */
	crds(mesh: Mesh): readonly KubeObject[];
	/** All other objects, unfinished. */
	components(mesh: Mesh, facts: Facts): readonly KubeObject[];
	/** In the place of what only a cluster knows: with these, every object is made. */
	readonly standIns: Facts;
	/** What the cluster of `spec.pilot.kubeconfigSecret` must have; undefined where the mesh serves its own cluster. */
	servedCluster(mesh: Mesh): readonly KubeObject[] | undefined;

	// Users' namespaces and pods

	injection(mesh: Mesh): NamespaceInjection | undefined;
	/** The pod with its proxy, by hand as the webhook does it. */
	injectPod(mesh: Mesh, pod: Pod, context: InjectionContext): Injection;

	readonly multiCluster: MultiClusterSupport<Mesh>;
}
