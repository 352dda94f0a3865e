/** A real API server takes pods with a proxy without a warning, and keeps every field. */
import test from 'ava';
import { Agent, request } from 'undici';
import { type Cluster, startCluster } from '../../e2e/control-plane/cluster.ts';
import { classicReleases } from '../releases/classic/index.ts';
import { at, meshOf } from '../render/testing.ts';
import { injectPod } from './index.ts';
import type { Pod } from './pod.ts';

let cluster: Cluster;
let agent: Agent;

test.before(async () => {
	cluster = await startCluster({ name: 'sidecar' });
	agent = new Agent({ connect: { ca: cluster.ca } });
	for (const name of ['default', 'till']) {
		const existing = await post('/api/v1/namespaces/default/serviceaccounts', {
			apiVersion: 'v1',
			kind: 'ServiceAccount',
			metadata: { name },
		});
		if (existing.status !== 201 && existing.status !== 409) {
			throw new Error(JSON.stringify(existing.body));
		}
	}
});

test.after.always(async () => {
	await agent?.close();
	await cluster?.stop();
});

async function post(path: string, object: object) {
	const { statusCode, headers, body } = await request(`${cluster.url}${path}`, {
		method: 'POST',
		dispatcher: agent,
		headers: { authorization: `Bearer ${cluster.adminToken}`, 'content-type': 'application/json' },
		body: JSON.stringify(object),
	});
	return { status: statusCode, warnings: [headers.warning ?? []].flat(), body: await body.json() };
}

const container = { name: 'shop', image: 'shop:1', ports: [{ name: 'http', containerPort: 8080 }] } as const;

/** Pods that each ask for something else. */
const pods: Readonly<Record<string, Pod>> = {
	plain: { metadata: {}, spec: { containers: [container] } },
	'with much of its own': {
		metadata: { labels: { app: 'shop' }, annotations: { note: 'a: "b" <c> & {{ d }} [[ e ]] \n f' } },
		spec: {
			serviceAccountName: 'till',
			securityContext: { runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 },
			initContainers: [{ name: 'migrate', image: 'shop:1' }],
			containers: [container, { name: 'two', image: 'two:2', ports: [{ containerPort: 53, protocol: 'UDP' }] }],
			volumes: [{ name: 'data', emptyDir: {} }],
			imagePullSecrets: [{ name: 'regcred' }],
		},
	},
	'with annotations': {
		metadata: {
			annotations: {
				'sidecar.istio.io/proxyCPU': '50m',
				'sidecar.istio.io/proxyMemory': '64Mi',
				'sidecar.istio.io/interceptionMode': 'TPROXY',
				'sidecar.istio.io/userVolume': '{"scratch": {"emptyDir": {"medium": "Memory"}}}',
				'sidecar.istio.io/userVolumeMount': '{"scratch": {"mountPath": "/scratch", "readOnly": true}}',
				'sidecar.istio.io/bootstrapOverride': 'own',
				'status.sidecar.istio.io/port': '15021',
				'traffic.sidecar.istio.io/excludeOutboundIPRanges': '10.0.0.0/8,192.168.0.0/16',
				'traffic.sidecar.istio.io/excludeOutboundPorts': '25',
			},
		},
		spec: { containers: [container] },
	},
};

/**
 * Paths of the fields of `wanted` that were stored otherwise. Lists are compared by position, since a pod keeps their
 * order.
 */
function missing(wanted: unknown, stored: unknown, path: string): readonly string[] {
	if (typeof wanted !== 'object' || wanted === null) {
		return wanted === stored ? [] : [`${path}: ${JSON.stringify(wanted)} is ${JSON.stringify(stored)}`];
	}
	return Object.entries(wanted).flatMap(([key, value]) => missing(value, at(stored, key), `${path}.${key}`));
}

for (const { version } of classicReleases) {
	for (const [title, pod] of Object.entries(pods)) {
		test.serial(`${version}: the API server takes a pod ${title}, and keeps every field`, async (t) => {
			const mesh = meshOf({
				version,
				images: { pullSecrets: [{ name: 'mesh' }] },
				mesh: { statsd: { address: 'statsd:8125' }, tracing: { enabled: true, zipkin: { address: 'zipkin:9411' } } },
			});
			const injection = injectPod(mesh, pod, { namespace: 'default' });
			if (injection.kind !== 'injected') return t.fail(JSON.stringify(injection));
			const { metadata, spec } = injection;
			const stored = await post('/api/v1/namespaces/default/pods?dryRun=All&fieldValidation=Strict', {
				apiVersion: 'v1',
				kind: 'Pod',
				metadata: { ...metadata, generateName: 'shop-' },
				spec,
			});
			t.is(stored.status, 201, JSON.stringify(stored.body));
			t.deepEqual(stored.warnings, []);
			// The API server mounts the token of the pod's account after the other volumes.
			t.deepEqual(missing({ metadata, spec }, stored.body, 'pod'), []);
		});
	}
}
