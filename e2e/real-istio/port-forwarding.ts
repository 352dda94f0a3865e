/**
 * What `kubectl port-forward`, and istioctl with it, asks of a kubelet: connections to ports of pods, which here are processes with
 * ports of their own. A kwok without nodes to simulate serves it (kwok 0.8.0 `pkg/kwok/server/debugging_port_forword.go`).
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from '../control-plane/cluster.ts';
import { locateControlPlane } from '../control-plane/locate.ts';
import { freePort } from '../control-plane/ports.ts';
import { startProgram, waitFor } from '../control-plane/program.ts';
import { servingCertificate } from '../control-plane/serving-certificate.ts';
import { stagesText } from '../control-plane/stages.ts';

export interface ForwardedPod {
	readonly namespace: string;
	readonly name: string;
	/** Ports of 127.0.0.1 by those of the pod. */
	readonly ports: Readonly<Record<number, number>>;
}

export interface PortForwarding extends AsyncDisposable {
	/** Where API servers reach the kubelet of the node: a port of 127.0.0.1. */
	readonly port: number;
}

/** The name of the node whose pods are reached, and where its kubelet would listen. */
export const forwardingNode = { name: 'here', host: '192.0.2.1', port: 10_250 } as const;

const readyDeadlineMs = 60_000;

/** Makes the node, and answers for its kubelet. Settled when it listens. */
export async function startPortForwarding(cluster: Cluster, pods: readonly ForwardedPod[]): Promise<PortForwarding> {
	const located = await locateControlPlane('all');
	if (located.kind !== 'binaries') throw new Error('a kubelet is only played for clusters that tests start');
	const file = (name: string) => path.join(cluster.directory, `kubelet-${name}`);
	const { certificate, key } = await servingCertificate();
	await writeFile(file('crt'), certificate);
	await writeFile(file('key'), key, { mode: 0o600 });
	const documents = pods.map(({ namespace, name, ports }) => ({
		apiVersion: 'kwok.x-k8s.io/v1alpha1',
		kind: 'PortForward',
		metadata: { name, namespace },
		spec: {
			forwards: Object.entries(ports).map(([port, target]) => ({
				ports: [Number(port)],
				target: { address: '127.0.0.1', port: target },
			})),
		},
	}));
	await writeFile(file('config'), [stagesText(), ...documents.map((one) => JSON.stringify(one))].join('\n---\n'));
	const { name, host, port: kubeletPort } = forwardingNode;
	await cluster.request({
		method: 'POST',
		path: '/api/v1/nodes',
		body: { apiVersion: 'v1', kind: 'Node', metadata: { name } },
	});
	await cluster.request({
		method: 'PATCH',
		path: `/api/v1/nodes/${name}/status`,
		contentType: 'application/merge-patch+json',
		body: {
			status: {
				addresses: [{ type: 'InternalIP', address: host }],
				daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
			},
		},
	});
	const port = await freePort();
	const running = await startProgram(
		located.directory,
		'kwok',
		[
			`--kubeconfig=${cluster.adminKubeconfig()}`,
			`--config=${file('config')}`,
			`--server-address=127.0.0.1:${port}`,
			`--tls-cert-file=${file('crt')}`,
			`--tls-private-key-file=${file('key')}`,
			'--manage-nodes-with-label-selector=meshwright.io/none=none',
		],
		file('log'),
	);
	await waitFor('the kubelet', [running], readyDeadlineMs, async () => {
		const answer = await fetch(`http://127.0.0.1:${port}/healthz`).catch(() => undefined);
		if (answer !== undefined) return true;
		await sleep(50);
		return undefined;
	});
	return { port, [Symbol.asyncDispose]: running.end };
}
