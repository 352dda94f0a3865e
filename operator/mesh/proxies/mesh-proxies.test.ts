import test from 'ava';
import { lines } from '../../lines/index.ts';
import type { ProxyFacts } from '../../plan/proxies/count.ts';
import { installation, resolved } from '../../render/testing.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError } from '../../runtime/errors.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { ReflectorSource } from '../../runtime/watch/reflector-source.ts';
import { proxiesVerdict } from '../../status/proxies.ts';
import type { StoredInstallation } from '../installation.ts';
import { MeshProxies, type MeshProxiesOptions } from './mesh-proxies.ts';
import type { SeenThere } from './pods-there.ts';

const { signal } = new AbortController();
const whole = installation({ version: '1.4.10' }) as StoredInstallation;
const object = { ...whole, status: { version: '1.4.10' } } as StoredInstallation;
const mesh = resolved(whole);
/** The timers of an index keep no process alive. */
const alive = setInterval(() => {}, 1_000);
test.after.always(() => clearInterval(alive));

function seen(...versions: readonly string[]): SeenThere {
	const proxies = versions.map((version): ProxyFacts => {
		const image = `docker.io/istio/proxyv2:${version}`;
		return { namespace: '', image, controlPlane: mesh.namespace, owner: undefined, count: 1 };
	});
	return { proxies, endedAtMs: 1 };
}

const refused: SeenThere = { proxies: undefined, isRefused: true, trouble: 'the user may not' };

interface Clusters {
	readonly seen: Readonly<Record<string, SeenThere | undefined>>;
	readonly doubts?: Readonly<Record<string, string>>;
}

/** Proxies of a mesh with these clusters, and without pods in this one. */
function proxiesOf(
	{ seen: there, doubts = {} }: Clusters,
	more: Partial<MeshProxiesOptions> = {},
	pods: readonly KubeObject[] | Error = [],
): MeshProxies {
	const source: ReflectorSource = {
		async list({ read }) {
			if (pods instanceof Error) throw pods;
			return { items: pods.map(read), resourceVersion: '1', continue: undefined };
		},
		watch(_position, _timeoutSeconds, { opened }) {
			opened();
			return { close: () => {} };
		},
	};
	return new MeshProxies({
		api: {} as ApiServer,
		source,
		lines,
		installations: { all: () => [object].values() },
		joined: {
			of: (_, clusters) => new Map(clusters.map((name) => [name, there[name]])),
			doubtOf: (_, cluster) => doubts[cluster],
			lookAgain: () => undefined,
			forget: () => undefined,
		},
		remotesOf: () => Object.keys(there),
		onChange: () => undefined,
		onError: () => undefined,
		wallClock: Date.now,
		...more,
	});
}

async function inUse(clusters: Clusters, pods: readonly KubeObject[] | Error = []) {
	const proxies = proxiesOf(clusters, {}, pods);
	try {
		return await proxies.inUse(object, signal);
	} finally {
		proxies.stop();
	}
}

async function told(clusters: Clusters, more: Partial<MeshProxiesOptions> = {}) {
	const { promise, resolve } = Promise.withResolvers<void>();
	const proxies = proxiesOf(clusters, { onCounts: () => resolve(), ...more });
	try {
		proxies.of(object, mesh);
		await promise;
		return proxies.of(object, mesh);
	} finally {
		proxies.stop();
	}
}

test('proxies of joined clusters are told by the cluster; what nobody knows is not told as none', async (t) => {
	const counts: unknown[] = [];
	const beyond: SeenThere = { proxies: undefined, endedAtMs: 1, trouble: 'it has more than 50000 pods' };
	const observation = await told(
		{ seen: { eu: seen('1.4.10', '1.4.10', '1.1.17'), us: seen(), old: refused, big: beyond, new: undefined } },
		{ onCountsThere: (_, there) => void counts.push(there?.get('eu')) },
	);
	t.deepEqual([...(observation?.clusters ?? [])].slice(0, 2), [
		[
			'eu',
			{
				total: 3,
				byVersion: [
					{ version: '1.1.17', count: 1 },
					{ version: '1.4.10', count: 2 },
				],
			},
		],
		['us', { total: 0 }],
	]);
	t.regex(observation?.clusters?.get('old')?.message ?? '', /^not known: .* may not list pods .* clusters join/);
	t.regex(observation?.clusters?.get('big')?.message ?? '', /^not known: it has more than 50000 pods/);
	t.false(observation?.clusters?.has('new'), 'what was said before stays');
	t.like(proxiesVerdict(observation, undefined), { status: 'False', reason: 'ProxiesSkewed' });
	t.regex(observation?.skew ?? '', /: 1 of 1\.1\.17 in cluster eu are more than one minor behind Pilot 1\.4\.10\. /);
	t.deepEqual(
		counts.at(-1),
		new Map([
			[
				'',
				new Map([
					['1.4.10', 2],
					['1.1.17', 1],
				]),
			],
		]),
	);
});

test('a cluster whose pods may not be seen makes it unknown whether proxies are supported', async (t) => {
	const verdict = proxiesVerdict(await told({ seen: { eu: refused, us: seen('1.4.10') } }), undefined);
	t.like(verdict, { status: 'Unknown', reason: 'ProxiesUnseen' });
	t.regex(verdict?.message ?? '', /of cluster eu, .* not known; meshwright clusters join/);
	t.is(proxiesVerdict(await told({ seen: { us: seen('1.4.10') } }), undefined), undefined);
});

