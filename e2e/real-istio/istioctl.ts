import { outputOf } from '../support/output-of.ts';
import type { RealIstio } from './locate.ts';

/** Runs istioctl without a cluster and returns what it prints. Throws with what it says of an error. */
export function istioctl(real: RealIstio, args: readonly string[], input?: string): Promise<string> {
	const env = { PATH: process.env.PATH, HOME: '/nonexistent', KUBECONFIG: '/dev/null' };
	return outputOf(real.program('istioctl'), args, { env, ...(input === undefined ? {} : { input }) });
}
