/** Volumes of a pod as files, written and replaced as a kubelet does it with those of ConfigMaps and Secrets. */
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { orAbsent } from './eventually.ts';

interface Source {
	readonly optional?: boolean;
	/** Without them each key is a file of its name. */
	readonly items?: readonly { readonly key: string; readonly path: string }[];
}

export interface Volume {
	readonly name: string;
	readonly configMap?: { readonly name: string } & Source;
	readonly secret?: { readonly secretName: string } & Source;
	readonly emptyDir?: object;
}

export interface VolumeMount {
	readonly name: string;
	readonly mountPath: string;
}

type Data = Readonly<Record<string, string | Buffer>>;

/** Mounts below a folder, which stands for the root of a container. */
export class MountedFiles {
	readonly #api: ApiServer;
	readonly #namespace: string;
	readonly #folder: string;
	#round = 0;

	constructor(api: ApiServer, namespace: string, folder: string) {
		this.#api = api;
		this.#namespace = namespace;
		this.#folder = folder;
	}

	/** Brings what the API server has now into the files. Throws where it lacks what a pod would wait for. */
	async refresh(mounts: readonly VolumeMount[], volumes: readonly Volume[]): Promise<void> {
		this.#round++;
		for (const { name, mountPath } of mounts) {
			const volume = volumes.find((candidate) => candidate.name === name);
			if (volume === undefined) throw new Error(`no volume ${name} for ${mountPath}`);
			await mount(join(this.#folder, mountPath), await this.#dataOf(volume), this.#round);
		}
	}

	async #dataOf({ name, configMap, secret, emptyDir }: Volume): Promise<Data> {
		if (configMap !== undefined) {
			return chosen(await this.#read(kinds.ConfigMap, configMap.name, configMap.optional), configMap);
		}
		if (secret !== undefined) {
			const data = chosen(await this.#read(kinds.Secret, secret.secretName, secret.optional), secret);
			return Object.fromEntries(Object.entries(data).map(([path, text]) => [path, Buffer.from(text, 'base64')]));
		}
		if (emptyDir === undefined) throw new Error(`volume ${name} is neither a ConfigMap, nor a Secret, nor empty`);
		return {};
	}

	async #read(
		{ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
		name: string,
		optional = false,
	): Promise<Readonly<Record<string, string>> | undefined> {
		const reading = this.#api.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>({
			apiVersion,
			kind,
			namespace: this.#namespace,
			name,
		});
		return (await (optional ? orAbsent(reading) : reading))?.data;
	}
}

/** The files that a volume makes of an object's data. */
function chosen(data: Readonly<Record<string, string>> = {}, { items }: Source): Readonly<Record<string, string>> {
	if (items === undefined) return data;
	return Object.fromEntries(items.map(({ key, path }) => [path, data[key] ?? '']));
}

/** All files at once, by a link that is replaced (kubernetes 1.36 `pkg/volume/util/atomic_writer.go`). */
async function mount(directory: string, data: Data, round: number): Promise<void> {
	const version = `..version-${round}`;
	await mkdir(join(directory, version), { recursive: true });
	for (const [name, content] of Object.entries(data)) await writeFile(join(directory, version, name), content);
	await symlink(version, join(directory, '..data_tmp'));
	await rename(join(directory, '..data_tmp'), join(directory, '..data'));
	if (round > 1) return;
	for (const name of Object.keys(data)) await symlink(join('..data', name), join(directory, name));
}