test('a deletion learns of proxies in joined clusters, and of those of which nobody knows', async (t) => {
	t.deepEqual(await inUse({ seen: {} }), { used: undefined, unknown: undefined });
	t.deepEqual(await inUse({ seen: { eu: seen() } }), { used: undefined, unknown: undefined });
	t.deepEqual(await inUse({ seen: { eu: seen('1.4.10', '1.3.8'), us: seen('1.4.10') }, doubts: { eu: 'again' } }), {
		used: '3 proxies still use it, in clusters eu, us',
		unknown: undefined,
	});
	const { used, unknown } = await inUse({
		seen: { eu: seen(), gone: { ...seen('1.4.10'), trouble: 'its pods could not be listed' }, new: undefined },
		doubts: { eu: 'its pods are being listed again', gone: 'its pods could not be listed', new: 'not yet' },
	});
	t.is(used, '1 proxy still uses it, in cluster gone', 'as it was seen last');
	t.regex(
		unknown ?? '',
		/in cluster eu \(.* again\), in cluster gone \(.* listed\), in cluster new \(not yet\): .*force/,
	);
});

test('without the right to see pods here a deletion says so', async (t) => {
	const forbidden = new RequestError('no', { status: 403, reason: 'Forbidden' });
	const { used, unknown } = await inUse({ seen: {} }, forbidden);
	t.is(used, undefined);
	t.regex(unknown ?? '', /^whether proxies still use it is not known: .*--rights-only/);
});

test('no workload of a joined cluster is restarted, and that is told', async (t) => {
	const proxies = proxiesOf({ seen: { eu: seen('1.3.8', '1.4.10', 'strange'), us: seen('1.4.10'), new: undefined } });
	t.teardown(() => proxies.stop());
	const { status, isOver } = await proxies.restart(object, mesh, { restartWorkloads: { enabled: true } }, signal);
	t.true(isOver, 'a change of version does not wait for them');
	t.deepEqual([status?.waiting, status?.current], [0, []]);
	t.regex(
		status?.message ?? '',
		/another version run in joined clusters \(1 in cluster eu\), where the operator restarts no/,
	);
	const none = proxiesOf({ seen: { us: seen('1.4.10') } });
	t.teardown(() => none.stop());
	t.is((await none.restart(object, mesh, {}, signal)).status, undefined);
});

test('proxies of a version that ask a mesh, here and in joined clusters, and what nobody knows of them', async (t) => {
	const pod = (name: string, image: string): KubeObject => ({
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'shop' },
		spec: { containers: [{ name: 'istio-proxy', image }] },
	});
	const of = async (clusters: Clusters, pods: readonly KubeObject[] | Error, isNow?: boolean) => {
		const proxies = proxiesOf(clusters, {}, pods);
		try {
			const before = proxies.ofVersion(object, mesh, '1.4.10');
			await proxies.inUse(object, signal);
			return { before, now: proxies.ofVersion(object, mesh, '1.4.10', isNow) };
		} finally {
			proxies.stop();
		}
	};
	const none = await of({ seen: { us: seen('1.3.8') } }, [pod('old', 'istio/proxyv2:1.3.8')]);
	t.regex(none.before.unknown ?? '', /not listed yet/);
	t.deepEqual(none.now, { running: undefined, unknown: undefined });
	const some = await of({ seen: { us: seen('1.4.10'), eu: refused } }, [pod('new', 'istio/proxyv2:1.4.10')]);
	t.is(some.now.running, '2 pods have proxies of 1.4.10, of them 1 in cluster us');
	t.is(some.now.unknown, 'in cluster eu the user may not');
	const strange = await of({ seen: {} }, [pod('odd', 'example.com/proxy@sha256:1')]);
	t.is(strange.now.unknown, 'the image of 1 proxy tells no version');
	const old: Clusters = { seen: { us: seen('1.3.8') }, doubts: { us: 'its pods are being listed again' } };
	t.is((await of(old, [])).now.unknown, undefined, 'the last look is enough');
	t.is((await of(old, [], true)).now.unknown, 'in cluster us its pods are being listed again');
	const forbidden = new RequestError('no', { status: 403, reason: 'Forbidden' });
	t.regex((await of({ seen: {} }, forbidden)).now.unknown ?? '', /may not list and watch pods .*--rights-only/);
});

test('of a Pilot that serves another cluster nobody sees the proxies: that is told, and counts as unknown', (t) => {
	const spec = { version: '1.4.10', profile: 'minimal', pilot: { kubeconfigSecret: { name: 'served' } } };
	const served = resolved(installation(spec));
	const proxies = proxiesOf({ seen: {} });
	t.teardown(() => proxies.stop());
	const known = proxies.ofVersion(object, served, '1.4.10');
	t.like(known, { running: undefined, isElsewhere: true });
	t.regex(known.unknown ?? '', /Pilot serves another cluster \(spec\.pilot\.kubeconfigSecret\)/);
	const verdict = proxiesVerdict(proxies.of(object, served), undefined);
	t.like(verdict, { status: 'Unknown', reason: 'ProxiesUnseen' });
	t.regex(verdict?.message ?? '', /serves another cluster .* not known/);
});
