/** `meshwright operator`: runs the operator until it is told to stop. */
import { runOperator } from '../main.ts';
import type { ConnectionOptions } from './connection.ts';

export interface OperatorOptions extends ConnectionOptions {
	readonly namespace: string;
	readonly leaderElect: boolean;
	readonly metricsAddress: string;
	readonly healthAddress: string;
	readonly livenessAddress: string;
	readonly concurrency: number;
	readonly resyncMinutes: number;
	readonly allowLoopbackClusters?: boolean;
	readonly allowClusterProxies?: boolean;
	readonly overlays: 'restricted' | 'unrestricted';
	readonly allowedRegistries?: readonly string[];
	readonly allowedNamespaces?: readonly string[];
	readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
}

export async function operator(options: OperatorOptions): Promise<number> {
	return runOperator(options);
}
