import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Cluster } from '../control-plane/cluster.ts';
import { deadlineMs } from '../support/eventually.ts';
import { outputOf } from '../support/output-of.ts';
import type { RealIstio } from './locate.ts';

/** Runs istioctl without a cluster and returns what it prints. Throws with what it says of an error. */
export function istioctl(real: RealIstio, args: readonly string[], input?: string): Promise<string> {
	const env = { PATH: process.env.PATH, HOME: '/nonexistent', KUBECONFIG: '/dev/null' };
	return outputOf(real.program('istioctl'), args, { env, ...(input === undefined ? {} : { input }) });
}

/**
 * The same with the administrator's rights in a cluster, and what it says on standard error as well.
 * @throws where it ends with another exit code than 0
 */
export async function istioctlIn(real: RealIstio, cluster: Cluster, ...args: readonly string[]): Promise<string> {
	const env = { PATH: process.env.PATH, HOME: '/nonexistent', KUBECONFIG: cluster.adminKubeconfig() };
	const { stdout, stderr } = await promisify(execFile)(real.program('istioctl'), args, { env, timeout: deadlineMs });
	return stdout + stderr;
}
