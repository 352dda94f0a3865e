/** `meshwright clusters list` and `status`: show the clusters of meshes as the operator sees them. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { interruptible } from '../interruption.ts';
import { type Format, formatValue, table } from '../output.ts';
import { readInstallations } from '../status.ts';
import { print, printDocument } from '../terminal.ts';
import { waitUntil } from '../waiting.ts';
import { type ClusterView, clusterRows, clustersOf, leftBehindLines, reasonLines } from './view.ts';

export interface ClustersListOptions extends ConnectionOptions {
	readonly output: Format;
	/** For how long to look again until all are ready, milliseconds. */
	readonly wait?: number;
}

interface Seen {
	readonly installations: readonly KubeObject[];
	readonly clusters: readonly ClusterView[];
}

export async function clustersList(mesh: string | undefined, options: ClustersListOptions): Promise<number> {
	return interruptible(async (signal) => {
		await using api = await connect(options);
		const seen = await waitUntil({
			look: () => look(api, mesh),
			isDone: areReady,
			open: ({ clusters }) => reasonLines(clusters),
			timeoutMs: options.wait ?? 0,
			signal,
		});
		await show(seen, mesh, options.output);
		return areReady(seen) ? exitCodes.ok : exitCodes.differs;
	});
}

async function look(api: ApiServer, mesh: string | undefined): Promise<Seen> {
	const installations = await readInstallations(api, mesh);
	return { installations, clusters: installations.flatMap(clustersOf) };
}

function areReady({ clusters }: Seen): boolean {
	return clusters.every(({ isReady }) => isReady);
}

async function show({ installations, clusters }: Seen, mesh: string | undefined, output: Format): Promise<void> {
	if (output !== 'text') {
		const data = clusters.map(({ mesh: of, name, role, network, isReady, reasons, status }) => ({
			mesh: of,
			name,
			role,
			...(network === undefined ? {} : { network }),
			ready: isReady,
			reasons,
			status: status ?? null,
		}));
		await printDocument(formatValue(data, output));
	} else if (clusters.length === 0) {
		await print('No cluster is joined. Join one: meshwright clusters join NAME --mesh MESH --join-context CONTEXT');
	} else {
		const rows = clusterRows(clusters, Date.now(), mesh === undefined && installations.length > 1);
		const reasons = [...reasonLines(clusters), ...installations.flatMap(leftBehindLines)];
		await print([...table(rows).split('\n'), ...(reasons.length === 0 ? [] : ['', ...reasons])]);
	}
}
