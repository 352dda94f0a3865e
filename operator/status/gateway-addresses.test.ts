import test from 'ava';
import { observeComponent } from './components.ts';
import { computeStatus } from './compute-status.ts';
import { gatewayAddresses } from './gateway-addresses.ts';
import { observation, observed, workload } from './testing.ts';

const metadata = { name: 'istio-ingressgateway', namespace: 'istio-system' };

function service(type: string, status?: unknown) {
	return { kind: 'Service', metadata, spec: { type }, status };
}

test('the addresses are what the load balancer has been given, each once', (t) => {
	const ingress = [{ ip: '192.0.2.1' }, { hostname: 'lb.example.com', ip: '' }, { ip: '192.0.2.1', ports: [] }];
	t.deepEqual(gatewayAddresses(service('LoadBalancer', { loadBalancer: { ingress } })), {
		addresses: ['192.0.2.1', 'lb.example.com'],
	});
});

for (const [title, status] of [
	['no status', undefined],
	['an empty status', { loadBalancer: {} }],
	['a list without entries', { loadBalancer: { ingress: [] } }],
	['an entry without address', { loadBalancer: { ingress: [{ ports: [{ port: 80 }] }] } }],
	['a status of another form', { loadBalancer: { ingress: 'soon' } }],
] as const) {
	test(`a load balancer is waited for, by name: ${title}`, (t) => {
		const { addresses, waitingForLoadBalancer } = gatewayAddresses(service('LoadBalancer', status));
		t.deepEqual(addresses, []);
		t.regex(waitingForLoadBalancer ?? '', /^Service istio-system\/istio-ingressgateway waits for .* load balancer/);
	});
}

test('nothing is waited for where no load balancer is asked for, or no Service is there', (t) => {
	for (const observedService of [undefined, service('ClusterIP'), service('NodePort'), { kind: 'Service', metadata }]) {
		t.deepEqual(gatewayAddresses(observedService), { addresses: [] });
	}
});

test('no more addresses than the status holds', (t) => {
	const ingress = Array.from({ length: 100 }, (_, index) => ({ ip: `192.0.2.${index}` }));
	t.is(gatewayAddresses(service('LoadBalancer', { loadBalancer: { ingress } })).addresses.length, 64);
});

test('a component shows its addresses, and says that it waits for its load balancer while it is ready', (t) => {
	const addresses = ['192.0.2.1'];
	t.deepEqual(observeComponent(observed(workload(), { addresses })).status.addresses, addresses);
	t.is('addresses' in observeComponent(observed(workload(), { addresses: [] })).status, false);
	const waiting = observed(workload(), { waitingForLoadBalancer: 'waits' });
	t.like(observeComponent(waiting), { state: 'ready', status: { message: 'waits' } });
	t.is(observeComponent(waiting).status.reason, undefined);
});

test('what keeps a component from being ready is said before that it waits for its load balancer', (t) => {
	const waiting = observed(workload({ desired: 2, available: 1 }), { waitingForLoadBalancer: 'waits' });
	t.regex(observeComponent(waiting).status.message ?? '', /1 of 2 pods available; waits$/);
});

test('an installation is ready while a load balancer is waited for', (t) => {
	const workloads = [observed(workload(), { waitingForLoadBalancer: 'waits' })];
	const { conditions = [], components } = computeStatus(observation({ workloads }));
	t.is(conditions.find(({ type }) => type === 'Ready')?.status, 'True');
	t.is(conditions.find(({ type }) => type === 'Stalled')?.status ?? 'False', 'False');
	t.is(components?.[0]?.message, 'waits');
});
