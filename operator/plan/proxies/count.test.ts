import test from 'ava';
import {
	type CountedMesh,
	countProxies,
	farOf,
	type ProxyCounts,
	type ProxyFacts,
	proxiesStatus,
	proxiesThereStatus,
	proxySeries,
	skewOf,
	totalOf,
	useOf,
	versionOf,
} from './count.ts';

const mesh: CountedMesh = {
	namespace: 'istio-system',
	version: '1.4.10',
	pilot: '1.4.10',
	images: ['registry.local/proxyv2:mine', 'registry.local/proxyv2@sha256:0123'],
	isAlone: true,
};

function proxy(namespace: string, image: string, controlPlane: string | undefined = 'istio-system'): ProxyFacts {
	return {
		namespace,
		image: image.includes('/') ? image : `docker.io/istio/proxyv2:${image}`,
		controlPlane,
		owner: undefined,
	};
}

function times(count: number, one: ProxyFacts): readonly ProxyFacts[] {
	return Array.from({ length: count }, () => one);
}

for (const [image, version] of [
	['docker.io/istio/proxyv2:1.3.8', '1.3.8'],
	['localhost:5000/istio/proxyv2:1.3.8-distroless', '1.3.8'],
	['docker.io/istio/proxyv2:1.3.8@sha256:4567', '1.3.8'],
	['registry.local/proxyv2:mine', '1.4.10'],
	['registry.local/proxyv2@sha256:0123', '1.4.10'],
	['registry.local/proxyv2@sha256:4567', 'unknown'],
	['registry.local:1.2.3/proxyv2', 'unknown'],
	['docker.io/istio/proxyv2:1.3.8x', 'unknown'],
	['docker.io/istio/proxyv2', 'unknown'],
	['', 'unknown'],
] as const) {
	test(`the proxy of image ${image} is of version ${version}`, (t) => t.is(versionOf({ image }, mesh), version));
}

test('a mesh counts the proxies that ask it, and those that do not say whom while it is alone', (t) => {
	const all = [
		proxy('shop', '1.4.10'),
		proxy('shop', '1.3.8', 'other'),
		{ ...proxy('shop', '1.3.8'), controlPlane: undefined },
	];
	t.deepEqual(
		countProxies(all, mesh),
		new Map([
			[
				'shop',
				new Map([
					['1.4.10', 1],
					['1.3.8', 1],
				]),
			],
		]),
	);
	t.is(totalOf(countProxies(all, { ...mesh, isAlone: false })), 1);
});

test('without proxies nothing is told', (t) => {
	t.is(proxiesStatus(countProxies([], mesh)), undefined);
	t.deepEqual(proxySeries(countProxies([], mesh)), []);
	t.is(farOf(new Map(), '1.4.10'), undefined);
	t.is(skewOf([]), undefined);
	t.is(useOf(new Map()), undefined);
	t.deepEqual(proxiesThereStatus(new Map()), { total: 0 });
});

test('the status names the twenty namespaces with the most proxies, and sums up the others', (t) => {
	const names = Array.from({ length: 23 }, (_, index) => `n${String(index).padStart(2, '0')}`);
	const all = names.flatMap((name, index) => times(index + 1, proxy(name, index % 2 === 0 ? '1.4.10' : '1.3.8')));
	const status = proxiesStatus(countProxies(all, mesh));
	t.deepEqual(
		status?.namespaces.map(({ name }) => name),
		names.slice(3),
	);
	t.deepEqual(status?.otherNamespaces, {
		count: 3,
		versions: [
			{ version: '1.3.8', count: 2 },
			{ version: '1.4.10', count: 4 },
		],
	});
	t.is(status?.total, 280, 'rounded: 276');
	const series = proxySeries(countProxies(all, mesh));
	t.is(
		series.reduce((sum, { count }) => sum + count, 0),
		276,
	);
	t.deepEqual(
		series.filter(({ namespace }) => namespace === ''),
		[
			{ namespace: '', version: '1.3.8', count: 2 },
			{ namespace: '', version: '1.4.10', count: 4 },
		],
	);
});

test('a few pods more or less of many change no status', (t) => {
	const status = (count: number) => proxiesStatus(countProxies(times(count, proxy('shop', '1.4.10')), mesh));
	t.deepEqual(status(1_234), status(1_243));
	t.notDeepEqual(status(98), status(99));
});

test('however many versions a tenant invents, few are told', (t) => {
	const all = Array.from({ length: 500 }, (_, index) => proxy('shop', `1.${index}.0`));
	const status = proxiesStatus(countProxies(all, mesh));
	t.is(status?.byVersion.length, 17);
	t.deepEqual(status?.byVersion.at(-1), { version: 'other', count: 480 });
});

test('proxies of the minor of Pilot and of the one before are supported, others are told', (t) => {
	const skew = (pilot: string, ...images: readonly string[]) => {
		const proxies = images.map((image, index) => proxy(`n${index}`, image));
		return skewOf([farOf(countProxies(proxies, mesh), pilot) ?? []].flat());
	};
	t.is(skew('1.4.10', '1.4.2', '1.3.8', 'strange/image'), undefined);
	t.regex(
		skew('1.4.10', '1.4.10', '1.2.10', '1.1.17') ?? '',
		/: 1 of 1\.1\.17 and 1 of 1\.2\.10 in namespaces n1, n2 are more than one minor behind Pilot 1\.4\.10\. Restart/,
	);
	t.regex(skew('1.3.8', '1.4.10') ?? '', /: 1 of 1\.4\.10 in namespace n0 are of a later minor than Pilot 1\.3\.8\./);
	t.regex(skew('1.3.8', '1.1.17', '1.4.10') ?? '', /behind Pilot 1\.3\.8; 1 of 1\.4\.10/);
	const many = Array.from({ length: 8 }, () => '1.0.9');
	t.regex(skew('1.4.10', ...many) ?? '', /8 of 1\.0\.9 in namespaces n0, n1, n2, n3, n4 and 3 more/);
});

test('proxies in joined clusters are told by the cluster', (t) => {
	const there = countProxies([{ ...proxy('', '1.1.17'), count: 120 }, proxy('', '1.4.10')], mesh);
	t.deepEqual(proxiesThereStatus(there), {
		total: 120,
		byVersion: [
			{ version: '1.1.17', count: 120 },
			{ version: '1.4.10', count: 1 },
		],
	});
	t.is(farOf(there, '1.4.10', 'eu'), '120 of 1.1.17 in cluster eu are more than one minor behind Pilot 1.4.10');
	const clauses = Array.from({ length: 7 }, (_, index) => `clause ${index}`);
	t.regex(skewOf(clauses) ?? '', /clause 3; clause 4; and more in 2 other clusters\. Restart/);
	const none: ProxyCounts = new Map();
	t.is(
		useOf(
			countProxies([proxy('shop', '1.4.10')], mesh),
			new Map([
				['eu', there],
				['us', none],
			]),
		),
		'122 proxies still use it, in namespace shop and in cluster eu',
	);
	t.is(
		useOf(
			none,
			new Map([
				['us', there],
				['eu', there],
			]),
		),
		'242 proxies still use it, in clusters eu, us',
	);
	t.is(useOf(none, new Map([['us', none]])), undefined);
});
