/** Finds the credentials for an API server: those of a kubeconfig, or of the ServiceAccount of our Pod. */
import { closeSync, openSync, readSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { InvalidError } from '../errors.ts';
import type { Terminal } from './exec-plugin.ts';
import type { Credentials } from './grant.ts';
import { inClusterCredentials, isInCluster } from './in-cluster.ts';

export interface KubeconfigSource {
	/** A kubeconfig file. */
	readonly path?: string | undefined;
	/** Replaces the file's current context. */
	readonly context?: string | undefined;
	/** Use the ServiceAccount of our Pod, whatever else there is. */
	readonly inCluster?: boolean | undefined;
	/** Where a person can answer an exec plugin. Default: nobody is asked. */
	readonly terminal?: Terminal | undefined;
}

/**
 * Finds credentials as controllers do: the given file; the files of `KUBECONFIG`; the Pod's ServiceAccount;
 * `~/.kube/config`. Throws InvalidError, with the remedy, when there are none or the file can't be used.
 */
export async function loadKubeconfig(source: KubeconfigSource = {}): Promise<Credentials> {
	if (source.inCluster === true) {
		return inClusterCredentials();
	}
	const files = source.path === undefined ? kubeconfigFiles() : [source.path];
	if (files.length === 0) {
		return inClusterCredentials();
	}
	const { kubeconfigCredentials, mergeKubeconfigs, parseKubeconfig } = await import('./kubeconfig.ts');
	const texts = files.map((file) => [file, readKubeconfig(file, files.length > 1)] as const);
	if (texts.every(([, text]) => text === undefined)) {
		throw new InvalidError(
			'KubeconfigUnreadable',
			`none of the kubeconfigs in KUBECONFIG is there (${files.join(', ')}): correct it, or name one with --kubeconfig`,
		);
	}
	const parsed = texts.flatMap(([file, text]) =>
		text === undefined ? [] : [parseKubeconfig(text, path.dirname(path.resolve(file)))],
	);
	return kubeconfigCredentials(mergeKubeconfigs(parsed), { context: source.context, terminal: source.terminal });
}

/** Whether these are the credentials of the Pod in which this process runs. Then its cluster is the one that they are for. */
export function isPodsOwn({ path, inCluster }: KubeconfigSource = {}): boolean {
	return inCluster === true || (path === undefined && kubeconfigFiles().length === 0);
}

function kubeconfigFiles(): readonly string[] {
	const named = (process.env.KUBECONFIG ?? '').split(path.delimiter).filter((file) => file !== '');
	if (named.length > 0) {
		return [...new Set(named)];
	}
	return isInCluster() ? [] : [path.join(homedir(), '.kube', 'config')];
}

/** That of 150 clusters has less than 1 MiB. */
const longestBytes = 8 * 2 ** 20;

/**
 * Undefined when the file is not there and may be missing, as one of several in KUBECONFIG may (client-go
 * `clientcmd/loader.go`, `Load`).
 */
function readKubeconfig(file: string, mayBeMissing: boolean): string | undefined {
	try {
		return readBounded(file);
	} catch (cause) {
		if (cause instanceof InvalidError) throw cause;
		if (mayBeMissing && (cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		throw new InvalidError(
			'KubeconfigUnreadable',
			`the kubeconfig ${file} can't be read: name one with --kubeconfig or KUBECONFIG`,
			{ cause },
		);
	}
}

/** The text of a file or a pipe. What never ends, `/dev/zero` for one, is no kubeconfig. */
function readBounded(file: string): string {
	const handle = openSync(file, 'r');
	try {
		const chunks: Buffer[] = [];
		for (let length = 0; ; ) {
			const chunk = Buffer.allocUnsafe(65_536);
			const read = readSync(handle, chunk);
			if (read === 0) return Buffer.concat(chunks).toString('utf8');
			length += read;
			if (length > longestBytes) {
				throw new InvalidError('KubeconfigUnreadable', `the kubeconfig ${file} is longer than ${longestBytes} bytes`);
			}
			chunks.push(chunk.subarray(0, read));
		}
	} finally {
		closeSync(handle);
	}
}
