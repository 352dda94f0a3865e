import test from 'ava';
import { status } from '../../../api/v1/schema/status.ts';
import { probe } from '../keep/probe.ts';
import { type Script, startScript } from '../testing.ts';
import { isAddress, isUid, versionText } from './foreign.ts';
import { clusterId, gatherFacts } from './gather.ts';
import { valueIfKnown } from './known.ts';

const { signal } = new AbortController();
const context = { host: 'a.example', secrets: [] };
const long = 'x'.repeat(100_000);

/** An API server that lies, in the right places. */
const liar =
	(uid: unknown): Script =>
	({ path }) => {
		if (path.endsWith('/namespaces/kube-system')) return { body: { metadata: { name: 'kube-system', uid } } };
		if (path === '/version') return { body: { gitVersion: `v1.36.0\u001b[2J${long}` } };
		if (path.startsWith('/apis/networking.k8s.io/v1/servicecidrs')) {
			const items = Array.from({ length: 1_000 }, (_, index) => ({
				metadata: { name: `c${index}` },
				spec: { cidrs: [`10.${index >> 7}.${(index & 127) * 2}.1/32`] },
			}));
			return { body: { metadata: { resourceVersion: '1' }, items } };
		}
		if (path.startsWith('/api/v1/services?')) return { body: { metadata: { remainingItemCount: 1e300 }, items: [] } };
		if (path.startsWith('/api/v1/endpoints?')) return { body: { metadata: { remainingItemCount: -7.5 }, items: [] } };
		return { body: { metadata: { resourceVersion: '1' }, items: [] } };
	};

test('whatever another API server says of itself has room in the status', async (t) => {
	await using server = await startScript(liar('uid-a'));
	const facts = await gatherFacts(server.api, { namespace: 'istio-system' }, signal);
	const told = {
		name: 'a',
		id: facts.id,
		serverVersion: facts.serverVersion,
		serviceCIDRs: valueIfKnown(facts.serviceCIDRs),
		services: valueIfKnown(facts.services),
		endpoints: valueIfKnown(facts.endpoints),
	};
	t.true((told.serviceCIDRs?.length ?? 0) <= 32);
	t.is(told.services, 2_100_000_000);
	t.is(told.endpoints, 0);
	t.is(told.serverVersion, '');
	t.true(status.safeParse({ clusters: [told] }).success);
});

test('lists without an end are read no further than any is long', async (t) => {
	const clusters = Array.from({ length: 40_000 }, (_, index) => ({ name: `c${index}`, id: `i${index}` }));
	const podCIDRs = Array.from({ length: 200_000 }, (_, index) => `10.${(index >> 8) & 255}.${index & 255}.0/32`);
	const asked = liar('uid-a');
	let pages = 0;
	await using server = await startScript((request) => {
		if (request.path.startsWith('/apis/meshwright.io/v1/meshinstallations')) {
			const mesh = { metadata: { name: 'x' }, spec: { multiCluster: { clusters } }, status: { clusters } };
			return { body: { metadata: {}, items: [mesh] } };
		}
		if (!request.path.startsWith('/api/v1/nodes')) return asked(request);
		const nodes = pages++ === 0 ? 1 : 20_000;
		const items = Array.from({ length: nodes }, () => ({
			metadata: { name: 'n' },
			spec: nodes === 1 ? { podCIDRs } : {},
		}));
		return { body: { metadata: { continue: 'more' }, items } };
	});
	const facts = await gatherFacts(server.api, { namespace: 'istio-system' }, signal);
	const [mesh] = valueIfKnown(facts.mesh.installations) ?? [];
	t.is(mesh?.lists.length, 1_000);
	t.deepEqual(mesh?.lists[999], { name: 'c999', id: 'i999' });
	t.like(facts.podCIDRs, { known: false, why: 'it has more than 50000 Nodes' });
	t.is(pages, 4);
});

test('a mesh configuration that would keep a parser busy for minutes is read no further than any is long', async (t) => {
	const keys = Array.from({ length: 100_000 }, (_, index) => `a${index}: 1`).join('\n');
	for (const [mesh, domain] of [
		[`${keys}\ntrustDomain: td`, undefined],
		['a: &a [1]\nb: *a\ntrustDomain: td', undefined],
		['# by hand\ntrustDomain: td\ndefaultConfig:\n  proxyAdminPort: 15000\n', 'td'],
		['[1]', 'cluster.local'],
	] as const) {
		const asked = liar('uid-a');
		await using server = await startScript((request) =>
			request.path.endsWith('/configmaps/istio') ? { body: { data: { mesh } } } : asked(request),
		);
		const { trustDomain } = (await gatherFacts(server.api, { namespace: 'istio-system' }, signal)).mesh;
		t.is(valueIfKnown(trustDomain), domain);
		if (!trustDomain.known) t.regex(trustDomain.why, /could not be read as YAML/);
	}
});

for (const [what, uid] of [
	['endless', long],
	['with a line break', 'a\nb'],
	['no text', { a: 1 }],
	['missing', undefined],
] as const) {
	test(`a UID that is ${what} is no API server's`, async (t) => {
		await using server = await startScript(liar(uid));
		await t.throwsAsync(clusterId(server.api, signal), { message: /not as a Kubernetes API server does/ });
		t.like(await probe(server.api, context, signal), { ok: false, problem: { reason: 'Unreachable' } });
	});
}

test('what is real is taken as it is', (t) => {
	for (const version of ['v1.36.0', 'v1.29.3-eks-a18cd3a', 'v1.27.3-gke.100', 'v1.30.1+k3s1', 'v1.31.0-alpha.1.10+f0'])
		t.is(versionText(version), version);
	t.true(isUid('3f2504e0-4f89-11d3-9a0c-0305e82c3301'));
	for (const address of ['192.0.2.1', '2001:db8::1', 'a1b2-3.eu-west-1.elb.amazonaws.com', 'LB.example', '_x.example'])
		t.true(isAddress(address), address);
	for (const text of ['', 'a b', 'a\nb', 'fe80::1%eth0', '[::1]', 'a:80', `${long}`, '-a.example', 7, null])
		t.false(isAddress(text), String(text).slice(0, 20));
});
