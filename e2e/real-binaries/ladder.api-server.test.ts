/**
 * Up the ladder of releases with Istio's own binaries: at each rung Pilot and Mixer start from what is rendered, with what users
 * wrote at the rung before still in place, and what they reject of it is named by the checks beforehand. Runs where
 * `MESHWRIGHT_ISTIO` names a folder, as `real-binaries.api-server.test.ts` says; a rung without binaries is passed over.
 */
import type { ExecutionContext } from 'ava';
import { request } from 'undici';
import { classicLine } from '../../operator/lines/classic.ts';
import type { CountersWord } from '../../operator/plan/upgrade/own-word.ts';
import type { Hop } from '../../operator/plan/upgrade/rules.ts';
import {
	type ClassicRelease,
	classicReleases,
	compareMinor,
	crdsOf,
	type Minor,
	type ResolvedClassicMesh,
} from '../../operator/releases/classic/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { describeObject, groupOf, type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { renderedObjects, resolvedMesh } from '../support/installation.ts';
import { type MeshCluster, person, startMeshCluster } from '../support/mesh-cluster.ts';
import { excerpt, startComponent } from './component-process.ts';
import { heard } from './heard.ts';
import { configFigures, mistakesIn } from './mixer-figures.ts';
import { PlayedProxy } from './played-proxy.ts';
import { applyAll, processes } from './processes.ts';
import { testWithBinaries } from './test-with-binaries.ts';
import { shop, usersObjects } from './users-objects.ts';

const namespace = 'istio-real';
const specOf = ({ version }: ClassicRelease) => ({
	version,
	namespace,
	profile: 'production',
	gateways: { ingress: { enabled: true, service: { type: 'ClusterIP' } } },
});
/** By their id: the routes for which they ask. */
const proxies: Readonly<Record<string, readonly string[]>> = {
	[`sidecar~10.0.0.7~reviews-0.${shop}~${shop}.svc.cluster.local`]: ['80', '9080'],
	[`router~10.0.0.8~istio-ingressgateway-0.${namespace}~${namespace}.svc.cluster.local`]: ['http.80'],
};

const last = classicReleases.at(-1)?.version ?? '';

testWithBinaries(
	last,
	`up to ${last}: each rung's own Pilot and Mixer start with what users wrote at the rung before, and reject only what the checks have named`,
	async (t) => {
		await using mesh = await startMeshCluster({ crd: false });
		await mesh.api.create({ ...kinds.Namespace, metadata: { name: shop } });
		let before: ClassicRelease | undefined;
		let rendered: readonly KubeObject[] = [];
		let written: readonly KubeObject[] = [];
		for (const release of classicReleases) {
			const named = before === undefined ? [] : namedBefore(t, written, before, release);
			const next = renderedObjects('real', specOf(release));
			await applyAll(mesh.api, next);
			// Definitions stay, and with them what users wrote.
			const gone = missingIn(next, rendered).filter(({ kind }) => kind !== kinds.CustomResourceDefinition.kind);
			for (const object of gone) await mesh.api.delete({ ...object, ...object.metadata });
			const now = usersObjectsAt(release);
			if (before === undefined) {
				await playWorkloads(mesh.api);
				for (const object of now) await usersRequest(mesh, 'PATCH', object);
				written = now;
			}
			await pilotTakes(t, mesh, release, next, named);
			await mixerTakes(t, mesh, release, next, named, async () => {
				for (const object of missingIn(now, written)) await usersRequest(mesh, 'DELETE', object);
				for (const object of now) if (!written.includes(object)) await usersRequest(mesh, 'PATCH', object);
			});
			[before, rendered, written] = [release, next, now];
		}
	},
);

/** What users have while a release runs, as its checks have asked for it. */
function usersObjectsAt({ minor }: ClassicRelease): readonly KubeObject[] {
	const known = usersObjects.filter(
		({ since, blockers = {} }) =>
			compareMinor(since, minor) <= 0 && !Object.keys(blockers).some((at) => compareMinor(at as Minor, minor) <= 0),
	);
	return [...new Map(known.map(({ object }) => [objectKey(object), object])).values()];
}

