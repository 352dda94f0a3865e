/**
 * A real proxy as a process on the loopback: pilot-agent with Envoy, started from a pod as it was injected, which gets its
 * certificate and its configuration from an istiod.
 */
import path from 'node:path';
import { request } from 'undici';
import type { Cluster } from '../control-plane/cluster.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { istiodHost } from './istiod-process.ts';
import type { RealIstio } from './locate.ts';
import { argumentsOf, containerOf, environmentOf, mountPod, type PodObject } from './mounted-pod.ts';

export interface RunningProxy extends AsyncDisposable {
	/** What it has said so far. */
	readonly lines: readonly string[];
	readonly hasExited: () => boolean;
	/** Whether the probe of its pod passes. Throws where nothing listens yet. */
	readonly isReady: () => Promise<boolean>;
	/** Asks it to end in order, as a kubelet does. Settled when it has. */
	readonly terminate: () => Promise<void>;
	readonly adminPort: number;
	/** Answer of Envoy's own administration at a path, such as `/certs`. */
	readonly admin: (path: string) => Promise<string>;
}

/**
 * Starts it. Whether it works is seen by what it does. Nothing is redirected to it, so what it listens on is told by objects
 * of Istio alone.
 * @param pod with its address in the status
 * @param discoveryPort where an istiod, or who stands before several, takes connections of proxies
 */
export async function startProxy(
	{ program, envoy, bootstrap }: RealIstio,
	cluster: Cluster,
	pod: PodObject,
	discoveryPort: number,
): Promise<RunningProxy> {
	const container = containerOf(pod, 'istio-proxy');
	const folder = await mountPod(cluster, pod, container);
	const lines: string[] = [];
	try {
		const given = environmentOf(pod, container);
		const address = `${istiodHost}:${discoveryPort}`;
		const [admin, probes] = [await freePort(), await freePort()];
		const config = {
			...(JSON.parse(given.PROXY_CONFIG ?? '{}') as object),
			discoveryAddress: address,
			proxyAdminPort: admin,
			statusPort: await freePort(),
			configPath: path.join(folder.path, 'etc/istio/proxy'),
			binaryPath: envoy,
			concurrency: 1,
		};
		const running = await startGuarded(program('pilot-agent'), argumentsOf(container, given), {
			cwd: folder.path,
			env: {
				HOME: folder.path,
				...given,
				CA_ADDR: address,
				ISTIOD_SAN: istiodHost,
				ENVOY_PROMETHEUS_PORT: String(await freePort()),
				ENVOY_STATUS_PORT: String(probes),
				ISTIO_BOOTSTRAP: bootstrap,
				PROXY_CONFIG: JSON.stringify(config),
			},
			output: (line) => void lines.push(line),
		});
		const stop = async () => {
			await running.end();
			await folder[Symbol.asyncDispose]();
		};
		return {
			terminate: async () => {
				running.signal('SIGTERM');
				await running.exited;
				await stop();
			},
			lines,
			hasExited: running.hasExited,
			isReady: async () => (await get(probes, '/healthz/ready')).status === 200,
			adminPort: admin,
			admin: async (path) => (await get(admin, path)).text,
			[Symbol.asyncDispose]: stop,
		};
	} catch (error) {
		await folder[Symbol.asyncDispose]();
		throw error;
	}
}

async function get(port: number, path: string): Promise<{ readonly status: number; readonly text: string }> {
	const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`);
	return { status: statusCode, text: await body.text() };
}
