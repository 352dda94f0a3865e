import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Cluster } from '../control-plane/cluster.ts';
import { kubeconfigText, readKubeconfig } from '../control-plane/kubeconfig.ts';

/** Writes a kubeconfig for the same user as another one, through a proxy. It goes with the cluster. Returns its path. */
export async function kubeconfigThrough(
	{ url }: { readonly url: string },
	cluster: Cluster,
	kubeconfig: string,
): Promise<string> {
	const { token } = await readKubeconfig(kubeconfig);
	if (token === undefined) throw new Error(`${kubeconfig} has no token`);
	const file = path.join(cluster.directory, `proxy-${new URL(url).port}.kubeconfig`);
	await writeFile(file, kubeconfigText(cluster.name, 'operator', { url, ca: cluster.ca, token }), { mode: 0o600 });
	return file;
}
