/** A real istiod as a process on the loopback: with the arguments, the environment and the rights that were rendered for its pod. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { request } from 'undici';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { eventually } from '../support/eventually.ts';
import type { RealIstio } from './locate.ts';

interface EnvVar {
	readonly name: string;
	readonly value?: string;
	readonly valueFrom?: {
		readonly fieldRef?: { readonly fieldPath: string };
		readonly resourceFieldRef?: { readonly resource: string };
	};
}

interface PodSpec {
	readonly serviceAccountName: string;
	readonly containers: readonly {
		readonly name: string;
		readonly args: readonly string[];
		readonly env?: readonly EnvVar[];
	}[];
}

/** Flags of the addresses that istiod listens on. */
const addresses = ['httpAddr', 'httpsAddr', 'grpcAddr', 'secureGRPCAddr', 'monitoringAddr'] as const;

export interface Istiod extends AsyncDisposable {
	readonly ports: Readonly<Record<(typeof addresses)[number], number>>;
	/** What it has said so far. */
	readonly lines: readonly string[];
	readonly hasExited: () => boolean;
}

/** The name by which its certificate is good here, beside those of its Service. */
export const istiodHost = 'localhost';

/**
 * Starts it; settled when it is ready. Throws with the end of its log when it never is.
 * @param deployment its Deployment as it was rendered, whose ServiceAccount is in the cluster
 */
export async function startIstiod(real: RealIstio, cluster: Cluster, deployment: KubeObject): Promise<Istiod> {
	const { namespace = '' } = deployment.metadata;
	const pod = podOf(deployment);
	const [container] = pod.containers;
	if (container === undefined) throw new Error(`Deployment ${deployment.metadata.name} has no container`);
	const kubeconfig = await cluster.kubeconfigFor({ namespace, name: pod.serviceAccountName });
	const folder = await mkdtemp(path.join(tmpdir(), 'meshwright-istiod-'));
	const ports = Object.fromEntries(
		await Promise.all(addresses.map(async (flag) => [flag, await freePort()] as const)),
	) as Istiod['ports'];
	const args = container.args.filter((arg) => !addresses.some((flag) => arg.startsWith(`--${flag}=`)));
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
			// It finds what is mounted into its pod by paths relative to its folder.
			cwd: folder,
			env: {
				HOME: folder,
				...environment(container.env ?? [], deployment, pod),
				KUBECONFIG: kubeconfig,
				ISTIOD_CUSTOM_HOST: istiodHost,
			},
			output: (line) => void lines.push(line),
		},
	);
	const stop = async () => {
		await running.end();
		await rm(folder, { recursive: true, force: true });
	};
	try {
		let hasEnded = false;
		await eventually('istiod is ready', async () => {
			hasEnded = running.hasExited();
			if (hasEnded) return true;
			const { statusCode, body } = await request(`http://127.0.0.1:${ports.httpAddr}/ready`);
			await body.dump();
			return statusCode === 200;
		});
		if (hasEnded) throw new Error(`it ended with exit code ${await running.exited}`);
		return { ports, lines, hasExited: running.hasExited, [Symbol.asyncDispose]: stop };
	} catch (error) {
		await stop();
		throw new Error(`istiod ${real.pins.line}:\n${lines.slice(-30).join('\n')}`, { cause: error });
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

function podOf({ spec }: KubeObject): PodSpec {
	return (spec as { readonly template: { readonly spec: PodSpec } }).template.spec;
}

/** @throws where a variable comes from what a test can't know */
function environment(
	env: readonly EnvVar[],
	{ metadata }: KubeObject,
	{ serviceAccountName }: PodSpec,
): Readonly<Record<string, string>> {
	const fields: Readonly<Record<string, string | undefined>> = {
		'metadata.name': `${metadata.name}-0`,
		'metadata.namespace': metadata.namespace,
		'spec.serviceAccountName': serviceAccountName,
	};
	return Object.fromEntries(
		env
			// Processors and memory are those of this machine.
			.filter(({ valueFrom }) => valueFrom?.resourceFieldRef === undefined)
			.map(({ name, value, valueFrom }) => {
				const found = valueFrom === undefined ? (value ?? '') : fields[valueFrom.fieldRef?.fieldPath ?? ''];
				if (found === undefined) throw new Error(`nobody says what ${name} is`);
				return [name, found];
			}),
	);
}
