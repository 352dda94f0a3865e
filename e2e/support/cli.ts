/** The `meshwright` command as a user runs it: a process of its own, text in and text out. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setting } from '../control-plane/source.ts';
import { bundleVariable, shortLivedFlags } from './bundle.ts';
import { readInstallation } from './installation.ts';
import type { MeshCluster } from './mesh-cluster.ts';

/** Of any command in tests, milliseconds: each has a limit of its own, which it tells in words. */
const longestMs = 180_000;
const sources = fileURLToPath(new URL('../../operator/cli/meshwright.js', import.meta.url));
/**
 * The program that commands run: the bundle where the runner has built one, since it starts four times as fast. For one test
 * file building does not pay.
 */
export const program = setting(process.env, bundleVariable) ?? sources;

export interface CommandResult {
	readonly exitCode: number;
	readonly stdout: string;
	readonly stderr: string;
}

/** `meshwright diff` of a MeshInstallation as it is stored in its own cluster. */
export async function diffOfStored(
	{ api, cluster }: Pick<MeshCluster, 'api' | 'cluster'>,
	name: string,
): Promise<CommandResult> {
	const { apiVersion, kind, spec } = await readInstallation(api, name);
	const file = JSON.stringify({ apiVersion, kind, metadata: { name }, spec });
	return meshwright(['diff', '-f', '-', '--kubeconfig', cluster.adminKubeconfig()], file);
}

/** Runs a command with a text on its standard input. It sees no kubeconfig but the one that its arguments name. */
export function meshwright(args: readonly string[], stdin = ''): Promise<CommandResult> {
	return new Promise((resolve, reject) => {
		const child = execFile(
			process.execPath,
			[...shortLivedFlags, program, ...args],
			{ env: { ...process.env, KUBECONFIG: '/dev/null' }, timeout: longestMs, maxBuffer: 64 * 1024 * 1024 },
			(error, stdout, stderr) => {
				if (error !== null && typeof error.code !== 'number') reject(error);
				else resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr });
			},
		);
		child.stdin?.end(stdin);
	});
}
