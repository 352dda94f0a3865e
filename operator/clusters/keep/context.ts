/** What the passes over clusters work with. */
import type { ClusterObservation, ClusterProblem } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { LiveCache } from '../../apply/live.ts';
import type { Outcome, Writer } from '../../apply/writer.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { StaticCredentials } from '../../runtime/credentials/grant.ts';
import type { MisbehaviourError } from '../../runtime/errors.ts';
import type { Kind } from '../../runtime/kinds.ts';
import type { ReflectorChange } from '../../runtime/watch/change-handlers.ts';
import type { CheckedFacts } from '../checks/checked-facts.ts';
import type { ClusterNames } from '../cluster-objects.ts';
import type { KubeconfigSecrets } from '../kubeconfig/secrets.ts';
import type { PublicationOutcome } from '../secret/publication.ts';
import type { ClusterRecord } from '../secret/record.ts';
import type { ClusterSettings } from '../settings.ts';
import type { ClusterNotice } from '../told.ts';
import type { KeepingMesh, MeshOfClusters, WantedMesh } from '../wanted-mesh.ts';
import type { ClusterCell } from './cell.ts';
import type { KeepingVisit, VisitThere } from './visit.ts';

/** The checks before anything is written. */
export interface ClusterChecks {
	/** A text that changes with everything here that the checks depend on. */
	subjectOf(visit: KeepingVisit): string;
	check(
		visit: VisitThere,
	): Promise<{ readonly facts: CheckedFacts | undefined; readonly problems: readonly ClusterProblem[] }>;
}

/** The cluster in which the operator works. */
export interface LocalCluster {
	/** UID of `kube-system`. */
	readonly id: string;
	/** How this operator reaches its API server: the address, if others can use it too, and the authority. */
	readonly access: { readonly server: string | undefined; readonly ca: string | undefined } | undefined;
}

export interface KeeperContext {
	/** A client of the API server here. */
	readonly api: ApiServer;
	readonly live: LiveCache & { ofKind(kind: Kind): Iterable<Child> };
	readonly local: () => LocalCluster;
	readonly settings: ClusterSettings;
	readonly kubeconfigs: Pick<KubeconfigSecrets, 'read'>;
	readonly checks: ClusterChecks;
	/** Makes a client for another API server. Its writes need the lease. */
	readonly connect: (
		credentials: StaticCredentials,
		onMisbehaviour?: (offence: MisbehaviourError) => void,
	) => ApiServer;
	/** Makes a client for the API server here with another token. */
	readonly connectHere: (token: string) => ApiServer;
	readonly writerHere: (mesh: MeshOfClusters, signal: AbortSignal) => Writer;
	readonly namesOf: (mesh: Pick<MeshOfClusters, 'name' | 'clusterName'>) => ClusterNames;
	/** All clusters of a mesh that are listed or leaving. */
	readonly cellsOf: (mesh: string) => readonly ClusterCell[];
	readonly recordOf: (mesh: Pick<MeshOfClusters, 'name' | 'namespace'>, cluster: string) => ClusterRecord | undefined;
	/** The records that this mesh keeps itself. */
	readonly recordsOf: (mesh: Pick<MeshOfClusters, 'name' | 'namespace'>) => readonly ClusterRecord[];
	/** Whether the control plane here has forgotten what was published before: its pods know the present Secrets. */
	readonly isFollowed: (namespace: string) => boolean;
	/** When its pods were last replaced for changed Secrets, in milliseconds since 1970. Undefined when they never were. */
	readonly rolledOutAt: (namespace: string) => number | undefined;
	/** Whether a change of an object there needs a pass. */
	readonly needsPass: (change: ReflectorChange<Child>) => boolean;
	readonly wake: (key: string, reason: string) => void;
	readonly wakeMesh: (mesh: string, reason: string) => void;
	readonly observed: (cell: ClusterCell, mesh: WantedMesh, observation: ClusterObservation | undefined) => void;
	readonly onPublished: (mesh: KeepingMesh, cluster: string, outcome: PublicationOutcome) => void;
	readonly onNotice: (mesh: string, notice: ClusterNotice) => void;
	readonly onApply: (kind: string, outcome: Outcome) => void;
	readonly onWatchError: (cell: ClusterCell, error: unknown) => void;
	/** Tells a mistake of ours that ends no pass. */
	readonly onDefect: (cell: ClusterCell, error: unknown) => void;
	/** Monotonic clock. */
	readonly now: () => number;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
	/** Uniform in [0, 1). */
	readonly random: () => number;
}
