/**
 * The ServiceAccount of our Pod. Two files and two variables need no library: @kubernetes/client-node would cost some 95 MB
 * of memory for nothing.
 */
import { existsSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import path from 'node:path';
import { InvalidError } from '../errors.ts';
import { fileCredentials } from './files.ts';
import type { Credentials } from './grant.ts';

export interface InClusterOptions {
	/** Where the kubelet mounts token and CA. */
	readonly folder?: string;
	/** Holds KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
	readonly environment?: Readonly<Record<string, string | undefined>>;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export function isInCluster(options: InClusterOptions = {}): boolean {
	const { folder = serviceAccountFolder, environment = process.env } = options;
	return environment.KUBERNETES_SERVICE_HOST !== undefined && existsSync(path.join(folder, 'token'));
}

export function inClusterCredentials(options: InClusterOptions = {}): Credentials {
	const { folder = serviceAccountFolder, environment = process.env } = options;
	const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = environment;
	if (host === undefined || port === undefined) {
		throw new InvalidError(
			'NotInCluster',
			'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no Pod; name a kubeconfig with --kubeconfig',
		);
	}
	return fileCredentials({
		url: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
		ca: { file: path.join(folder, 'ca.crt') },
		token: { file: path.join(folder, 'token') },
	});
}
