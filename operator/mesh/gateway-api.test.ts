import test from 'ava';
import { istiodMeshOf } from '../lines/istiod-testing.ts';
import { meshOf } from '../render/testing.ts';
import type { ListPage } from '../runtime/client/requests.ts';
import { RequestError } from '../runtime/errors.ts';
import type { KubeObject } from '../runtime/object.ts';
import { gatewayApiStatus } from '../status/gateway-api.ts';
import { GatewayApiLook, type GatewayApiLookOptions, summarizeGateways } from './gateway-api.ts';

const apiVersion = 'gateway.networking.k8s.io/v1';
const conditions = (type: string, status: string, reason: string) => ({ conditions: [{ type, status, reason }] });
const ofClass = (name: string, controllerName: string, accepted = 'True'): KubeObject => ({
	apiVersion,
	kind: 'GatewayClass',
	metadata: { name },
	spec: { controllerName },
	status: conditions('Accepted', accepted, 'InvalidParameters'),
});
const ofGateway = (name: string, gatewayClassName: string, programmed: string, reason = 'Pending'): KubeObject => ({
	apiVersion,
	kind: 'Gateway',
	metadata: { name, namespace: 'shop' },
	spec: { gatewayClassName },
	status: conditions('Programmed', programmed, reason),
});
const istio = ofClass('istio', 'istio.io/gateway-controller');
const other = ofClass('other', 'example.com/other', 'False');

/** The timers of a look keep no process alive. */
const alive = setInterval(() => {}, 1_000);
test.after.always(() => clearInterval(alive));

test('Gateways of istiod’s classes are counted, and some that are not ready are named with one word of why', (t) => {
	const gateways = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => ofGateway(name, 'istio', 'False'));
	const found = summarizeGateways(
		[istio, other],
		[ofGateway('good', 'istio', 'True'), ...gateways, ofGateway('x', 'other', 'False')],
	);
	t.like(found, { classes: 1, accepted: 1, gateways: 7, programmed: 1 });
	t.deepEqual(
		found.troubles,
		['a', 'b', 'c', 'd', 'e'].map((name) => `Gateway shop/${name} (Pending)`),
	);
	const hostile = summarizeGateways([istio], [ofGateway('a', 'istio', 'False', 'x\u001b[2J')]);
	t.deepEqual(hostile.troubles, ['Gateway shop/a (nobody says why)']);
	const none = summarizeGateways(
		[ofClass('istio', 'istio.io/gateway-controller', 'False')],
		[{ ...istio, status: undefined }],
	);
	t.deepEqual(none.troubles, ['GatewayClass istio (InvalidParameters)']);
});

test('the status keeps what was seen until somebody has looked again', (t) => {
	const seen = summarizeGateways([istio], [ofGateway('good', 'istio', 'True')]);
	const { gatewayApi } = gatewayApiStatus(seen, undefined);
	t.deepEqual(gatewayApi, { classes: 1, accepted: 1, gateways: 1, programmed: 1 });
	if (gatewayApi === undefined) return t.fail();
	t.deepEqual(gatewayApiStatus(undefined, { observedGeneration: 1, gatewayApi }), { gatewayApi });
	t.deepEqual(gatewayApiStatus('none', { observedGeneration: 1, gatewayApi }), {});
	return t.deepEqual(gatewayApiStatus(undefined, undefined), {});
});

test('a look tells when what it finds differs; where the API is not there nothing is told, and a classic mesh looks at nothing', async (t) => {
	let gateways: readonly KubeObject[] | undefined;
	let asked = 0;
	const api: GatewayApiLookOptions['api'] = {
		async *pages<T>(
			{ kind }: { readonly kind: string },
			{ read }: { readonly read?: (object: KubeObject) => T } = {},
		): AsyncGenerator<ListPage<T>, void> {
			asked++;
			if (gateways === undefined) throw new RequestError('no', { status: 404, reason: 'NotFound' });
			const objects = kind === 'Gateway' ? gateways : [istio, other];
			const items = objects.flatMap((object) => (read === undefined ? [] : [read(object)]));
			yield { items, resourceVersion: '1', continue: undefined } as ListPage<T>;
		},
	};
	const changed: (() => void)[] = [];
	const nextChange = () => new Promise<void>((resolve) => changed.push(resolve));
	const errors: unknown[] = [];
	const options = { api, onError: (error: unknown) => errors.push(error), firstMs: 1, everyMs: 1 };
	const look = new GatewayApiLook({ ...options, onChange: () => changed.shift()?.() });
	t.teardown(() => look.stop());
	t.is(look.of(meshOf({ version: '1.4.10' })), 'none');
	t.is(asked, 0);
	const mesh = istiodMeshOf({ version: '1.31.4' });
	const first = nextChange();
	t.is(look.of(mesh), undefined);
	await first;
	t.is(look.of(mesh), 'none');
	const second = nextChange();
	gateways = [ofGateway('good', 'istio', 'True')];
	await second;
	t.like(look.of(mesh), { gateways: 1, programmed: 1 });
	look.forget(mesh.name);
	const before = asked;
	await new Promise((resolve) => setTimeout(resolve, 20));
	t.true(asked <= before + 1, 'one that was under way ends');
	t.deepEqual(errors, []);
});
