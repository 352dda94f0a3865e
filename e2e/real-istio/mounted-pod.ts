/**
 * What a kubelet gives to a container beside its image: the variables and the files of its pod. Istio's programs find their
 * files by paths relative to their folder, so each pod has a folder of its own.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { ApiServerError } from '../control-plane/api-client.ts';
import type { Cluster, ServiceAccountName } from '../control-plane/cluster.ts';

interface FieldRef {
	readonly fieldRef: { readonly fieldPath: string };
}

interface EnvVar {
	readonly name: string;
	readonly value?: string;
	readonly valueFrom?: Partial<FieldRef> & { readonly resourceFieldRef?: { readonly resource: string } };
}

export interface Container {
	readonly name: string;
	readonly image?: string;
	readonly args?: readonly string[];
	readonly env?: readonly EnvVar[];
	readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
	readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Source {
	readonly optional?: boolean;
}

interface Volume {
	readonly name: string;
	readonly emptyDir?: object;
	readonly configMap?: Source & { readonly name: string };
	readonly secret?: Source & { readonly secretName: string };
	readonly downwardAPI?: { readonly items: readonly ({ readonly path: string } & FieldRef)[] };
	readonly projected?: {
		readonly sources: readonly {
			readonly serviceAccountToken?: {
				readonly audience?: string;
				readonly expirationSeconds?: number;
				readonly path: string;
			};
		}[];
	};
}

export interface PodObject extends KubeObject {
	readonly spec: {
		readonly serviceAccountName?: string;
		readonly nodeName?: string;
		readonly containers: readonly Container[];
		readonly initContainers?: readonly Container[];
		readonly volumes?: readonly Volume[];
	};
	readonly status?: { readonly podIP?: string };
}

/** The account of a pod, which a kubelet gets tokens for. */
export function accountOf({ metadata, spec }: PodObject): ServiceAccountName {
	return { namespace: metadata.namespace ?? '', name: spec.serviceAccountName ?? 'default' };
}

/** The container of that name, which may be a native sidecar. Throws where there is none. */
export function containerOf({ metadata, spec }: PodObject, name: string): Container {
	const found = [...(spec.initContainers ?? []), ...spec.containers].find((container) => container.name === name);
	if (found === undefined) throw new Error(`pod ${metadata.name} has no container ${name}`);
	return found;
}

function fieldOf(pod: PodObject, fieldPath: string): string | undefined {
	const { metadata, spec, status } = pod;
	const lines = (map: Readonly<Record<string, string>> = {}) =>
		Object.entries(map)
			.map(([key, value]) => `${key}=${JSON.stringify(value)}`)
			.join('\n');
	switch (fieldPath) {
		case 'metadata.name':
			return metadata.name;
		case 'metadata.namespace':
			return metadata.namespace;
		case 'metadata.labels':
			return lines(metadata.labels);
		case 'metadata.annotations':
			return lines(metadata.annotations);
		case 'spec.serviceAccountName':
			return accountOf(pod).name;
		case 'spec.nodeName':
			return spec.nodeName ?? 'nowhere';
		case 'status.podIP':
		case 'status.hostIP':
			return status?.podIP;
		default:
			return undefined;
	}
}

/** The variables of a container. Throws where one comes from what nobody knows here. */
export function environmentOf(pod: PodObject, { env = [] }: Container): Readonly<Record<string, string>> {
	const entries = env
		// Processors and memory are those of this machine.
		.filter(({ valueFrom }) => valueFrom?.resourceFieldRef === undefined)
		.map(({ name, value = '', valueFrom }): [string, string] => {
			const { fieldRef } = valueFrom ?? {};
			const found = fieldRef === undefined ? value : fieldOf(pod, fieldRef.fieldPath);
			if (found === undefined) throw new Error(`nobody says what ${name} of pod ${pod.metadata.name} is`);
			return [name, found];
		});
	return Object.fromEntries(entries);
}

/** Arguments in which `$(NAME)` stands for a variable. */
export function argumentsOf({ args = [] }: Container, env: Readonly<Record<string, string>>): readonly string[] {
	return args.map((arg) => arg.replace(/\$\(([^)]+)\)/g, (all, name: string) => env[name] ?? all));
}

export interface PodFolder extends AsyncDisposable {
	readonly path: string;
}

/** Makes a folder with everything that is mounted into a container. Throws where something is not there yet. */
export async function mountPod(cluster: Cluster, pod: PodObject, container: Container): Promise<PodFolder> {
	const folder = await mkdtemp(path.join(tmpdir(), 'meshwright-pod-'));
	const remove = () => rm(folder, { recursive: true, force: true });
	try {
		for (const { name, mountPath } of container.volumeMounts ?? []) {
			const volume = pod.spec.volumes?.find((one) => one.name === name);
			if (volume === undefined) continue;
			const target = path.join(folder, mountPath);
			await mkdir(target, { recursive: true });
			for (const [file, content] of await filesOf(cluster, pod, volume))
				await writeFile(path.join(target, file), content, { mode: 0o600 });
		}
	} catch (error) {
		await remove();
		throw error;
	}
	return { path: folder, [Symbol.asyncDispose]: remove };
}

const dataObject = z.object({ data: z.record(z.string(), z.string()).default({}) });

async function dataOf(cluster: Cluster, namespace: string, plural: string, name: string, { optional = false }: Source) {
	try {
		const found = await cluster.request({ path: `/api/v1/namespaces/${namespace}/${plural}/${name}` });
		return dataObject.parse(found).data;
	} catch (error) {
		if (optional && error instanceof ApiServerError && error.status === 404) return {};
		throw error;
	}
}

type File = readonly [name: string, content: string | Buffer];

async function filesOf(cluster: Cluster, pod: PodObject, volume: Volume): Promise<readonly File[]> {
	const account = accountOf(pod);
	const { configMap, secret, downwardAPI, projected } = volume;
	if (configMap !== undefined)
		return Object.entries(await dataOf(cluster, account.namespace, 'configmaps', configMap.name, configMap));
	if (secret !== undefined) {
		const data = await dataOf(cluster, account.namespace, 'secrets', secret.secretName, secret);
		return Object.entries(data).map(([name, content]): File => [name, Buffer.from(content, 'base64')]);
	}
	if (downwardAPI !== undefined)
		return downwardAPI.items.map(({ path, fieldRef }): File => [path, fieldOf(pod, fieldRef.fieldPath) ?? '']);
	const tokens = (projected?.sources ?? []).flatMap(({ serviceAccountToken }) => serviceAccountToken ?? []);
	return Promise.all(
		tokens.map(async ({ audience, expirationSeconds = 3_600, path }): Promise<File> => {
			const spec = { audiences: audience === undefined ? [] : [audience], expirationSeconds };
			return [path, await tokenOf(cluster, account, spec)];
		}),
	);
}

const tokenRequest = z.object({ status: z.object({ token: z.string() }) });

async function tokenOf(cluster: Cluster, { namespace, name }: ServiceAccountName, spec: object): Promise<string> {
	const answer = await cluster.request({
		method: 'POST',
		path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
		body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
	});
	return tokenRequest.parse(answer).status.token;
}
