/**
 * A real injector as its pod runs it: with the arguments of the Deployment, under its own ServiceAccount, and with files that
 * change as a kubelet changes those of mounted ConfigMaps and Secrets.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { injectorName, injectorServiceAccount } from '../../operator/render/classic/injector-names.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { eventually } from '../support/eventually.ts';
import type { MeshCluster } from '../support/mesh-cluster.ts';
import { MountedFiles, type Volume, type VolumeMount } from '../support/mounted-files.ts';

export interface MountedInjector extends AsyncDisposable {
	readonly port: number;
	/** Brings what the API server has now into the files, as the kubelet does sooner or later. */
	readonly refresh: () => Promise<void>;
	readonly log: () => string;
}

interface InjectorDeployment extends KubeObject {
	readonly spec: {
		readonly template: {
			readonly spec: {
				readonly volumes: readonly Volume[];
				readonly containers: readonly {
					readonly args: readonly string[];
					readonly volumeMounts: readonly VolumeMount[];
				}[];
			};
		};
	};
}

/** Starts the program for the injector of a namespace. Settled when `serves` is; throws with its log when it never is. */
export async function startMountedInjector(
	program: string,
	{ api, cluster }: Pick<MeshCluster, 'api' | 'cluster'>,
	namespace: string,
	serves: (port: number) => Promise<unknown>,
): Promise<MountedInjector> {
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-injector-'));
	const deployment = await api.get<InjectorDeployment>({ ...kinds.Deployment, namespace, name: injectorName });
	const { containers, volumes } = deployment.spec.template.spec;
	const [container] = containers;
	if (container === undefined) throw new Error('the injector has no container');
	const files = new MountedFiles(api, namespace, folder);
	const refresh = () => files.refresh(container.volumeMounts, volumes);
	await refresh();
	const [port, monitoringPort] = await Promise.all([freePort(), freePort()]);
	const kubeconfig = await cluster.kubeconfigFor({ namespace, name: injectorServiceAccount });
	const args = container.args.map((arg) =>
		arg
			.replace(/=\//, `=${folder}/`)
			.replace(/^--port=.*/, `--port=${port}`)
			.replace(/^--monitoringPort=.*/, `--monitoringPort=${monitoringPort}`),
	);
	const lines: string[] = [];
	const running = await startGuarded(program, [...args, `--kubeconfig=${kubeconfig}`], {
		cwd: folder,
		env: { POD_NAMESPACE: namespace },
		output: (line) => void lines.push(line),
	});
	const stop = async () => {
		await running.end();
		await rm(folder, { recursive: true, force: true });
	};
	try {
		await eventually('the injector serves', async () => {
			if (running.hasExited()) throw new Error('it has ended');
			await serves(port);
			return true;
		});
	} catch (error) {
		await stop();
		throw new Error(`${program}: ${lines.slice(-20).join('\n')}`, { cause: error });
	}
	return { port, refresh, log: () => lines.join('\n'), [Symbol.asyncDispose]: stop };
}
