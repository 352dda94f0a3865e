import test from 'ava';
import { istiodReleases } from '../../releases/istiod/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { judgeDefinitions, judgeGateways } from './gateway-api.ts';

const minimum = istiodReleases.find(({ minor }) => minor === '1.31')?.gatewayApi ?? {};

function definitions(version: string | undefined, plurals: readonly string[] = Object.keys(minimum)) {
	return new Map(
		plurals.map((plural): [string, KubeObject] => [
			plural,
			{
				apiVersion: 'apiextensions.k8s.io/v1',
				kind: 'CustomResourceDefinition',
				metadata: {
					name: `${plural}.gateway.networking.k8s.io`,
					...(version === undefined ? {} : { annotations: { 'gateway.networking.k8s.io/bundle-version': version } }),
				},
				spec: { versions: [{ name: 'v1', served: true }] },
			},
		]),
	);
}

test('the Gateway API may be missing, and is told as such', (t) => {
	t.like(judgeDefinitions(minimum, new Map()), { state: 'skipped' });
});

test('definitions that istiod ignores are named with their version and the oldest that it reads', (t) => {
	t.deepEqual(judgeDefinitions(minimum, definitions('v1.6.0')), { state: 'ok', detail: '1.6.0' });
	t.is(judgeDefinitions(minimum, definitions('v1.6.0-rc.1')).state, 'ok', 'a candidate counts as its release');
	const older = judgeDefinitions(minimum, definitions('v1.4.0'));
	t.is(older.state, 'warning');
	t.regex(
		older.detail ?? '',
		/^tlsroutes is of 1\.4\.0, older than 1\.5\.0; tcproutes is of 1\.4\.0, older than 1\.6\.0: /,
	);
	t.regex(judgeDefinitions(minimum, definitions(undefined)).detail ?? '', /grpcroutes says no version/);
	t.regex(judgeDefinitions(minimum, definitions('v1.6.0', ['httproutes'])).detail ?? '', /gateways is missing/);
	t.is(
		judgeDefinitions(minimum, definitions('v1.6.0', ['gatewayclasses', 'gateways'])).state,
		'ok',
		'routes are optional',
	);
});

const status = (type: string, value: string, reason: string) => ({ conditions: [{ type, status: value, reason }] });
const ofClass = (name: string, controllerName: string, accepted = 'True'): KubeObject => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'GatewayClass',
	metadata: { name },
	spec: { controllerName },
	status: status('Accepted', accepted, 'InvalidParameters'),
});
const ofGateway = (
	name: string,
	gatewayClassName: string,
	programmed: string,
	reason = 'AddressNotAssigned',
): KubeObject => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'Gateway',
	metadata: { name, namespace: 'shop' },
	spec: { gatewayClassName },
	status: status('Programmed', programmed, reason),
});

test('Gateways of istiod’s classes are counted, and those without a proxy are named with their reason', (t) => {
	const classes = [ofClass('istio', 'istio.io/gateway-controller'), ofClass('other', 'example.com/other', 'False')];
	const others = [ofGateway('theirs', 'other', 'False')];
	t.deepEqual(judgeGateways(classes, [ofGateway('edge', 'istio', 'True'), ...others]), {
		state: 'ok',
		detail: '1 of 1 programmed',
	});
	const open = judgeGateways(classes, [
		ofGateway('edge', 'istio', 'True'),
		ofGateway('late', 'istio', 'False'),
		...others,
	]);
	t.is(open.detail, '1 of 2 programmed; not so: Gateway shop/late (AddressNotAssigned)');
	t.is(judgeGateways([ofClass('other', 'example.com/other')], others).state, 'skipped');
});

test('what somebody writes into a status is not repeated, unless it is a word', (t) => {
	const classes = [ofClass('istio', 'istio.io/gateway-controller', 'False')];
	const { detail = '' } = judgeGateways(classes, [ofGateway('edge', 'istio', 'False', 'x\u001b[2J')]);
	t.is(
		detail,
		'0 of 1 programmed; not so: Gateway shop/edge (nobody says why), GatewayClass istio (InvalidParameters)',
	);
});
