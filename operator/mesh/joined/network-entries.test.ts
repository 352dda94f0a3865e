import test from 'ava';
import type { ClusterObservation } from '../../../api/v1/index.ts';
import { toChild } from '../../apply/child.ts';
import { lines } from '../../lines/index.ts';
import { installation, resolved } from '../../render/testing.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import { networkProblems } from './network-entries.ts';

interface Scene {
	readonly version?: string;
	readonly ingress?: object;
	/** Of the gateway's Service here. */
	readonly here?: readonly object[];
	/** Addresses of the gateway there. Undefined: the cluster has joined, and nothing is known of a gateway. */
	readonly there?: readonly string[];
	readonly state?: ClusterObservation['state'];
	readonly network?: string;
	readonly dataPlane?: object;
}

const balanced = { enabled: true };

function told({ version = '1.4.10', ingress = balanced, here = [], there, state = 'Joined', ...entry }: Scene) {
	const kubeconfigSecret = { name: 'k', namespace: 's' };
	const cluster = { name: 'eu', network: 'there', kubeconfigSecret, dataPlane: { enabled: false }, ...entry };
	const mesh = resolved(
		installation({
			version,
			profile: 'minimal',
			gateways: { ingress },
			multiCluster: { clusterName: 'east', network: 'here', clusters: [cluster] },
		}),
	);
	const { type = 'LoadBalancer' } = (ingress as { service?: { type?: string } }).service ?? {};
	const service = {
		...kinds.Service,
		metadata: { name: 'istio-ingressgateway', namespace: 'istio-system' },
		spec: { type },
		status: { loadBalancer: { ingress: here } },
	};
	const live = { get: (key: string) => (key === objectKey(service) ? toChild(service) : undefined), ofKind: () => [] };
	const seen: ClusterObservation = {
		name: 'eu',
		role: 'Remote',
		state,
		reachable: 'yes',
		...(there === undefined ? {} : { gateways: there }),
	};
	return networkProblems(mesh, lines.of(mesh).multiCluster, live, { seen: [seen], before: [] }).map(
		({ network, isPending, message }) => `${network} ${isPending ? 'waits' : 'has none'}: ${message}`,
	);
}

const ip = { ip: '192.0.2.1' };
const name = { hostname: 'a.elb.example.com' };

test('with an address in each network nothing is wrong', (t) => {
	t.deepEqual(told({ here: [ip], there: ['192.0.2.2'] }), []);
	t.deepEqual(told({ here: [name], there: ['b.elb.example.com'] }), []);
});

test('a host name is no way in for a release that needs an IP address', (t) => {
	for (const [version, isWrong] of [
		['1.1.17', true],
		['1.2.10', false],
		['1.3.8', false],
	] as const) {
		const [first, ...rest] = told({ version, here: [name], there: ['192.0.2.2'] });
		t.deepEqual(rest, []);
		t.is(first !== undefined, isWrong, version);
		if (isWrong) t.regex(first ?? '', /^here has none: .*Istio 1\.1\.17 needs an IP address.*a\.elb\.example\.com/);
	}
	t.deepEqual(told({ version: '1.1.17', here: [name, ip], there: ['192.0.2.2'] }), []);
});

test('why there is no way in is told by the field that would give one', (t) => {
	const there = ['192.0.2.2'];
	t.regex(
		told({ ingress: { enabled: false }, there }).join(),
		/^here has none: .*set spec\.gateways\.ingress\.enabled/,
	);
	const nodePort = { enabled: true, service: { type: 'NodePort' } };
	t.regex(told({ ingress: nodePort, there }).join(), /^here has none: .*type NodePort.*service\.type to LoadBalancer/);
	const ports = [{ name: 'http2', port: 80, targetPort: 80 }];
	t.regex(
		told({ ingress: { enabled: true, service: { ports } }, here: [], there }).join(),
		/no port that leads to 15443/,
	);
});

test('a load balancer that has no address yet is waited for, here and in a data plane of ours', (t) => {
	t.regex(told({ there: ['192.0.2.2'] }).join(), /^here waits: .*waits for its load balancer.*this cluster/);
	const dataPlane = { controlPlaneAddresses: ['192.0.2.10'] };
	t.regex(told({ here: [ip], dataPlane }).join(), /^there waits: .*cluster eu/);
	t.regex(told({ here: [ip] }).join(), /^there has none: .*in cluster eu is missing/, 'a gateway that others keep');
});

test('nothing is said of clusters that nobody has looked at, of one network, and of a release without networks', (t) => {
	t.deepEqual(told({ here: [ip], state: 'Joining' }), []);
	t.deepEqual(told({ network: 'here' }), []);
});