function missingIn(there: readonly KubeObject[], objects: readonly KubeObject[]): readonly KubeObject[] {
	const keys = new Set(there.map(objectKey));
	return objects.filter((object) => !keys.has(objectKey(object)));
}

/** What users do with an object of Istio's, whose kinds the operator's own client does not know. */
async function usersRequest({ cluster }: MeshCluster, method: 'DELETE' | 'PATCH', object: KubeObject): Promise<void> {
	const { namespace, name } = object.metadata;
	const group = groupOf(object.apiVersion);
	const crd = classicReleases.flatMap(crdsOf).find((one) => one.group === group && one.kind === object.kind);
	const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
	const path = `/apis/${object.apiVersion}${place}/${crd?.plural}/${name}`;
	if (method === 'DELETE') return void (await cluster.request({ method, path }));
	const query = `fieldManager=${person}&force=true`;
	const contentType = 'application/apply-patch+yaml';
	await eventually(`${path} is written`, () =>
		cluster.request({ method, path: `${path}?${query}`, body: object, contentType }),
	);
}

/** Names of the objects that the checks before this change have blockers for: just those that are expected. */
function namedBefore(
	t: ExecutionContext,
	objects: readonly KubeObject[],
	before: ClassicRelease,
	release: ClassicRelease,
): readonly string[] {
	const hop: Hop<ResolvedClassicMesh> = {
		from: { version: before.version, release: before, mesh: resolvedMesh('real', specOf(before)) },
		to: resolvedMesh('real', specOf(release)),
	};
	const found = objects.flatMap((object) =>
		classicLine.upgradeRules
			.object(hop, object)
			.filter(({ severity }) => severity === 'blocker')
			.map(({ name }) => [describeObject(object), name] as const),
	);
	const expected = usersObjects.flatMap(({ object, blockers = {} }) => {
		const name = blockers[release.minor];
		return name === undefined ? [] : [[describeObject(object), name] as const];
	});
	t.deepEqual(Object.fromEntries(found), Object.fromEntries(expected), `${before.version} to ${release.version}`);
	return found.map(([object]) => object.replace(/^.*[ /]/, ''));
}

/** What Pilot says of an object that it does not take. */
const rejection = /error translating object|failed to (convert|add crd|update crd|validate)|generated invalid|panic/i;

function assertRejections(t: ExecutionContext, lines: readonly string[], named: readonly string[], what: string): void {
	const others = lines.filter((line) => rejection.test(line) && !named.some((name) => line.includes(name)));
	t.deepEqual(others, [], what);
}

