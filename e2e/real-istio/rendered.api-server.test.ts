/**
 * A real istiod of each line runs from what is rendered here: under the rendered rights, with the rendered templates, behind
 * the rendered webhooks. What it puts into pods is held against what it puts in by upstream's own templates.
 */
import type { ExecutionContext } from 'ava';
import { askWebhook } from '../../operator/cli/inject/webhook.ts';
import { gatewayClassKind, gatewayKind, summarizeGateways } from '../../operator/mesh/gateway-api.ts';
import { gatewayArgs } from '../../operator/render/istiod/templates/gateway.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject, ObjectReference } from '../../operator/runtime/object.ts';
import { upstream } from '../charts/istiod/renderings.ts';
import { eventually } from '../support/eventually.ts';
import { installGatewayApi, madeForGateways, makeGateways } from './gateway-api.ts';
import { podsToInject } from './pods-to-inject.ts';
import { meshNamespace, renderedFor, startRendered } from './rendered-mesh.ts';
import { testWithIstio } from './test-with-istio.ts';

testWithIstio('istiod runs from what is rendered: rights, templates, webhooks', async (t, real) => {
	const spec = {
		gateways: { ingress: { enabled: true } },
		// Only then istiod makes waypoints.
		pilot: { env: [{ name: 'PILOT_ENABLE_AMBIENT', value: 'true' }] },
	};
	await using mesh = await startRendered(real, spec);
	const { api, apply, istiod } = mesh;
	const noRoute = {
		apiVersion: 'networking.istio.io/v1',
		kind: 'VirtualService',
		metadata: { name: 'none', namespace: 'shop' },
		spec: { hosts: ['shop'], http: [{ match: [{ uri: { regex: '(' } }], route: [{ destination: { host: 'shop' } }] }] },
	};
	const path = '/apis/networking.istio.io/v1/namespaces/shop/virtualservices';
	await t.throwsAsync(api.request({ method: 'POST', path, query: { dryRun: 'All' }, body: noRoute }), {
		message: /denied the request/,
	});

	await installGatewayApi(apply, api);
	await makeGateways(api);
	const made = await eventually('istiod makes what the Gateways need', () => madeBy(api));
	// What the status of a mesh tells of them. No load balancer gives an address here.
	const summary = await eventually('istiod has spoken of each', async () => {
		const { items: classes } = await api.list<KubeObject>(gatewayClassKind);
		const { items: gateways } = await api.list<KubeObject>(gatewayKind);
		const found = summarizeGateways(classes, gateways);
		return found.accepted === found.classes && found.troubles.some((one) => one.includes('(AddressNotAssigned)'))
			? found
			: undefined;
	});
	t.like(summary, { gateways: 2 });
	t.true(summary.classes >= 2);
	const cases = [...podsToInject, gatewayAmong(renderedFor(real, spec))];
	const ours = await injectAll(api, cases);
	await compareByHand(t, api, cases, ours);
	const charts = await upstream(real, {
		components: { ingressGateways: [{ name: 'istio-ingressgateway', enabled: false }] },
	});
	const theirs = charts.find(
		({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'istio-sidecar-injector',
	);
	if (theirs === undefined) return t.fail('upstream renders no templates');
	await apply(theirs);
	const before = JSON.stringify(ours);
	const others = await eventually('istiod follows upstream’s templates', async () => {
		const now = await injectAll(api, cases);
		return JSON.stringify(now) === before ? undefined : now;
	});
	compare(t, cases, ours, others);
	// Where nothing differs, istiod has nothing to write by upstream's templates.
	const theirsMade = await eventually('istiod makes the same by upstream’s templates', async () => {
		const now = await madeBy(api);
		const text = JSON.stringify(now);
		return text.includes('go-proxy-envoy') && !text.includes('--proxyLogLevel=') ? now : undefined;
	});
	t.deepEqual(comparable(made), comparable(theirsMade));
	t.true(JSON.stringify(made).includes('"waypoint"'));
	t.like(ours[renderedGateway], {
		spec: {
			containers: [{ args: gatewayArgs, securityContext: { readOnlyRootFilesystem: true } }],
			securityContext: { sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '0' }], runAsUser: 1337 },
		},
	});
	t.deepEqual(
		istiod.lines.filter((line) => /forbidden|unknown flag/i.test(line)),
		[],
	);
});

