/** Finds the address blocks of a cluster's pods and Services, as far as its API server tells them. */
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError } from '../../runtime/errors.ts';
import { collectionPath, kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord } from '../../runtime/object-shape.ts';
import { areTooMany, fewBlocks, mergeBlocks, readBlock } from './cidrs.ts';
import { type Known, known, optional, unknown, valueIfKnown } from './known.ts';

export type Blocks = Known<readonly string[]>;

/** Nodes per page. They come whole, 10 to 50 kB each, and only the blocks are kept. */
const nodesPerPage = 100;
/** Kubernetes is made for 5,000 Nodes. An API server that lists more than this would go on without end. */
const mostNodes = 50_000;
/** More blocks than this are told by fewer. An honest cluster has a few ranges, of which its Nodes have neighbouring parts. */
const mostSeparate = 2_000;
/** Kubernetes gives a Node and a ServiceCIDR one block of each family. */
const mostBlocksEach = 8;

/**
 * The blocks of pods, from all Nodes. Networks that assign addresses by themselves (AWS VPC, Calico's own pools) leave a
 * Node's podCIDR empty or unused. Then the user has to write the blocks.
 */
export function podBlocks(api: ApiServer, signal?: AbortSignal): Promise<Blocks> {
	return optional<readonly string[]>('the Nodes', async () => {
		let blocks: string[] = [];
		let nodes = 0;
		try {
			const options = { limit: nodesPerPage, most: mostNodes, signal, read: blocksOfNode };
			for await (const page of api.pages(kinds.Node, options)) {
				nodes += page.items.length;
				if (nodes > mostNodes) return unknown(`it has more than ${mostNodes} Nodes`);
				for (const ofNode of page.items) blocks.push(...ofNode);
				// Merging takes time by the number of blocks, so it begins before there are too many.
				if (blocks.length > mostSeparate) blocks = [...fewBlocks(blocks, mostSeparate / 2)];
			}
		} catch (error) {
			if (nodes === 0 || !(error instanceof RequestError && error.status === 410)) throw error;
			return unknown('the list of Nodes changed too fast to be read in pages');
		}
		if (nodes === 0) {
			return unknown('it has no Nodes');
		}
		return blocks.length === 0
			? unknown('its Nodes have no podCIDR: its network gives addresses in another way')
			: claimed(blocks, 'the Nodes');
	});
}

/** What a cluster says of its own addresses. Others have to keep off them, so there is a limit. */
function claimed(blocks: readonly string[], from: string): Blocks {
	return areTooMany(blocks)
		? unknown(`by ${from} it has more addresses than any cluster`)
		: known(fewBlocks(blocks), from);
}

function blocksOfNode({ spec }: KubeObject): readonly string[] {
	const { podCIDR, podCIDRs } = isRecord(spec) ? spec : {};
	return validBlocks(Array.isArray(podCIDRs) && podCIDRs.length > 0 ? podCIDRs : [podCIDR]);
}

function validBlocks(values: readonly unknown[]): readonly string[] {
	return values
		.slice(0, mostBlocksEach)
		.filter((value): value is string => typeof value === 'string' && readBlock(value) !== undefined);
}

/**
 * The blocks of Services, from the ServiceCIDR objects (Kubernetes 1.33 and later). When there are none or they may not be
 * read, a dry run asks the API server for an address that no range has.
 */
export async function serviceBlocks(api: ApiServer, namespace: string, signal?: AbortSignal): Promise<Blocks> {
	const objects = await optional('the ServiceCIDRs', () => fromServiceCIDRs(api, signal));
	if (objects.known) {
		return objects;
	}
	const probed = await probedBlocks(api, namespace, signal);
	return probed.known ? probed : unknown(`${objects.why}, and ${probed.why}`);
}

async function fromServiceCIDRs(api: ApiServer, signal: AbortSignal | undefined): Promise<Blocks> {
	const { items } = await api.list(kinds.ServiceCIDR, {
		signal,
		read: ({ spec }: KubeObject) => validBlocks(isRecord(spec) && Array.isArray(spec.cidrs) ? spec.cidrs : []),
	});
	const blocks = items.flat();
	return blocks.length === 0 ? unknown('there are no ServiceCIDRs') : claimed(blocks, 'the ServiceCIDRs');
}

type IpFamily = 'IPv4' | 'IPv6';

/** Loopback addresses, which no cluster can give to a Service. */
const outside: Readonly<Record<IpFamily, string>> = { IPv4: '127.0.0.1', IPv6: '::1' };

/**
 * Asks for an address outside of every range, as a dry run: the refusal names the range. It asks in the mesh's namespace,
 * which the account may write, or in `default` when that does not exist yet. A cluster with several ServiceCIDRs names one
 * of them, but such a cluster has the API that lists them all.
 */
async function probedBlocks(api: ApiServer, namespace: string, signal: AbortSignal | undefined): Promise<Blocks> {
	const probe = (family: IpFamily) =>
		optional<readonly string[]>(`the range of its Services (${family})`, async () => {
			const first = await probeIn(api, namespace, family, signal);
			return first ?? (await probeIn(api, 'default', family, signal)) ?? unknown('a Service may not be created in it');
		});
	const four = await probe('IPv4');
	const six = await probe('IPv6');
	const blocks = [...(valueIfKnown(four) ?? []), ...(valueIfKnown(six) ?? [])];
	if (blocks.length > 0 && four.known && six.known) {
		return known(mergeBlocks(blocks), 'a dry run of creating a Service');
	}
	return four.known ? (six.known ? unknown('it has no range for Services') : six) : four;
}

/**
 * Empty when the cluster doesn't know the family. Undefined when nothing may be created in the namespace, or it is missing.
 */
async function probeIn(
	api: ApiServer,
	namespace: string,
	family: IpFamily,
	signal: AbortSignal | undefined,
): Promise<Blocks | undefined> {
	const address = outside[family];
	try {
		await api.request({
			method: 'POST',
			path: collectionPath(kinds.Service, namespace),
			query: { dryRun: 'All' },
			body: {
				apiVersion: 'v1',
				kind: 'Service',
				metadata: { generateName: 'meshwright-probe-' },
				spec: { clusterIP: address, ipFamilies: [family], ipFamilyPolicy: 'SingleStack', ports: [{ port: 443 }] },
			},
			kind: kinds.Service.kind,
			isReadOnly: true,
			signal,
		});
		return unknown('the API server would give Services any address');
	} catch (error) {
		if (error instanceof RequestError && (error.status === 403 || error.status === 404)) {
			return undefined;
		}
		if (!(error instanceof RequestError && error.status === 422)) {
			throw error;
		}
		if (error.causes.some(({ field }) => field.startsWith('spec.ipFamilies'))) {
			return known([], 'a dry run of creating a Service');
		}
		return rangeIn(error) ?? unknown('the API server does not name the range of its Services');
	}
}

/**
 * The one place that reads the text of an API server, because the range is found nowhere else. Only the block comes out. Kubernetes 1.22-1.24:
 * "provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/12"; since then (1.36
 * `pkg/registry/core/service/ipallocator`) "the provided IP (127.0.0.1) is not in the valid range. The range of valid IPs
 * is 10.96.0.0/12".
 */
function rangeIn(error: RequestError): Blocks | undefined {
	const [, range = ''] = error.withheld?.match(/range of valid IPs is ([0-9a-fA-F.:]+\/[0-9]+)/) ?? [];
	const block = readBlock(range);
	return block === undefined ? undefined : claimed([block], 'a dry run of creating a Service');
}
