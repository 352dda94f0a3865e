/** A real istiod as a process on the loopback: with the arguments, the environment and the rights that were rendered for its pod. */
import { request } from 'undici';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { eventually } from '../support/eventually.ts';
import type { RealIstio } from './locate.ts';
import { accountOf, argumentsOf, containerOf, environmentOf, mountPod, type PodObject } from './mounted-pod.ts';

/** Flags of the addresses that istiod listens on. */
const addresses = ['httpAddr', 'httpsAddr', 'grpcAddr', 'secureGRPCAddr', 'monitoringAddr'] as const;

export type IstiodPorts = Readonly<Record<(typeof addresses)[number], number>>;

export interface Istiod extends AsyncDisposable {
	readonly ports: IstiodPorts;
	/** What it has said so far. */
	readonly lines: readonly string[];
	readonly hasExited: () => boolean;
	/** Asks it to end in order, as a kubelet does. Settled when it has. */
	readonly terminate: () => Promise<void>;
}

/** The name by which its certificate is good here, beside those of its Service. */
export const istiodHost = 'localhost';

/** Envoy as it is published has no filters of Istio's own, so an istiod that serves it must not ask for them. */
const forPlainEnvoy = { PILOT_ENABLE_ALPN_FILTER: 'false', PILOT_ENABLE_METADATA_EXCHANGE: 'false' } as const;

/**
 * Starts it; settled when it is ready. Throws with the end of its log when it never is.
 * @param deployment its Deployment as it was rendered, whose ServiceAccount is in the cluster
 */
export async function startIstiod(real: RealIstio, cluster: Cluster, deployment: KubeObject): Promise<Istiod> {
	const istiod = await launchIstiod(real, cluster, podOf(deployment));
	try {
		await eventually('istiod is ready', async () => istiod.hasExited() || (await isIstiodReady(istiod)));
		if (istiod.hasExited()) throw new Error('it ended');
		return istiod;
	} catch (error) {
		await istiod[Symbol.asyncDispose]();
		throw new Error(`istiod ${real.pins.line}:\n${istiod.lines.slice(-30).join('\n')}`, { cause: error });
	}
}

/** Whether the probe of its pod passes. Throws where it does not listen yet. */
export async function isIstiodReady({ ports }: Pick<Istiod, 'ports'>): Promise<boolean> {
	const { statusCode, body } = await request(`http://127.0.0.1:${ports.httpAddr}/ready`);
	await body.dump();
	return statusCode === 200;
}

/** Starts the process of a pod of istiod, and does not wait until it is ready. */
export async function launchIstiod(real: RealIstio, cluster: Cluster, pod: PodObject): Promise<Istiod> {
	const container = containerOf(pod, 'discovery');
	const kubeconfig = await cluster.kubeconfigFor(accountOf(pod));
	const folder = await mountPod(cluster, pod, container);
	try {
		const ports = Object.fromEntries(
			await Promise.all(addresses.map(async (flag) => [flag, await freePort()] as const)),
		) as IstiodPorts;
		const env = environmentOf(pod, container);
		const args = argumentsOf(container, env).filter((arg) => !addresses.some((flag) => arg.startsWith(`--${flag}=`)));
		const lines: string[] = [];
		const running = await startGuarded(
			real.program('pilot-discovery'),
			[
				...args,
				...addresses.map((flag) => `--${flag}=127.0.0.1:${ports[flag]}`),
				`--ctrlz_port=${await freePort()}`,
				`--kubeconfig=${kubeconfig}`,
			],
			{
				cwd: folder.path,
				env: {
					HOME: folder.path,
					...env,
					...forPlainEnvoy,
					KUBECONFIG: kubeconfig,
					ISTIOD_CUSTOM_HOST: istiodHost,
				},
				output: (line) => void lines.push(line),
			},
		);
		const stop = async () => {
			await running.end();
			await folder[Symbol.asyncDispose]();
		};
		const terminate = async () => {
			running.signal('SIGTERM');
			await running.exited;
			await stop();
		};
		return { ports, lines, hasExited: running.hasExited, terminate, [Symbol.asyncDispose]: stop };
	} catch (error) {
		await folder[Symbol.asyncDispose]();
		throw error;
	}
}

/** The Deployment of istiod among what was rendered. */
export function istiodDeployment(objects: readonly KubeObject[]): KubeObject {
	const found = objects.find(
		({ kind, metadata }) => kind === kinds.Deployment.kind && metadata.labels?.app === 'istiod',
	);
	if (found === undefined) throw new Error('no Deployment of istiod was rendered');
	return found;
}

/** A pod as its ReplicaSet would make it. */
export function podOf({ metadata: { name, namespace = '' }, spec }: KubeObject): PodObject {
	const { template } = spec as { readonly template: Pick<PodObject, 'spec'> & Partial<Pick<PodObject, 'metadata'>> };
	const metadata = { ...template.metadata, name: `${name}-0`, namespace };
	return { apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec };
}