/** What of the objects that istiod makes for Gateways is decided by the templates. */
async function madeBy(api: ApiServer): Promise<unknown> {
	const of = (kind: ObjectReference) => api.get(kind) as Promise<KubeObject & { readonly spec?: object }>;
	const all = await Promise.all(
		madeForGateways.flatMap((name) =>
			[kinds.ServiceAccount, kinds.Deployment, kinds.Service].map(async (kind) => {
				const { metadata, spec = {} } = await of({ ...kind, namespace: 'shop', name });
				const { 'deployment.kubernetes.io/revision': _, ...annotations } = metadata.annotations ?? {};
				const { clusterIP: __, clusterIPs: ___, ports, ...rest } = spec as Readonly<Record<string, unknown>>;
				return [kind.kind, name, metadata.labels, annotations, canonical(rest), withoutNodePorts(ports)];
			}),
		),
	);
	return all;
}

/** The cluster chooses them. */
function withoutNodePorts(ports: unknown): unknown {
	return Array.isArray(ports) ? ports.map(({ nodePort: _, ...port }) => port) : ports;
}

/** A flag and its value are one argument here, and two by upstream's templates, whose waypoints have two volumes that nothing mounts. */
function comparable(value: unknown): unknown {
	return JSON.parse(
		JSON.stringify(value, (key, entry) => {
			if (!Array.isArray(entry)) return entry;
			const rest = entry.filter((one) => !/^go-proxy-/.test(String(one?.name)));
			return key === 'args' ? rest.join(' ').replaceAll(/(--\w+)[ =]/g, '$1 ') : rest;
		}),
	);
}

const renderedGateway = 'the rendered gateway';

/** The pod that Kubernetes makes of the rendered ingress gateway. */
function gatewayAmong(objects: readonly KubeObject[]): (typeof podsToInject)[number] {
	const { metadata, spec } = objects.find(
		({ kind, metadata: { name } }) => kind === kinds.Deployment.kind && name === 'istio-ingressgateway',
	) as KubeObject & { readonly spec: { readonly template: Pod } };
	const { template } = spec;
	return {
		title: renderedGateway,
		pod: {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { ...template.metadata, name: metadata.name, namespace: meshNamespace },
			spec: template.spec,
		},
	};
}

type Injected = Readonly<Record<string, unknown>>;

/** What becomes of each pod, by its title: the pod, or why it is refused. */
async function injectAll(api: ApiServer, cases: typeof podsToInject): Promise<Injected> {
	const entries = cases.map(async ({ title, pod }): Promise<[string, unknown]> => {
		try {
			return [title, (await api.create(pod, { dryRun: true })).object];
		} catch (error) {
			return [title, String((error as Error).message)];
		}
	});
	return Object.fromEntries(await Promise.all(entries));
}

interface Pod {
	readonly metadata: {
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
	};
	readonly spec: Readonly<Record<string, unknown>>;
}

/** Variables with JSON, in which blanks mean nothing. */
const jsonVariables: readonly string[] = ['PROXY_CONFIG', 'ISTIO_META_POD_PORTS'];
/** What each API request decides anew, or the releases' images. */
const apart = /kube-api-access/;

/** What of a pod counts, in one order. */
function canonical(value: unknown): unknown {
	if (Array.isArray(value)) {
		const entries = value.map(canonical).filter((entry) => !apart.test(JSON.stringify(entry)));
		// Lists of objects are maps by name or port.
		const isMap = entries.every((entry) => typeof entry === 'object' && entry !== null);
		return isMap ? entries.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : entries;
	}
	if (typeof value !== 'object' || value === null) return value;
	const { name, value: text } = value as { readonly name?: string; readonly value?: string };
	if (name !== undefined && text !== undefined && jsonVariables.includes(name)) {
		const said: unknown = JSON.parse(text);
		return { name, value: Array.isArray(said) ? said.map((entry) => JSON.stringify(entry)).sort() : said };
	}
	// Those of spec.proxy.initResources, whatever a pod says of its proxy.
	const skipped = name === 'istio-init' ? 'resources' : undefined;
	return Object.fromEntries(
		Object.entries(value)
			.filter(([key]) => key !== skipped)
			.filter(([key, entry]) => !(key === 'image' && String(entry).includes('/proxyv2:')))
			.map(([key, entry]): [string, unknown] => [key, canonical(entry)])
			.sort(([a], [b]) => (a < b ? -1 : 1)),
	);
}

