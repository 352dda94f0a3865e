/**
 * A real istiod of each line runs from what is rendered here: under the rendered rights, with the rendered templates, behind
 * the rendered webhooks. What it puts into pods is held against what it puts in by upstream's own templates.
 */
import type { ExecutionContext } from 'ava';
import { gatewayArgs } from '../../operator/render/istiod/templates/gateway.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { upstream } from '../charts/istiod/renderings.ts';
import { eventually } from '../support/eventually.ts';
import { podsToInject } from './pods-to-inject.ts';
import { meshNamespace, renderedFor, startRendered } from './rendered-mesh.ts';
import { testWithIstio } from './test-with-istio.ts';

testWithIstio('istiod runs from what is rendered: rights, templates, webhooks', async (t, real) => {
	const spec = { gateways: { ingress: { enabled: true } } };
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

	const cases = [...podsToInject, gatewayAmong(renderedFor(real, spec))];
	const ours = await injectAll(api, cases);
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
		const isNamed = entries.every((entry) => typeof entry === 'object' && entry !== null && 'name' in entry);
		return isNamed ? entries.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : entries;
	}
	if (typeof value !== 'object' || value === null) return value;
	const { name, value: text } = value as { readonly name?: string; readonly value?: string };
	if (name !== undefined && text !== undefined && jsonVariables.includes(name))
		return { name, value: JSON.parse(text) };
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
