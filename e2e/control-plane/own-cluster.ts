/** A cluster that this process starts for itself. */

import { AuditLog } from './audit.ts';
import { accessTo } from './cluster-access.ts';
import { ClusterPrograms, startApiServerAgain, startControllers, startServers } from './cluster-programs.ts';
import type { Cluster, ClusterOptions } from './cluster-types.ts';
import { freePort, rangesOf } from './ports.ts';

let started = 0;

/** Starts a cluster from a directory of programs. See `startCluster`, which chooses the directory. */
export async function startOwnCluster(
	programs: string,
	options: ClusterOptions,
	pickPort: () => Promise<number> = freePort,
): Promise<Cluster> {
	const { name = 'meshwright', parts = 'api-server', auditLog = false, fsync = false, nodes = 1 } = options;
	const ranges = rangesOf(started++);
	const { serviceCIDR = ranges.serviceCIDR, podCIDR = ranges.podCIDR } = options;
	const own = await ClusterPrograms.create(name, programs);
	try {
		await own.writeFiles(auditLog);
		const unbound = { fsync, auditLog, serviceCIDR, podCIDR, apiServerFlags: options.apiServerFlags ?? [] };
		const settings = { ...unbound, port: await startServers(own, unbound, pickPort) };
		const url = `https://127.0.0.1:${settings.port}`;
		const place = {
			name,
			url,
			ca: own.ca,
			adminToken: own.tokens.admin,
			directory: own.directory,
			serviceCIDR,
			podCIDR: parts === 'all' ? podCIDR : undefined,
			egressSocket: own.files.egressSocket,
		};
		const access = await accessTo(place, () => own.client);
		if (parts === 'all') await startControllers(own, { name, url, nodes, serviceCIDR, podCIDR });
		const log = new AuditLog(own.files.auditLog, () => own.client);
		const stop = () => own.stop();
		const stopApiServer = (signal: 'KILL' | 'TERM' = 'KILL') => own.stopApiServer(signal);
		const startApiServer = () => startApiServerAgain(own, settings);
		return {
			...access,
			stopApiServer,
			startApiServer,
			restartApiServer: async () => {
				await stopApiServer();
				await startApiServer();
			},
			pauseApiServer: () => own.running('kube-apiserver').signal('SIGSTOP'),
			resumeApiServer: () => own.running('kube-apiserver').signal('SIGCONT'),
			auditEvents: async () => {
				if (!auditLog) {
					throw new Error(`cluster ${name} keeps no audit log: start it with auditLog: true`);
				}
				return log.events();
			},
			stop,
			[Symbol.asyncDispose]: stop,
		};
	} catch (error) {
		await own.stop();
		throw error;
	}
}
