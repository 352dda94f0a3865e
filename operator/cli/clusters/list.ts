/** `meshwright clusters list`: shows the clusters of meshes as the operator sees them. */

import { type ConnectionOptions, connect } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { type Format, formatValue, table } from '../output.ts';
import { readInstallations } from '../status.ts';
import { print, printDocument } from '../terminal.ts';
import { clusterRows, clustersOf, leftBehindLines, reasonLines } from './view.ts';

export interface ClustersListOptions extends ConnectionOptions {
	readonly output: Format;
}

export async function clustersList(mesh: string | undefined, options: ClustersListOptions): Promise<number> {
	await using api = await connect(options);
	const installations = await readInstallations(api, mesh);
	const clusters = installations.flatMap(clustersOf);
	if (options.output !== 'text') {
		const data = clusters.map(({ mesh: of, name, role, network, isReady, reasons, status }) => ({
			mesh: of,
			name,
			role,
			...(network === undefined ? {} : { network }),
			ready: isReady,
			reasons,
			status: status ?? null,
		}));
		await printDocument(formatValue(data, options.output));
	} else if (clusters.length === 0) {
		await print('No cluster is joined. Join one: meshwright clusters join NAME --mesh MESH --join-context CONTEXT');
	} else {
		const rows = clusterRows(clusters, Date.now(), mesh === undefined && installations.length > 1);
		const reasons = [...reasonLines(clusters), ...installations.flatMap(leftBehindLines)];
		await print([...table(rows).split('\n'), ...(reasons.length === 0 ? [] : ['', ...reasons])]);
	}
	return clusters.every(({ isReady }) => isReady) ? exitCodes.ok : exitCodes.differs;
}
