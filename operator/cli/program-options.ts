/**
 * Shared by the definitions of commands: options that several of them have, how values are read, where the exit code goes.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { isServerUrl, serverUrlForm, tryDuration } from '../../api/v1/index.ts';
import { type MeshLimits, registryParts } from '../releases/index.ts';

/** Called with the exit code of the command that ran. */
export type Report = (exitCode: number) => void;

export function wholeNumber(least: number): (text: string) => number {
	return (text) => {
		const value = Number(text);
		if (!Number.isInteger(value) || value < least) {
			throw new InvalidArgumentError(`It must be a whole number of ${least} or more.`);
		}
		return value;
	};
}

export function positiveNumber(text: string): number {
	const value = Number(text);
	if (!(value > 0 && Number.isFinite(value))) {
		throw new InvalidArgumentError('It must be a number above 0.');
	}
	return value;
}

export function seconds(text: string): number {
	const match = /^([0-9]+)(s|m)?$/.exec(text);
	if (match === null) {
		throw new InvalidArgumentError('It must be a duration such as 90s or 5m.');
	}
	return Number(match[1]) * (match[2] === 'm' ? 60 : 1);
}

/** Reads a duration as the API writes it, `720h`, into milliseconds. */
export function durationMs(leastMs: number, least: string): (text: string) => number {
	return (text) => {
		const value = tryDuration(text);
		if (value === undefined || value < leastMs) {
			throw new InvalidArgumentError(`It must be a duration of ${least} or more, such as 720h.`);
		}
		return value;
	};
}

/** Reads a name as namespaces and clusters have it (RFC 1123 label). */
export function label(text: string): string {
	if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) {
		throw new InvalidArgumentError('It must be a name of at most 63 small letters, digits and dashes.');
	}
	return text;
}

/** Reads an https URL as `spec.multiCluster` takes it. */
function serverUrl(text: string): string {
	if (!isServerUrl(text)) {
		throw new InvalidArgumentError(`It must be ${serverUrlForm}.`);
	}
	return text.replace(/\/+$/, '');
}

const imagePattern =
	/^(?<name>(([a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?\/)?[a-z0-9]+([._-]{1,2}[a-z0-9]+)*(\/[a-z0-9]+([._-]{1,2}[a-z0-9]+)*)*)(:[a-zA-Z0-9_][-a-zA-Z0-9_.]{0,127})?(@sha256:[0-9a-f]{64})?$/;

/** Reads an image as kubelets take it: a name with a tag, a digest, or both; then the digest decides. */
export function imageReference(text: string): string {
	const match = text.length > 1_024 ? null : imagePattern.exec(text);
	if (match === null || (match.groups?.name ?? '').length > 255) {
		throw new InvalidArgumentError(
			'It must be an image with a tag or a digest, such as registry.example.com/meshwright:0.1.0 or registry.example.com/meshwright@sha256: and 64 hexadecimal digits.',
		);
	}
	return text;
}

export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
	return [...(previous ?? []), value];
}

export const kubeconfigOption = (): Option =>
	new Option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, in-cluster, ~/.kube/config)');
export const contextOption = (): Option =>
	new Option('--context <name>', 'context of the kubeconfig (default: its current one)');
export const filesOption = (): Option =>
	new Option(
		'-f, --filename <file>',
		'file with MeshInstallations, at most 8 MiB; - for standard input; may be given again',
	)
		.argParser(collect)
		.makeOptionMandatory();
export const manifestsOption = (): Option =>
	new Option(
		'-f, --filename <file>',
		'file with manifests, at most 8 MiB; - for standard input; may be given again',
	).argParser(collect);
export const recursiveOption = (): Option =>
	new Option(
		'-R, --recursive <folder>',
		'folder whose .yaml, .yml and .json files are read, with its subfolders: regular files inside of it, at most 8 MiB each and 64 MiB together; may be given again',
	).argParser(collect);
