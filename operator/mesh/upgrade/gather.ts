/**
 * Gathers from a cluster what the checks before a change of version judge. It reads alone, page by page, keeps little, and
 * ends in time. The operator does it in the background, the command line with the rights of whoever calls it.
 */
import type { ParsedStatus } from '../../../api/v1/index.ts';
import type { Lines } from '../../lines/index.ts';
import { kubernetesTooOld } from '../../plan/compatibility.ts';
import type { CountedMesh, ProxyFacts } from '../../plan/proxies/count.ts';
import { tallyOf } from '../../plan/proxies/tally.ts';
import { type SecretFacts, toSecretFacts } from '../../plan/secret-facts.ts';
import { type Gathered, known, type Looked, type SeenCluster, type SeenProxies } from '../../plan/upgrade/gathered.ts';
import type { Hop } from '../../plan/upgrade/rules.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { orAbsent } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { groupOf, type KubeObject } from '../../runtime/object.ts';
import { recordsIn } from '../../runtime/object-shape.ts';
import type { CertificateAuthorityObservation } from '../../status/certificate-authority.ts';
import { gatherNodes, gatherPods } from './gather-nodes.ts';
import { gatherObjects } from './gather-objects.ts';
import { gatherWebhooks, type KnownNamespaces } from './gather-webhooks.ts';
import { type LookingAt, lookFor, lookingAt } from './look.ts';

/** Proxies that an index knows, of all meshes. */
export interface KnownProxies {
	/** Undefined while nobody knows. */
	readonly here: Iterable<ProxyFacts> | undefined;
	/** Those in a joined cluster. */
	there(cluster: string): readonly ProxyFacts[] | undefined;
}

export interface GatherOptions {
	readonly api: Pick<ApiServer, 'get' | 'list' | 'listPage' | 'pages'>;
	readonly lines: Lines;
	readonly hop: Hop;
	/** What the new version renders. */
	readonly objects: Promise<readonly KubeObject[]>;
	/** The status of the MeshInstallation, for its joined clusters. Undefined when there is none. */
	readonly status: ParsedStatus | undefined;
	/** The proxies that somebody knows already. Default: they are listed, and only here. */
	readonly proxies?: KnownProxies | undefined;
	/** The namespaces that somebody knows already. Default: they are listed. */
	readonly namespaces?: KnownNamespaces | undefined;
	/** Wall clock. */
	readonly now: Date;
	readonly signal: AbortSignal;
}

/** Rejects when the API server does not answer. What it does not allow is told in the result. */
export async function gather(options: GatherOptions): Promise<Gathered> {
	const { lines, hop, objects, status, proxies, now, signal } = options;
	const at = lookingAt(options.api, signal);
	const { to } = hop;
	const line = lines.of(to);
	const rules = line.upgradeRules;
	const { namespace } = to;
	const counted = countedOf(lines, hop);
	const here = proxies?.here === undefined ? undefined : tallyOf(proxies.here, counted);
	const proxiesIn = (cluster: string) => {
		const there = proxies?.there(cluster);
		return there === undefined ? undefined : tallyOf(there, counted, ` in cluster ${cluster}`);
	};
	const listIn = (kind: typeof kinds.ResourceQuota | typeof kinds.LimitRange) =>
		lookFor(at, `list ${kind.plural} in namespace ${namespace}`, async () => {
			return (await at.api.list<KubeObject>(kind, { namespace, signal })).items;
		});
	const definitions = lookFor(at, 'list customresourcedefinitions', () => gatherDefinitions(at));
	// All at once: an API server makes each list wait until its cache has heard of the newest revision, some 100 ms (kubernetes 1.36
	// `apiserver/pkg/storage/cacher`, `progressRequestPeriod`). One after the other each would wait anew.
	const [seen, ofUsers, nodes, pods, authority, quotas, limitRanges, webhooks] = await Promise.all([
		definitions,
		gatherObjects(at, rules, hop, definitions),
		lookFor(at, 'list nodes', () => gatherNodes(at)),
		lookFor(at, 'list pods in all namespaces', async () => {
			const found = await gatherPods(at, counted, here);
			return line.servedCluster(to) === undefined ? found : { ...found, proxies: undefined };
		}),
		lookFor(at, `get secrets in namespace ${namespace}`, () => gatherAuthority(at, lines, to, now)),
		listIn(kinds.ResourceQuota),
		listIn(kinds.LimitRange),
		lookFor(at, 'list webhook configurations, namespaces and endpointslices', async () =>
			gatherWebhooks(at, to, await objects, line.injection(to)?.namespaces, options.namespaces),
		),
	]);
	const clusters = clustersOf(to, status, proxiesIn);
	return { definitions: seen, ...ofUsers, nodes, pods, authority, quotas, limitRanges, webhooks, clusters };
}

