/**
 * Shared by the definitions of commands: options that several of them have, how values are read, where the exit code goes.
 */
import { InvalidArgumentError, Option } from 'commander';
import { tryDuration } from '../../api/v1/index.ts';

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
	if (text.length > 512 || !/^https:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(text) || !URL.canParse(text)) {
		throw new InvalidArgumentError('It must be an https URL without user, query or fragment.');
	}
	return text.replace(/\/+$/, '');
}

export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
	return [...(previous ?? []), value];
}

export const kubeconfigOption = (): Option =>
	new Option('--kubeconfig <file>', 'kubeconfig to use (default: KUBECONFIG, in-cluster, ~/.kube/config)');
export const contextOption = (): Option =>
	new Option('--context <name>', 'context of the kubeconfig (default: its current one)');
export const filesOption = (): Option =>
	new Option('-f, --filename <file>', 'file with MeshInstallations, - for standard input; may be given again')
		.argParser(collect)
		.makeOptionMandatory();
export const manifestsOption = (): Option =>
	new Option('-f, --filename <file>', 'file with manifests, - for standard input; may be given again').argParser(
		collect,
	);
export const recursiveOption = (): Option =>
	new Option(
		'-R, --recursive <folder>',
		'folder whose .yaml, .yml and .json files are read, with its subfolders; may be given again',
	).argParser(collect);
export const outputOption = (...choices: readonly string[]): Option =>
	new Option('-o, --output <format>', 'output format').choices(choices);

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

export function examples(...lines: readonly string[]): string {
	return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