function whatCounts({ metadata, spec }: Pod): unknown {
	const { 'sidecar.istio.io/status': _, 'proxy.istio.io/overrides': __, ...annotations } = metadata.annotations ?? {};
	return canonical({ labels: metadata.labels, annotations, spec });
}

function withoutPolicy(value: unknown): unknown {
	return JSON.parse(JSON.stringify(value, (key, entry) => (key === 'imagePullPolicy' ? undefined : entry)));
}

/** A pod that does not say whether it wants a proxy. */
function unasked({ metadata, spec }: Pod): Pod {
	const { 'sidecar.istio.io/inject': _, ...labels } = metadata.labels ?? {};
	return { metadata: { ...metadata, labels }, spec };
}

/**
 * `meshwright inject` gives each pod what the webhook gives it: such a pod, which the webhook then leaves alone, is stored as one that
 * the webhook was asked about. A second time changes nothing.
 */
async function compareByHand(
	t: ExecutionContext,
	api: ApiServer,
	cases: typeof podsToInject,
	ours: Injected,
): Promise<void> {
	const asking = { api, labels: {}, defaultNamespace: 'shop' };
	let compared = 0;
	for (const { title, pod } of cases) {
		const { apiVersion, kind, metadata, spec } = pod;
		const { name, namespace = '', ...given } = metadata;
		const workload = {
			apiVersion,
			kind,
			name,
			namespace,
			path: [],
			misplaced: [],
			pod: { metadata: given, spec } as Pod,
		};
		const change = await askWebhook(workload, asking);
		const byWebhook = ours[title];
		if (typeof byWebhook === 'string') t.is(change.kind, 'refused', title);
		if (change.kind !== 'changed' || typeof byWebhook === 'string') continue;
		compared += 1;
		// The API server sets a policy for the image `auto` before the webhook names another one.
		const wanted = withoutPolicy(whatCounts(unasked(byWebhook as Pod)));
		// Nobody injects by hand into a gateway twice: its proxy is a container of its own.
		const isGateway = JSON.stringify(spec).includes('"istio-proxy"');
		const asked = isGateway ? change : await askWebhook({ ...workload, pod: change }, asking);
		// A template that adds nothing more leaves the pod as it is.
		const again = asked.kind === 'skipped' && asked.reason === 'it has its proxy' ? change : asked;
		for (const [pod, how] of [
			[change, 'by hand'],
			[again, 'by hand twice'],
		] as const) {
			if (pod.kind !== 'changed') return t.fail(`${title}, ${how}: ${JSON.stringify(pod)}`);
			const labels = { ...pod.metadata.labels, 'sidecar.istio.io/inject': 'false' };
			const own = { apiVersion, kind, metadata: { ...pod.metadata, name, namespace, labels }, spec: pod.spec };
			const { object } = await api.create<KubeObject & Pod>(own, { dryRun: true });
			t.deepEqual(withoutPolicy(whatCounts(unasked(object))), wanted, `${title}, ${how}`);
		}
	}
	t.true(compared > 10, `${compared} pods`);
}

function compare(t: ExecutionContext, cases: typeof podsToInject, ours: Injected, theirs: Injected): void {
	for (const { title, isHostile = false } of cases) {
		const [mine, other] = [ours[title], theirs[title]];
		if (isHostile) {
			// Upstream's templates of some patches let such a text open fields of its own, or end in an error.
			t.false(JSON.stringify(mine).includes('"privileged":true'), title);
		} else if (typeof mine === 'string' || typeof other === 'string') {
			t.deepEqual(mine, other, title);
		} else {
			t.deepEqual(whatCounts(mine as Pod), whatCounts(other as Pod), title);
		}
	}
	// What was compared is more than nothing.
	t.true(JSON.stringify(ours).includes('istio-init'));
}
