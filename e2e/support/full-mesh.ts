/** Clusters of which each has a control plane that reads all the others, and what a witness sees of them. */
import { parse } from 'yaml';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { isWrite } from '../control-plane/audit.ts';
import { eventually } from './eventually.ts';
import { administratorOf, entry, flatKubeconfig, giveKubeconfig, type RemoteSecret, remoteSecrets } from './joined.ts';
import type { MeshCluster } from './mesh-cluster.ts';
import { describeWrite, type Mark, mark } from './writes.ts';

/** A cluster with the name under which the others list it. */
export interface Member extends MeshCluster {
	readonly name: string;
	/** Different for each: from it come the addresses of its pods. */
	readonly number: number;
}

export const meshNamespace = 'istio-system';

/** Puts the kubeconfigs of some clusters where the operator of another finds them. */
export async function introduce(to: Pick<Member, 'api'>, members: readonly Member[]): Promise<void> {
	for (const { name, cluster } of members) await giveKubeconfig(to.api, name, flatKubeconfig(administratorOf(cluster)));
}

export function primaryEntry({ name, number }: Member) {
	return entry(name, number, { role: 'Primary' });
}

/** Names of the clusters that the control plane in a cluster is told of, sorted. */
export async function toldIn({ api }: Pick<Member, 'api'>): Promise<readonly string[]> {
	return (await remoteSecrets(api, meshNamespace)).flatMap(({ data = {} }) => Object.keys(data)).sort();
}

/** Waits until each of them is told of exactly these clusters. */
export async function untilTold(expected: ReadonlyMap<Member, readonly string[]>): Promise<void> {
	const seen = new Map<string, readonly string[]>();
	try {
		await eventually('every control plane is told of the others', async () => {
			for (const member of expected.keys()) seen.set(member.name, await toldIn(member));
			return [...expected].every(
				([{ name }, clusters]) => JSON.stringify(seen.get(name)) === JSON.stringify(clusters.toSorted()),
			);
		});
	} catch (error) {
		throw new Error(`${(error as Error).message}: ${JSON.stringify([...seen])}`, { cause: error });
	}
}

function contentOf({ data = {} }: RemoteSecret) {
	const [text = ''] = Object.values(data);
	const { clusters, users } = parse(Buffer.from(text, 'base64').toString());
	return { ...clusters[0].cluster, token: users[0].user.token };
}

export function tokenOf(secret: RemoteSecret): string {
	return contentOf(secret).token;
}

/** A client that reads with what is in a Secret, as Pilot would. */
export function readerOf(secret: RemoteSecret): ApiServer {
	const { server, token, 'certificate-authority-data': ca } = contentOf(secret);
	return new ApiServer({ url: server, ca: Buffer.from(ca, 'base64').toString(), token });
}

/** UID of `kube-system`. */
export async function idOf(api: Pick<ApiServer, 'getMetadata'>): Promise<string> {
	const { apiVersion, kind } = kinds.Namespace;
	const { metadata } = await api.getMetadata({ apiVersion, kind, name: 'kube-system' });
	return metadata.uid ?? '';
}

/** What answers a question and changes nothing, and what only tells what happened. */
const harmless = new Set(['selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'events', 'leases']);

/** Everything since a place in the audit log that could have changed something, in words; the API server's own work left out. */
export async function changesSince({ cluster }: Pick<MeshCluster, 'cluster'>, since: Mark): Promise<readonly string[]> {
	return (await cluster.auditEvents())
		.slice(since)
		.filter(
			(event) =>
				isWrite(event) &&
				!harmless.has(event.objectRef?.resource ?? '') &&
				!event.requestURI.includes('dryRun=') &&
				event.user.username !== 'system:apiserver',
		)
		.map((event) => `${event.user.username}: ${describeWrite(event)}`);
}

export function markAll(members: readonly Member[]): Promise<readonly Mark[]> {
	return Promise.all(members.map(({ cluster }) => mark(cluster)));
}

/** Labels, annotations and content of all Secrets about clusters, with their resourceVersion. */
export async function allRecords({ api }: Pick<Member, 'api'>): Promise<readonly KubeObject[]> {
	const { items } = await api.list<KubeObject>(kinds.Secret, {
		namespace: meshNamespace,
		labelSelector: 'meshwright.io/cluster',
	});
	return items;
}
