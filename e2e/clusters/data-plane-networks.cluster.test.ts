/** A data plane in another network: how Pilot finds its pods and its way in, and what its proxies say of themselves. */
import test from 'ava';
import { parse } from 'yaml';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import {
	keptThere,
	namespace,
	type Pair,
	renderedThere,
	startPair,
	untilKept,
	withDataPlane,
} from '../support/data-plane.ts';
import { eventually } from '../support/eventually.ts';
import { setAvailable } from '../support/injector.ts';
import { applyInstallation, type Spec, untilCondition, untilInstalled, versionsOf } from '../support/installation.ts';
import { clusterStatus, startJoiningOperator, untilCluster } from '../support/joined.ts';
import { operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { describeWrite, mark, untilCalm, writesOf } from '../support/writes.ts';

const name = 'mesh';
const on = { enabled: true };
const addresses = ['192.0.2.10'];
const shown = { pilot: addresses, policy: addresses, telemetry: addresses };
const here = { network: 'here', podCIDRs: ['172.21.0.0/24'] };
const there = { network: 'there', podCIDRs: ['172.20.1.0/24'] };

let pair: Pair;
let operator: RunningOperator;

function specWith(dataPlane: Spec): Spec {
	return {
		gateways: { ingress: on },
		sidecarInjector: on,
		...withDataPlane(dataPlane, there, here),
	};
}

interface ConfigMap extends KubeObject {
	readonly data: Readonly<Record<string, string>>;
}

async function networks(): Promise<unknown> {
	const { data } = await pair.home.api.get<ConfigMap>({ ...kinds.ConfigMap, namespace, name: 'istio' });
	return parse(data.meshNetworks ?? '').networks;
}

/** Says where a gateway is reached, as a controller of load balancers does. */
async function giveAddress(api: Pair['home']['api'], ip: string): Promise<void> {
	const gateway = { ...kinds.Service, namespace, name: 'istio-ingressgateway' };
	const status = { loadBalancer: { ingress: [{ ip }] } };
	await api.patch(gateway, { status }, { type: 'merge', subresource: 'status', fieldManager: 'load-balancers' });
}

test.before(async () => {
	pair = await startPair();
	operator = await startJoiningOperator(pair.home);
});
test.after.always(async () => {
	await operator?.stop();
	await pair?.stop();
});

test.serial(
	'without addresses of the control plane nothing is written there, and a condition asks for them',
	async (t) => {
		await applyInstallation(pair.home.api, name, specWith(on));
		const message = await untilCluster(pair.home.api, name, 'eu', 'Compatible', 'False', 'AddressesNeeded');
		t.regex(message, /controlPlaneAddresses/);
		t.is(message.match(/controlPlaneAddresses/g)?.length, 1, 'said once');
		t.deepEqual(await keptThere(pair, name), []);
	},
);

test.serial('with them it joins, with a gateway of its own and proxies that name its network', async (t) => {
	const { home, other } = pair;
	const spec = specWith({ controlPlaneAddresses: addresses });
	await applyInstallation(home.api, name, spec);
	await untilCluster(home.api, name, 'eu', 'Joined', 'True');
	for (const deployment of ['istio-sidecar-injector', 'istio-ingressgateway'])
		await setAvailable(other.api, namespace, deployment, true);
	await setAvailable(home.api, namespace, 'istio-sidecar-injector', true);
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	await untilKept(pair, name, renderedThere(pair, name, spec, shown, { network: 'there' }));
	const { data } = await other.api.get<ConfigMap>({ ...kinds.ConfigMap, namespace, name: 'istio-sidecar-injector' });
	t.regex(data.config ?? '', /ISTIO_META_NETWORK[^\n]*\n\s*value: "?there"?/);
	const gateway = await other.api.get<KubeObject>({ ...kinds.Deployment, namespace, name: 'istio-ingressgateway' });
	t.regex(JSON.stringify(gateway.spec), /"ISTIO_META_NETWORK","value":"there"/);
});

test.serial('meshNetworks names the clusters of each network, and its way in as soon as there is one', async (t) => {
	const { home, other } = pair;
	t.like(await networks(), {
		here: { endpoints: [{ fromRegistry: 'Kubernetes' }] },
		there: { endpoints: [{ fromRegistry: 'eu' }] },
	});
	const { message } = await untilCondition(home.api, name, 'ClustersJoined', 'Unknown', 'NetworkPending');
	t.regex(message, /network here .*network there /);
	await giveAddress(other.api, '192.0.2.20');
	await giveAddress(home.api, '192.0.2.21');
	await untilCondition(home.api, name, 'ClustersJoined', 'True', 'ClustersJoined');
	await eventually('both ways in are known', async () => {
		const text = JSON.stringify(await networks());
		return text.includes('192.0.2.20') && text.includes('192.0.2.21');
	});
	await eventually('the status shows it', async () => {
		const { gateways = [] } = (await clusterStatus(home.api, name, 'eu')) ?? {};
		return gateways.join() === '192.0.2.20';
	});
	t.like(await networks(), { there: { gateways: [{ address: '192.0.2.20', port: 15443 }] } });
	await giveAddress(other.api, '192.0.2.22');
	await eventually('the other address', async () => JSON.stringify(await networks()).includes('192.0.2.22'));
});

test.serial('a restart of the operator changes nothing of it', async (t) => {
	const { home } = pair;
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	await untilCalm(home.cluster, operatorUser);
	const before = await versionsOf(home.api, name);
	const place = await mark(home.cluster);
	await operator.stop();
	operator = await startJoiningOperator(home);
	// What is asked for now is done after the passes of the start.
	await applyInstallation(home.api, 'last', { namespace: 'istio-last' });
	await untilInstalled(home.api, 'last');
	await untilCalm(home.cluster, operatorUser);
	// Where its pass comes first, the new one has the CRDs applied, which both share: that changes nothing, as is seen below.
	const ofLast = /\blast\b|^patch customresourcedefinitions .* 200$/;
	t.deepEqual(
		(await writesOf(home.cluster, operatorUser, place)).map(describeWrite).filter((line) => !ofLast.test(line)),
		[],
	);
	t.deepEqual(await versionsOf(home.api, name), before);
});