/** Proxies that were injected by the present version. Those that don't say whom they ask count: better too many than none. */
function countedOf(lines: Lines, { from, to }: Hop): CountedMesh {
	const { namespace } = to;
	const images = from.mesh === undefined ? [] : lines.of(from.mesh).injectedImages(from.mesh);
	return { namespace, version: from.version, pilot: from.version, images, isAlone: true };
}

/** Istio's definitions, without their schemas. */
async function gatherDefinitions({ api, signal }: LookingAt): Promise<readonly KubeObject[]> {
	const found: KubeObject[] = [];
	const read = (crd: KubeObject): undefined => {
		const { apiVersion, kind, metadata, spec, status } = crd as KubeObject & {
			readonly spec?: Fields;
			readonly status?: Fields;
		};
		const isIstios = groupOf(`${String(spec?.group)}/`).endsWith('istio.io');
		if (!isIstios) return;
		const { name, labels = {}, annotations = {} } = metadata;
		const versions = recordsIn(spec?.versions).map(({ name: version, served }) => ({ name: version, served }));
		found.push({
			apiVersion,
			kind,
			metadata: { name, labels, annotations },
			spec: { scope: spec?.scope, versions },
			status: { storedVersions: status?.storedVersions },
		});
	};
	for await (const _ of api.pages<undefined>(kinds.CustomResourceDefinition, { limit: 20, read, signal }));
	return found;
}

type Fields = Readonly<Record<string, unknown>>;

async function gatherAuthority(
	{ api, signal }: LookingAt,
	lines: Lines,
	mesh: ResolvedMesh,
	now: Date,
): Promise<CertificateAuthorityObservation | 'none'> {
	const line = lines.of(mesh);
	const secrets = new Map<string, SecretFacts>();
	const { apiVersion, kind } = kinds.Secret;
	for (const name of line.sees(mesh).secrets) {
		const secret = await orAbsent(api.get({ apiVersion, kind, namespace: mesh.namespace, name }, { signal }));
		if (secret !== undefined) secrets.set(name, toSecretFacts(secret));
	}
	return line.authority(mesh, (name) => secrets.get(name), now);
}

/** What the status of the MeshInstallation says of the clusters that the new version is to serve. */
function clustersOf(
	{ multiCluster, release }: ResolvedMesh,
	status: ParsedStatus | undefined,
	proxiesIn: (cluster: string) => readonly SeenProxies[] | undefined,
): Looked<readonly SeenCluster[]> {
	const { clusters } = multiCluster;
	return known(
		clusters.map(({ name, role }): SeenCluster => {
			const seen = status?.clusters?.find((one) => one.name === name);
			const reachable = seen?.conditions?.find(({ type }) => type === 'Reachable');
			const trouble =
				reachable?.status === 'False'
					? reachable.message
					: reachable?.status === 'True'
						? undefined
						: 'the operator has not heard of it yet';
			const refusal = seen?.serverVersion === undefined ? undefined : kubernetesTooOld(release, seen.serverVersion);
			return { name, role, trouble, refusal, proxies: proxiesIn(name) };
		}),
	);
}
