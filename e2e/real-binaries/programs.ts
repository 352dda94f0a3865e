/**
 * Istio's own binaries: where the environment says they are, and what the process of each needs outside of a pod, beside what
 * is rendered.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { classicReleases } from '../../operator/releases/classic/index.ts';

/** Where a process finds what a pod has at fixed places. */
export interface Places {
	/** Stands for the root of the container. */
	readonly folder: string;
	readonly kubeconfig: string;
	/** Flags that the binary knows, without leading dashes. */
	readonly flags: readonly string[];
}

interface Program {
	readonly binary: string;
	/** What the image puts before the arguments (the `ENTRYPOINT` of istio 1.0-1.4 `<component>/docker/Dockerfile.*`). */
	readonly entry: readonly string[];
	/** The rendered arguments, with the account's kubeconfig instead of the pod's token, where they name none. */
	readonly args: (rendered: readonly string[], places: Places) => readonly string[];
}

/** By the container in which each runs. */
export const programs = {
	discovery: {
		binary: 'pilot-discovery',
		entry: [],
		args: (rendered, { folder, kubeconfig, flags }) => [
			...rendered.map((arg) => arg.replace(/=:(?=\d+$)/, '=127.0.0.1:')),
			...(rendered.some((arg) => arg.startsWith('--kubeconfig=')) ? [] : [`--kubeconfig=${kubeconfig}`]),
			// Its defaults, where they are here, and on the loopback only.
			`--meshConfig=${folder}/etc/istio/config/mesh`,
			...(flags.includes('networksConfig') ? [`--networksConfig=${folder}/etc/istio/config/meshNetworks`] : []),
			'--httpAddr=127.0.0.1:8080',
			'--grpcAddr=127.0.0.1:15010',
		],
	},
	mixer: {
		binary: 'mixs',
		entry: ['server'],
		args: (rendered, { kubeconfig }) =>
			rendered.map((arg) => (arg === '--configStoreURL=k8s://' ? `${arg}${kubeconfig}` : arg)),
	},
	citadel: {
		binary: 'istio_ca',
		entry: ['--self-signed-ca'],
		args: (rendered, { kubeconfig }) => [...rendered, `--kube-config=${kubeconfig}`],
	},
} as const satisfies Readonly<Record<string, Program>>;

export type ProgramName = keyof typeof programs;

/** The file of a release's binary, where there is one. */
export function binaryOf(version: string, name: ProgramName): string | undefined {
	const folder = process.env.MESHWRIGHT_ISTIO;
	if (folder === undefined) return undefined;
	const file = join(folder, version, programs[name].binary);
	return existsSync(file) ? file : undefined;
}

/** Releases of which there is a binary. Throws where a folder is named in vain: nothing would be tested, and nobody would see it. */
export function versionsWithBinaries(): readonly string[] {
	const names = Object.keys(programs) as ProgramName[];
	const found = classicReleases
		.map(({ version }) => version)
		.filter((version) => names.some((name) => binaryOf(version, name) !== undefined));
	if (process.env.MESHWRIGHT_ISTIO !== undefined && found.length === 0) {
		const binaries = names.map((name) => programs[name].binary).join('|');
		throw new Error(`MESHWRIGHT_ISTIO is ${process.env.MESHWRIGHT_ISTIO}, and no <version>/${binaries} is there`);
	}
	return found;
}
