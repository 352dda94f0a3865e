/**
 * A component of the control plane as its pod runs it: the arguments, environment and files of the Deployment, under its own
 * ServiceAccount. Ports are those of the pod, so one component runs at a time.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { eventually } from '../support/eventually.ts';
import type { MeshCluster } from '../support/mesh-cluster.ts';
import { MountedFiles, type Volume, type VolumeMount } from '../support/mounted-files.ts';
import { type Places, type ProgramName, programs } from './programs.ts';

interface EnvVar {
	readonly name: string;
	readonly value?: string;
	readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } };
}

export interface ComponentDeployment extends KubeObject {
	readonly spec: {
		readonly template: {
			readonly spec: {
				readonly serviceAccountName: string;
				readonly volumes?: readonly Volume[];
				/** The component itself comes first. */
				readonly containers: readonly [
					{
						readonly name: string;
						readonly args: readonly string[];
						readonly env?: readonly EnvVar[];
						readonly volumeMounts?: readonly VolumeMount[];
						readonly readinessProbe: { readonly httpGet: { readonly path: string; readonly port: number } };
					},
				];
			};
		};
	};
}

export interface ComponentProcess extends AsyncDisposable {
	readonly hasExited: () => boolean;
	readonly lines: readonly string[];
}

/** Starts it; settled when its readiness probe succeeds. Throws with its log when it never does. */
export async function startComponent(
	binary: string,
	flags: readonly string[],
	{ api, cluster }: Pick<MeshCluster, 'api' | 'cluster'>,
	deployment: ComponentDeployment,
): Promise<ComponentProcess> {
	const { namespace = '' } = deployment.metadata;
	const { serviceAccountName, volumes = [], containers } = deployment.spec.template.spec;
	const { name, args, env = [], volumeMounts = [], readinessProbe } = containers[0];
	const program = programs[name as ProgramName];
	const kubeconfig = await cluster.kubeconfigFor({ namespace, name: serviceAccountName });
	const folder = await mkdtemp(join(tmpdir(), 'meshwright-real-'));
	const lines: string[] = [];
	let stop = () => rm(folder, { recursive: true, force: true });
	try {
		await new MountedFiles(api, namespace, folder).refresh(volumeMounts, volumes);
		const places: Places = { folder, kubeconfig, flags };
		const mounted = args.map((arg) => below(folder, volumeMounts, arg));
		const running = await startGuarded(binary, [...program.entry, ...program.args(mounted, places)], {
			cwd: folder,
			// For Mixer's adapter `kubernetesenv`, where no other is rendered.
			env: { KUBECONFIG: kubeconfig, ...environment(env, deployment, (path) => below(folder, volumeMounts, path)) },
			output: (line) => void lines.push(line),
		});
		const remove = stop;
		stop = async () => {
			await running.end();
			await remove();
		};
		const { path, port } = readinessProbe.httpGet;
		let hasEnded = false;
		await eventually(`${deployment.metadata.name} is ready`, async () => {
			hasEnded = running.hasExited();
			if (hasEnded) return true;
			const { statusCode, body } = await request(`http://127.0.0.1:${port}${path}`);
			await body.dump();
			return statusCode === 200;
		});
		if (hasEnded) throw new Error(`it ended with ${await running.exited}`);
		return { hasExited: running.hasExited, lines, [Symbol.asyncDispose]: stop };
	} catch (error) {
		await stop();
		throw new Error(`${binary}: ${excerpt(lines)}`, { cause: error });
	}
}

/** What says that flags, rights, definitions or files are wrong. */
const complaint =
	/unknown (shorthand )?flag|forbidden|cannot (list|watch|get)|could not find the requested resource|no such file/i;

export function complaintsIn(lines: readonly string[]): readonly string[] {
	return lines.filter((line) => complaint.test(line));
}

/** Both ends of a log: an unknown flag is told before pages of those that are known. */
export function excerpt(lines: readonly string[]): string {
	return (lines.length < 30 ? lines : [...lines.slice(0, 5), '…', ...lines.slice(-20)]).join('\n');
}

/** A path, or an argument that ends with one, of a mount: below the folder in which the mounts are. */
function below(folder: string, mounts: readonly VolumeMount[], text: string): string {
	const path = /^(?:.*?(?:=|:\/\/))?(?=\/)/.exec(text)?.[0];
	const mount = mounts.find(({ mountPath }) => path !== undefined && text.startsWith(`${path}${mountPath}/`));
	return mount === undefined ? text : `${path}${folder}${text.slice(path?.length)}`;
}

/**
 * @param toFile where a path of the container is
 * @throws where a variable comes from anything but a value and the fields that a test can know
 */
function environment(
	env: readonly EnvVar[],
	{ metadata }: KubeObject,
	toFile: (path: string) => string,
): Readonly<Record<string, string>> {
	const fields: Readonly<Record<string, string | undefined>> = {
		'metadata.name': `${metadata.name}-0`,
		'metadata.namespace': metadata.namespace,
	};
	return Object.fromEntries(
		env.map(({ name, value, valueFrom }) => {
			const found = valueFrom === undefined ? toFile(value ?? '') : fields[valueFrom.fieldRef?.fieldPath ?? ''];
			if (found === undefined) throw new Error(`nobody says what ${name} is`);
			return [name, found];
		}),
	);
}