export const installationOption = (): Option =>
	new Option('--installation <file>', 'file with the MeshInstallation (default: the live one of the cluster)');
export const meshOption = (): Option =>
	new Option('--mesh <name>', 'name of the MeshInstallation, where there are several');
export const outputOption = (...choices: readonly string[]): Option =>
	new Option('-o, --output <format>', 'output format').choices(choices);

/** How long to look again, in milliseconds. */
export const waitOption = (until: string): Option =>
	new Option('--wait <duration>', `look again ${until}, for this long at most`).argParser(
		(text) => seconds(text) * 1000,
	);

export const joinContextOption = (): Option =>
	new Option('--join-context <name>', 'context of the other cluster, with your own rights there');
export const joinKubeconfigOption = (): Option =>
	new Option('--join-kubeconfig <file>', 'kubeconfig of that context (default: as --kubeconfig)');
export const loopbackOption = (): Option =>
	new Option(
		'--allow-loopback-clusters',
		'take API servers at loopback addresses, where all clusters are on this machine, as an operator with this flag',
	).default(false);
export const serverOption = (): Option =>
	new Option(
		'--server <url>',
		'address by which others reach the API server of that cluster (default: that of the kubeconfig)',
	).argParser(serverUrl);

/** Reads `a,b`: registries with an optional path. */
function registries(text: string): readonly string[] {
	const list = text.split(',').map((entry) => entry.trim().replace(/\/+$/, ''));
	if (list.some((entry) => registryParts(entry) === undefined)) {
		throw new InvalidArgumentError(
			'It must be registries with an optional path, in small letters, such as registry.example.com/istio,docker.io/istio.',
		);
	}
	return list;
}

/** Reads `a,b-*`: names of namespaces, where a star at the end stands for any rest. */
function namespaces(text: string): readonly string[] {
	const list = text.split(',').map((entry) => entry.trim());
	if (list.some((entry) => !/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$|^[-a-z0-9]{1,62}\*$/.test(entry))) {
		throw new InvalidArgumentError('It must be names of namespaces, such as istio-system,mesh-*.');
	}
	return list;
}

/** What whoever runs the operator lets meshes do, for it and for the commands that tell what it would refuse. */
const limitOptions = (): readonly Option[] => [
	new Option(
		'--overlays <policy>',
		'what overlays may change: restricted is what gives nobody more rights, see docs/overlays.md',
	)
		.choices(['restricted', 'unrestricted'])
		.default('restricted'),
	new Option(
		'--allowed-registries <list>',
		'registries that images may come from, such as registry.example.com/istio,docker.io/istio (default: all)',
	).argParser(registries),
	new Option(
		'--allowed-namespaces <list>',
		'namespaces that meshes and their injection may be in, such as istio-system,shop-* (default: all but the closed ones)',
	).argParser(namespaces),
];

/** Adds the flags of the operator that hold meshes in bounds. */
export function withLimits(command: Command): Command {
	for (const option of limitOptions()) command.addOption(option);
	return command;
}

/** Adds the same to a command that tells what the operator would refuse. */
export function withOperatorLimits(command: Command): Command {
	return withLimits(command).addOption(operatorNamespaceOption('namespace of the operator, which is closed to meshes'));
}

export const operatorNamespaceOption = (words: string): Option =>
	new Option('--operator-namespace <name>', words).argParser(label).default('meshwright-system');

export interface LimitOptions {
	readonly overlays: 'restricted' | 'unrestricted';
	readonly allowedRegistries?: readonly string[];
	readonly allowedNamespaces?: readonly string[];
	readonly operatorNamespace: string;
}

export function limitsOf(options: LimitOptions): MeshLimits {
	const { overlays, allowedRegistries, allowedNamespaces, operatorNamespace } = options;
	return { overlays, registries: allowedRegistries, namespaces: allowedNamespaces, operatorNamespace };
}

export function examples(...lines: readonly string[]): string {
	return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