async function pilotTakes(
	t: ExecutionContext,
	mesh: MeshCluster,
	release: ClassicRelease,
	objects: readonly KubeObject[],
	named: readonly string[],
): Promise<void> {
	const pilot = processes(objects, release).find(({ name }) => name === 'discovery');
	if (pilot === undefined) return t.log(`there is no pilot-discovery of ${release.version}`);
	await using component = await startComponent(pilot.binary, pilot.flags, mesh, pilot.deployment);
	try {
		for (const [id, routes] of Object.entries(proxies)) {
			// Pilot does not push when it gets to know a pod after its endpoint: a proxy that comes anew has all.
			await eventually(`${id} has its configuration`, () => isServed(id, routes));
		}
		const word = classicLine.ownWords(resolvedMesh('real', specOf(release)))[0] as CountersWord;
		t.deepEqual(await heard(word), { kind: 'fine' }, release.version);
		const { body } = await request(`http://127.0.0.1:${word.port}/metrics`);
		const unread = (await body.text()).split('\n').filter((line) => /^pilot_k8s_object_errors\{.* [1-9]/.test(line));
		t.deepEqual(
			unread.filter((line) => !named.some((name) => line.includes(name))),
			[],
			release.version,
		);
		assertRejections(t, component.lines, named, release.version);
		t.false(component.hasExited());
	} catch (cause) {
		throw new Error(`${release.version}: ${excerpt(component.lines)}`, { cause });
	}
}

async function isServed(id: string, routes: readonly string[]): Promise<boolean> {
	await using proxy = new PlayedProxy(15010, { id });
	proxy.ask('clusters');
	proxy.ask('listeners');
	proxy.ask('routes', routes);
	await eventually('three answers', () => proxy.got.size === 3);
	return [...proxy.got.values()].every((number) => number > 0);
}

/** @param mend does what the remedies of the checks say; then Mixer must find no mistake any more */
async function mixerTakes(
	t: ExecutionContext,
	mesh: MeshCluster,
	release: ClassicRelease,
	objects: readonly KubeObject[],
	named: readonly string[],
	mend: () => Promise<void>,
): Promise<void> {
	const telemetry = processes(objects, release).find(
		({ deployment: { metadata } }) => metadata.name === 'istio-telemetry',
	);
	if (telemetry === undefined) {
		t.log(`there is no mixs of ${release.version}`);
		return mend();
	}
	const { port } = telemetry.deployment.spec.template.spec.containers[0].readinessProbe.httpGet;
	await using component = await startComponent(telemetry.binary, telemetry.flags, mesh, telemetry.deployment);
	// Kinds are listed one after the other: what refers to something that comes later is a mistake until then.
	const isFaultless = async () => {
		const figures = await configFigures(port);
		return figures.get('rules') !== undefined && mistakesIn(figures).length === 0;
	};
	if (named.length === 0) await eventually('Mixer takes all that is there', isFaultless);
	await mend();
	await eventually('Mixer finds no mistake', isFaultless).catch((cause: unknown) => {
		throw new Error(`${release.version}: ${excerpt(component.lines)}`, { cause });
	});
	t.false(component.hasExited());
}

/** Pods and endpoints of what the proxies stand for. Nobody runs them. */
async function playWorkloads(api: ApiServer): Promise<void> {
	for (const name of ['reviews', 'ratings']) {
		const ports = [{ name: 'http', port: 9080 }];
		await api.create({ ...kinds.Service, metadata: { namespace: shop, name }, spec: { ports } } as KubeObject);
	}
	await play(api, { namespace: shop, name: 'reviews' }, '10.0.0.7', { app: 'reviews', version: 'v1' }, [9080]);
	const labels = { app: 'istio-ingressgateway', istio: 'ingressgateway' };
	await play(api, { namespace, name: 'istio-ingressgateway' }, '10.0.0.8', labels, [80, 443]);
}

async function play(
	api: ApiServer,
	service: { readonly namespace: string; readonly name: string },
	ip: string,
	labels: Readonly<Record<string, string>>,
	ports: readonly number[],
): Promise<void> {
	const pod = { ...kinds.Pod, namespace: service.namespace, name: `${service.name}-0` };
	const containers = [{ name: 'app', image: 'example.com/app:1' }];
	const { apiVersion, kind } = kinds.ServiceAccount;
	const account = { namespace: service.namespace, name: 'default' };
	await api.apply({ apiVersion, kind, metadata: account }, { fieldManager: person });
	await api.create({
		...kinds.Pod,
		metadata: { namespace: pod.namespace, name: pod.name, labels },
		spec: { containers },
	} as KubeObject);
	const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'True' }] };
	await api.patch(pod, { status }, { type: 'merge', subresource: 'status' });
	const targetRef = { kind: 'Pod', namespace: pod.namespace, name: pod.name };
	const named = ports.map((port) => ({ name: { 80: 'http2', 443: 'https' }[port] ?? 'http', port }));
	const subsets = [{ addresses: [{ ip, targetRef }], ports: named }];
	await api.create({ ...kinds.Endpoints, metadata: service, subsets } as KubeObject);
}
