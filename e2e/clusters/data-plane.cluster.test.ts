/** A cluster without a control plane of its own: what it gets, when, and that its Services follow the pods here. */
import { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { fieldManager, injectionLabel, instanceLabel, meshLabel } from '../../operator/apply/identity.ts';
import { injectorDnsNames, injectorName } from '../../operator/render/classic/injector-names.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { createLogger } from '../../operator/runtime/log/logger.ts';
import { objectKey } from '../../operator/runtime/object.ts';
import {
	addressesThere,
	joinUser,
	namespace,
	type Pair,
	readyPods,
	renderedThere,
	startPair,
	untilClusterSays,
	untilKept,
	withDataPlane,
} from '../support/data-plane.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { handshake, readCertificate, trustedRoots, webhookReference } from '../support/injector.ts';
import {
	applyInstallation,
	eventsAbout,
	installationReference,
	readInstallation,
	readLive,
	type Spec,
	untilCondition,
	untilEvent,
	untilGone,
	untilReady,
} from '../support/installation.ts';
import { clusterStatus, startJoiningOperator, untilCluster } from '../support/joined.ts';
import { operatorUser, person } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { differences } from '../support/owned-fields.ts';
import { freePods, limitPods } from '../support/quota.ts';
import { recordTimeline, type Timeline } from '../support/timeline.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';

const name = 'mesh';
const on = { enabled: true };
const base = {
	pilot: { replicas: 2 },
	mixer: { policy: on, telemetry: on },
	sidecarInjector: { enabled: true, namespaces: ['shop', 'later'] },
};

let pair: Pair;
let operator: RunningOperator;
/** What happens in the other cluster from the beginning. */
let timeline: Timeline;
/** What the operator has logged. */
const log: string[] = [];

function specWith(more: Spec = {}, dataPlane?: Spec): Spec {
	return { ...base, ...more, ...withDataPlane(dataPlane) };
}

async function labelsThere(where: string): Promise<readonly (string | undefined)[]> {
	const { metadata } = await pair.other.api.get({ ...kinds.Namespace, name: where });
	return [metadata.labels?.[injectionLabel], metadata.labels?.[meshLabel]];
}

/** Waits until a Service there has exactly the addresses of the ready pods here, and so many of them. */
async function untilFollows(service: string, selector: string, count: number): Promise<readonly string[]> {
	return eventually(`${service} there has the addresses of ${count} ready pods here`, async () => {
		const [there, here] = await Promise.all([addressesThere(pair, service), readyPods(pair.home.api, selector)]);
		return here.length === count && there?.join() === here.join() ? here : undefined;
	});
}

test.before(async () => {
	pair = await startPair({ parts: 'all' });
	await pair.other.api.create({ ...kinds.Namespace, metadata: { name: 'shop', labels: { team: 'shop' } } });
	timeline = await recordTimeline(pair.other.api, {
		namespace,
		kinds: [kinds.MutatingWebhookConfiguration, kinds.Deployment],
	});
	operator = await startJoiningOperator(pair.home, {
		proxiesQuietMs: 100,
		log: createLogger({ level: 'info', destination: { write: (line) => void log.push(line) } }),
	});
	await applyInstallation(pair.home.api, name, specWith());
	await untilReady(pair.home.api, name);
	await untilCluster(pair.home.api, name, 'eu', 'Ready', 'True');
});
test.after.always(async () => {
	await operator?.stop();
	await pair?.stop();
});

test.serial('everything that is rendered for it is stored there as rendered, and nothing else', async (t) => {
	const { other, home } = pair;
	const { cert, key, roots } = await readCertificate(other.api, namespace);
	const [pilot, policy, telemetry] = await Promise.all([
		untilFollows('istio-pilot', 'istio=pilot', 2),
		untilFollows('istio-policy', 'istio-mixer-type=policy', 1),
		untilFollows('istio-telemetry', 'istio-mixer-type=telemetry', 1),
	]);
	const facts = { injectorRoots: roots, injectorCertificate: { certChain: cert, key, roots } };
	const rendered = renderedThere(pair, name, specWith(), { pilot, policy, telemetry }, { facts });
	await untilKept(pair, name, rendered);
	for (const object of rendered) {
		const live = await readLive(other.api, object);
		t.deepEqual(differences(object, live), [], objectKey(object));
		t.is(live.metadata.ownerReferences, undefined, 'whom the garbage collector there would not find');
	}
	const status = await clusterStatus(home.api, name, 'eu');
	t.is(status?.inventory?.objects, rendered.length + 1, 'and the namespace');
	t.is(status?.conditions?.find(({ type }) => type === 'DataPlaneReady')?.status, 'True');
});

test.serial('the webhook came when a pod of the injector was ready, and knows its certificate', async (t) => {
	const moments = await timeline.stop();
	const webhook = moments.find(({ key }) => key === objectKey(webhookReference(namespace)));
	const ready = moments.find(({ key, object }) => {
		const { availableReplicas = 0 } = (object?.status ?? {}) as { readonly availableReplicas?: number };
		return key === objectKey({ ...kinds.Deployment, namespace, name: injectorName }) && availableReplicas > 0;
	});
	t.true((ready?.revision ?? Number.NaN) < (webhook?.revision ?? Number.NaN));
	const certificate = await readCertificate(pair.other.api, namespace);
	const roots = await trustedRoots(pair.other.api, namespace);
	for (const dnsName of injectorDnsNames({ namespace })) await handshake(certificate, roots, dnsName);
	const leaf = new X509Certificate(certificate.cert);
	const here = await readCertificate(pair.home.api, namespace);
	t.false(leaf.verify(new X509Certificate(here.roots).publicKey), 'each cluster has its own');
});

test.serial(
	'namespaces are labelled there, and those that come later when they come; taken off, they are unlabelled',
	async (t) => {
		const { other, home } = pair;
		await eventually('shop is labelled', async () => (await labelsThere('shop')).join() === `enabled,${name}`);
		await untilClusterSays(pair, name, 'DataPlaneReady', /not there yet.*later/);
		await other.api.create({ ...kinds.Namespace, metadata: { name: 'later' } });
		await eventually('later is labelled', async () => (await labelsThere('later')).join() === `enabled,${name}`);
		await applyInstallation(home.api, name, specWith({ sidecarInjector: { enabled: true, namespaces: ['later'] } }));
		await eventually('shop is not labelled any more', async () => (await labelsThere('shop')).join() === ',');
		t.deepEqual(await labelsThere('later'), ['enabled', name]);
		t.is((await other.api.get({ ...kinds.Namespace, name: 'shop' })).metadata.labels?.team, 'shop');
		await applyInstallation(home.api, name, specWith());
		await eventually('shop is labelled again', async () => (await labelsThere('shop')).join() === `enabled,${name}`);
	},
);

test.serial('pods of Pilot that are replaced, more or fewer: the addresses there follow', async (t) => {
	const { api } = pair.home;
	await untilFollows('istio-pilot', 'istio=pilot', 2);
	const { items } = await api.list(kinds.Pod, { namespace, labelSelector: 'istio=pilot' });
	for (const { metadata } of items) await orAbsent(api.delete({ ...kinds.Pod, namespace, name: metadata.name }));
	// Pods that come may get the addresses of those that went: then there may be nothing to change.
	await eventually('they are gone', async () => {
		const now = (await api.list(kinds.Pod, { namespace, labelSelector: 'istio=pilot' })).items;
		return items.every(({ metadata }) => !now.some((pod) => pod.metadata.uid === metadata.uid));
	});
	await untilFollows('istio-pilot', 'istio=pilot', 2);
	await applyInstallation(api, name, specWith({ pilot: { replicas: 3 } }));
	await untilFollows('istio-pilot', 'istio=pilot', 3);
	await applyInstallation(api, name, specWith({ pilot: { replicas: 1 } }));
	await untilFollows('istio-pilot', 'istio=pilot', 1);
	t.pass();
});

test.serial('without a ready pod here there are no Endpoints there, and a condition says so', async (t) => {
	const { api } = pair.home;
	const nowhere = { replicas: 1, nodeSelector: { 'example.com/no-such-node': 'true' } };
	await applyInstallation(api, name, specWith({ pilot: nowhere }));
	const { items } = await api.list(kinds.Pod, { namespace, labelSelector: 'istio=pilot' });
	// The one that serves would stay for as long as its successor is not ready.
	await api.patch(
		{ ...kinds.Deployment, namespace, name: 'istio-pilot' },
		{ spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
		{ type: 'merge', fieldManager: person },
	);
	// Their controllers delete them as well.
	const remove = (pod: string) => orAbsent(api.delete({ ...kinds.Pod, namespace, name: pod }));
	for (const { metadata } of items) await remove(metadata.name);
	await eventually('no Endpoints', async () => {
		for (const { metadata } of (await api.list(kinds.Pod, { namespace, labelSelector: 'istio=pilot' })).items)
			await remove(metadata.name);
		return (await addressesThere(pair, 'istio-pilot')) === undefined;
	});
	await untilClusterSays(pair, name, 'DataPlaneReady', /no pod of Pilot is ready/);
	t.truthy(await addressesThere(pair, 'istio-telemetry'), 'the others keep theirs');
	await applyInstallation(api, name, specWith());
	await untilFollows('istio-pilot', 'istio=pilot', 2);
});

test.serial('what an earlier version made has other labels, and gets these without being made anew', async (t) => {
	const { api } = pair.other;
	const reference = { ...kinds.ServiceAccount, namespace, name: 'istio-reader-home' };
	const { metadata, ...rest } = await api.get(reference);
	const { [meshLabel]: _, ...labels } = metadata.labels ?? {};
	await api.apply(
		{ ...rest, metadata: { namespace, name: metadata.name, labels: { ...labels, [instanceLabel]: name } } },
		{ fieldManager, force: true },
	);
	const after = await eventually('its labels are those of today', async () => {
		const live = await api.get(reference);
		return live.metadata.labels?.[instanceLabel] === undefined ? live : undefined;
	});
	t.is(after.metadata.labels?.[meshLabel], name);
	t.is(after.metadata.uid, metadata.uid);
});

test.serial('why there are no pods is told of this cluster in the words of its API server', async (t) => {
	const { api } = pair.other;
	await limitPods(api, namespace, 0);
	for (const { metadata } of (await api.list(kinds.Pod, { namespace })).items)
		await orAbsent(api.delete({ ...kinds.Pod, namespace, name: metadata.name }));
	await untilClusterSays(pair, name, 'DataPlaneReady', /exceeded quota: none/);
	const { conditions = [] } = (await clusterStatus(pair.home.api, name, 'eu')) ?? {};
	t.is(conditions.find(({ type }) => type === 'DataPlaneReady')?.reason, 'PodsRefused');
	await freePods(api, namespace);
	await untilCluster(pair.home.api, name, 'eu', 'Ready', 'True');
});

test.serial('a webhook there that an earlier installer has left, and nobody answers, is told of it', async (t) => {
	const { home, other } = pair;
	const service = { name: 'istio-sidecar-injector', namespace: 'istio-control', path: '/inject' };
	const configuration = {
		...kinds.ValidatingWebhookConfiguration,
		metadata: { name: 'gone' },
		webhooks: [
			{
				name: 'gone.example.com',
				admissionReviewVersions: ['v1'],
				sideEffects: 'None',
				clientConfig: { service },
				namespaceSelector: { matchLabels: { [injectionLabel]: 'enabled' } },
				rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
			},
		],
	};
	await other.api.create(configuration);
	const message = await untilCluster(home.api, name, 'eu', 'WebhooksAnswer', 'False', 'WebhookDead');
	t.regex(message, /^ValidatingWebhookConfiguration gone, webhook gone\.example\.com, .*namespaces later, shop/);
	t.regex(message, /Service istio-control\/istio-sidecar-injector does not exist/);
	await untilCluster(home.api, name, 'eu', 'Ready', 'False', 'WebhookDead');
	await other.api.delete({ ...kinds.ValidatingWebhookConfiguration, name: 'gone' });
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	const { conditions = [] } = (await clusterStatus(home.api, name, 'eu')) ?? {};
	t.is(
		conditions.find(({ type }) => type === 'WebhooksAnswer'),
		undefined,
	);
});

test.serial('given addresses take the place of those of pods', async (t) => {
	const controlPlaneAddresses = ['192.0.2.11', '192.0.2.10'];
	await applyInstallation(pair.home.api, name, specWith({}, { controlPlaneAddresses }));
	for (const service of ['istio-pilot', 'istio-policy', 'istio-telemetry'])
		await eventually(`the addresses of ${service}`, async () => {
			return (await addressesThere(pair, service))?.join() === '192.0.2.10,192.0.2.11';
		});
	await applyInstallation(pair.home.api, name, specWith());
	await untilFollows('istio-pilot', 'istio=pilot', 2);
	t.pass();
});

async function proxyThere(pod: string, version: string): Promise<void> {
	const args = ['proxy', 'sidecar', '--discoveryAddress', `istio-pilot.${namespace}:15010`];
	await pair.other.api.create({
		...kinds.Pod,
		metadata: { namespace: 'default', name: pod },
		spec: { containers: [{ name: 'istio-proxy', image: `docker.io/istio/proxyv2:${version}`, args }] },
	});
}

test.serial('which proxies run there is told, and a deletion waits for them', async (t) => {
	const { api } = pair.home;
	await proxyThere('web', '1.4.10');
	await proxyThere('old', '1.1.17');
	const byVersion = [
		{ version: '1.1.17', count: 1 },
		{ version: '1.4.10', count: 1 },
	];
	await eventually('they are counted', async () =>
		isDeepStrictEqual((await clusterStatus(api, name, 'eu'))?.proxies, { total: 2, byVersion }),
	);
	const skew = await untilCondition(api, name, 'ProxiesSupported', 'False', 'ProxiesSkewed');
	t.regex(skew.message, /: 1 of 1\.1\.17 in cluster eu are more than one minor behind Pilot 1\.4\.10\./);
	t.is((await readInstallation(api, name)).status?.proxies, undefined, 'none runs here');
	const series = 'meshwright_proxies{installation="mesh",cluster="eu",version="1.1.17"} 1';
	t.true((await operator.ask('/metrics')).body.includes(series));
	await applyInstallation(api, name, { ...specWith(), deletion: { blockWhileInUse: true } });
	await untilReady(api, name);
	await api.delete(installationReference(name));
	const { message } = await untilCondition(api, name, 'Ready', 'False', 'Deleting');
	t.regex(message, /waiting until no proxy uses it any more .*: 2 proxies still use it, in cluster eu/);
	t.regex(await untilEvent(api, name, 'ProxiesInUse'), /2 proxies still use it, in cluster eu/);
	t.is((await clusterStatus(api, name, 'eu'))?.conditions?.find(({ type }) => type === 'Joined')?.status, 'True');
	for (const pod of ['web', 'old']) await pair.other.api.delete({ ...kinds.Pod, namespace: 'default', name: pod });
	await untilGone(api, installationReference(name));
});

// Last: they are about all that was done before.
test.serial('API servers warned of nothing that anybody could do something about', async (t) => {
	t.deepEqual(
		log.filter((line) => line.includes('ApiWarning')),
		[],
	);
	const events = await eventsAbout(pair.home.api, name);
	t.true(events.length > 0);
	t.deepEqual(
		events.filter(({ reason }) => reason === 'ApiWarning'),
		[],
	);
});

test.serial('with the rights of deploy/ and of deploy/remote nothing was forbidden on either side', async (t) => {
	for (const [cluster, user] of [
		[pair.home.cluster, operatorUser],
		[pair.other.cluster, joinUser],
	] as const) {
		const requests = await requestsOf(cluster, user);
		t.true(requests.length > 50);
		t.deepEqual(forbiddenIn(requests), []);
	}
});
