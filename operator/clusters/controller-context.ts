/** Turns the controller's options into what its passes work with. */
import type { ClusterObservation } from '../../api/v1/index.ts';
import { Writer, type WriterOptions } from '../apply/writer.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { kinds } from '../runtime/kinds.ts';
import type { Logger } from '../runtime/log/logger.ts';
import { objectKey } from '../runtime/object.ts';
import type { WorkQueueHooks } from '../runtime/queue/work-queue.ts';
import type { ClusterCell } from './keep/cell.ts';
import type { ClusterChecks, KeeperContext, LocalCluster } from './keep/context.ts';
import { namesOf } from './names.ts';
import { ownRecord, ownRecordsIn, recordReference } from './secret/record.ts';
import type { ClusterSettings } from './settings.ts';
import type { MeshOfClusters } from './wanted-mesh.ts';

export interface ClusterControllerOptions {
	readonly api: ApiServer;
	readonly log: Logger;
	readonly settings: ClusterSettings;
	/** How children here are read and written. The controller adds the hooks. */
	readonly applier: Omit<WriterOptions, 'hooks'> & { readonly live: KeeperContext['live'] };
	readonly checks: (
		context: Pick<
			KeeperContext,
			'api' | 'local' | 'cellsOf' | 'recordOf' | 'recordsOf' | 'namesOf' | 'now' | 'settings'
		>,
	) => ClusterChecks;
	/** How others may reach this API server, as far as this operator knows. Inside a cluster it knows only the authority. */
	readonly access: LocalCluster['access'];
	readonly connect: KeeperContext['connect'];
	readonly connectHere: KeeperContext['connectHere'];
	readonly isFollowed: KeeperContext['isFollowed'];
	readonly rolledOutAt: KeeperContext['rolledOutAt'];
	readonly needsPass: KeeperContext['needsPass'];
	/** Asks for a pass over a mesh after `afterMs`. */
	readonly wakeMesh: (mesh: string, reason: string, afterMs: number) => void;
	readonly onNotice: KeeperContext['onNotice'];
	readonly onApply: KeeperContext['onApply'];
	/** Called with each observation, for metrics. Undefined when the cluster has left. */
	readonly onObserved: (
		mesh: string,
		cluster: string,
		cell: ClusterCell,
		observation: ClusterObservation | undefined,
	) => void;
	readonly onRotated: (mesh: string, cluster: string) => void;
	readonly queueHooks?: WorkQueueHooks<string>;
	readonly now: () => number;
	readonly wallClock: () => number;
	readonly random: () => number;
	readonly concurrency?: number;
}

/** What the controller itself provides. */
interface OwnParts
	extends Pick<KeeperContext, 'kubeconfigs' | 'cellsOf' | 'wake' | 'wakeMesh' | 'observed' | 'onPublished'> {
	/** UID of `kube-system` of this cluster. */
	readonly localId: () => string;
}

export function makeContext(options: ClusterControllerOptions, { localId, ...own }: OwnParts): KeeperContext {
	const { api, applier, settings, access, log, onNotice, onApply, now, wallClock, random } = options;
	const { live } = applier;
	const shared = {
		api,
		now,
		settings,
		local: () => ({ id: localId(), access }),
		namesOf: (mesh: Pick<MeshOfClusters, 'name' | 'clusterName'>) => namesOf(mesh, localId()),
		cellsOf: own.cellsOf,
		recordOf: (mesh: Pick<MeshOfClusters, 'name' | 'namespace'>, cluster: string) =>
			ownRecord(mesh, live.get(objectKey(recordReference(mesh.namespace, cluster)))),
		recordsOf: (mesh: Pick<MeshOfClusters, 'name' | 'namespace'>) => ownRecordsIn(mesh, live.ofKind(kinds.Secret)),
	};
	return {
		...shared,
		...own,
		live,
		checks: options.checks(shared),
		connect: options.connect,
		connectHere: options.connectHere,
		writerHere: (mesh, signal) =>
			new Writer(
				{
					...applier,
					hooks: {
						onOutcome: onApply,
						onNotice: ({ type, reason, message }) => onNotice(mesh.name, { type, reason, message }),
					},
				},
				signal,
			),
		isFollowed: options.isFollowed,
		rolledOutAt: options.rolledOutAt,
		needsPass: options.needsPass,
		onNotice,
		onApply,
		onWatchError: ({ mesh, cluster }, error) =>
			log.debug({ err: error, meshInstallation: mesh, cluster }, 'a joined cluster is disturbed'),
		onDefect: ({ mesh, cluster }, error) =>
			log.error({ err: error, meshInstallation: mesh, cluster }, 'the operator failed while it worked on a cluster'),
		wallClock,
		random,
	};
}
