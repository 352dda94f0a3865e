/**
 * Runs the exec plugin of a user's kubeconfig as kubectl does (kubernetes 1.36 client-go
 * `plugin/pkg/client/auth/exec/exec.go`). What it says when it fails is shown without credentials and control characters.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { InvalidError } from '../errors.ts';
import { redactText } from '../log/redact-text.ts';
import { isRecord, recordsIn } from '../object-shape.ts';
import { visible } from '../visible-text.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What a plugin gives. */
export interface ExecCredential {
	readonly token?: string;
	/** PEM. */
	readonly cert?: string;
	readonly key?: string;
	/** Wall clock, milliseconds since 1970. Undefined when it says no end. */
	readonly expiresAt?: number;
}

/** A terminal at which a person can answer a plugin. */
export interface Terminal {
	readonly isInteractive: boolean;
	/** Shows what the plugin says to the person. Whoever shows it makes it safe for a terminal. */
	readonly show: (text: string) => void;
}

/** A plugin that asks nobody has this time. */
const patienceMs = 60_000;
/** A person may have to log in by a browser. */
const interactivePatienceMs = 10 * 60_000;
const longestOutputBytes = 1024 * 1024;
/** The end of what it says is kept: there the reason stands. */
const longestErrorCharacters = 4096;
const longestQuote = 600;

const apiGroup = 'client.authentication.k8s.io/';

/** For a process that nobody watches. */
const nobody: Terminal = { isInteractive: false, show: () => {} };

/**
 * Runs the plugin and reads its answer. Throws InvalidError with name, exit code and words of the plugin, and what to try.
 * @param exec the user's field `exec`, its command absolute or to be found on the PATH
 * @param cluster what the plugin is told about the cluster when it asks for that (`provideClusterInfo`)
 * @param waitMs when it is ended
 */
export async function runExecPlugin(
	exec: Fields,
	cluster: Fields,
	terminal: Terminal = nobody,
	waitMs: number = terminal.isInteractive ? interactivePatienceMs : patienceMs,
): Promise<ExecCredential> {
	const command = textOf(exec, 'command');
	if (command === undefined) throw failed('the exec plugin of the kubeconfig has no command: name its program there');
	const apiVersion = textOf(exec, 'apiVersion') ?? '';
	if (!apiVersion.startsWith(apiGroup)) {
		throw failed(`the exec plugin ${command} has no apiVersion ${apiGroup}v1: write it into the kubeconfig`);
	}
	const mode = textOf(exec, 'interactiveMode') ?? 'IfAvailable';
	const isInteractive = mode !== 'Never' && terminal.isInteractive;
	if (mode === 'Always' && !isInteractive) {
		throw failed(`the exec plugin ${command} asks a person (interactiveMode: Always): run this command at a terminal`);
	}
	const info = {
		apiVersion,
		kind: 'ExecCredential',
		spec: { interactive: isInteractive, ...(exec.provideClusterInfo === true ? { cluster: infoOf(cluster) } : {}) },
	};
	const variables = recordsIn(exec.env).map(({ name, value }) => [String(name), String(value ?? '')]);
	const outcome = await run(
		command,
		(Array.isArray(exec.args) ? exec.args : []).map(String),
		{ ...process.env, ...Object.fromEntries(variables), KUBERNETES_EXEC_INFO: JSON.stringify(info) },
		isInteractive ? terminal : undefined,
		waitMs,
	);
	return credentialOf(command, apiVersion, outcome, textOf(exec, 'installHint'));
}

interface Outcome {
	readonly error?: NodeJS.ErrnoException;
	readonly code: number | null;
	readonly signal: string | null;
	readonly isLate: boolean;
	readonly output: string;
	readonly words: string;
}

/** @param terminal where a person is asked; undefined when nobody is */
function run(
	command: string,
	args: readonly string[],
	env: NodeJS.ProcessEnv,
	terminal: Terminal | undefined,
	waitMs: number,
): Promise<Outcome> {
	return new Promise((resolve) => {
		let child: ChildProcess;
		try {
			child = spawn(command, args, { env, stdio: [terminal === undefined ? 'ignore' : 'inherit', 'pipe', 'pipe'] });
		} catch (error) {
			// A command or an argument with a zero byte.
			resolve({
				error: error as NodeJS.ErrnoException,
				code: null,
				signal: null,
				isLate: false,
				output: '',
				words: '',
			});
			return;
		}
		let output = '';
		let words = '';
		let error: NodeJS.ErrnoException | undefined;
		let isLate = false;
		const end = () => {
			child.kill('SIGKILL');
			// A program that the plugin has started may hold the pipes open.
			child.stdout?.destroy();
			child.stderr?.destroy();
		};
		const timer = setTimeout(() => {
			isLate = true;
			end();
		}, waitMs);
		child.stdout?.setEncoding('utf8').on('data', (text: string) => {
			output += text;
			if (output.length > longestOutputBytes) end();
		});
		child.stderr?.setEncoding('utf8').on('data', (text: string) => {
			words = (words + text).slice(-longestErrorCharacters);
			terminal?.show(text);
		});
		child.on('error', (cause) => {
			error = cause;
		});
		child.on('close', (code, signal) => {
			clearTimeout(timer);
			resolve({ ...(error === undefined ? {} : { error }), code, signal, isLate, output, words });
		});
	});
}

function credentialOf(
	command: string,
	apiVersion: string,
	{ error, code, signal, isLate, output, words }: Outcome,
	installHint: string | undefined,
): ExecCredential {
	const name = `the exec plugin ${command}`;
	if (error !== undefined) throw failed(notStarted(name, command, error, installHint));
	if (isLate) throw failed(`${name} did not end in time${said(words)}. ${tryIt(command)}`);
	if (output.length > longestOutputBytes) throw failed(`${name} printed more than ${longestOutputBytes} bytes`);
	if (code !== 0) {
		const how = code === null ? `was ended by ${signal ?? 'a signal'}` : `failed with exit code ${code}`;
		throw failed(`${name} ${how}${said(words)}. ${tryIt(command)}`);
	}
	const answer = objectIn(output);
	const status = answer?.status;
	if (answer?.kind !== 'ExecCredential' || !isRecord(status)) {
		throw failed(`${name} printed no ExecCredential${said(words)}. ${tryIt(command)}`);
	}
	if (answer.apiVersion !== apiVersion) {
		throw failed(
			`${name} answers in another version than the kubeconfig says, ${apiVersion}: correct apiVersion there`,
		);
	}
	return readStatus(name, status);
}

function readStatus(name: string, status: Fields): ExecCredential {
	const token = textOf(status, 'token');
	const cert = textOf(status, 'clientCertificateData');
	const key = textOf(status, 'clientKeyData');
	if (token === undefined && cert === undefined) throw failed(`${name} gave neither a token nor a client certificate`);
	if ((cert === undefined) !== (key === undefined)) throw failed(`${name} gave a client certificate without its key`);
	const expiresAt = Date.parse(textOf(status, 'expirationTimestamp') ?? '');
	return {
		...(token === undefined ? {} : { token }),
		...(cert === undefined || key === undefined ? {} : { cert, key }),
		...(Number.isNaN(expiresAt) ? {} : { expiresAt }),
	};
}

function notStarted(
	name: string,
	command: string,
	error: NodeJS.ErrnoException,
	installHint: string | undefined,
): string {
	const hint = installHint === undefined ? '' : ` The kubeconfig says: ${shorten(installHint)}`;
	if (error.code === 'ENOENT') {
		return /[\\/]/.test(command)
			? `${name} is not there: correct its path in the kubeconfig, or install it.${hint}`
			: `${name} is not found on the PATH: install it, or name its whole path in the kubeconfig.${hint}`;
	}
	if (error.code === 'EACCES') return `${name} may not be run: make it executable (chmod +x)`;
	return `${name} can't be started (${error.code ?? 'invalid command'})`;
}

function tryIt(command: string): string {
	return `Log in anew with its own tool, or run ${command} as the kubeconfig has it and see what it says`;
}

/** What the plugin said, as the end of a clause. */
function said(words: string): string {
	return words.trim() === '' ? ', without a word' : `: ${shorten(words)}`;
}

/** On one line, without credentials and control characters. Of a long text the end. */
export function shorten(words: string): string {
	const clean = visible(redactText(withoutColours(words).trim())).trim();
	return (clean.length > longestQuote ? `…${clean.slice(-longestQuote)}` : clean).toWellFormed();
}

/** Removes the colours of tools, which would be shown as escapes. */
function withoutColours(words: string): string {
	// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
	return words.replaceAll(/\u001b\[[0-9;]*m/g, '');
}

/** What client-go tells of the cluster (`ExecCredentialSpec.cluster`). */
function infoOf(cluster: Fields): Fields {
	const extensions = recordsIn(cluster.extensions);
	const config = extensions.find(({ name }) => name === `${apiGroup}exec`)?.extension;
	return {
		server: cluster.server,
		...(cluster['tls-server-name'] === undefined ? {} : { 'tls-server-name': cluster['tls-server-name'] }),
		...(cluster['insecure-skip-tls-verify'] === true ? { 'insecure-skip-tls-verify': true } : {}),
		...(cluster['certificate-authority-data'] === undefined
			? {}
			: { 'certificate-authority-data': cluster['certificate-authority-data'] }),
		...(cluster['proxy-url'] === undefined ? {} : { 'proxy-url': cluster['proxy-url'] }),
		...(config === undefined ? {} : { config }),
	};
}

function objectIn(json: string): Fields | undefined {
	try {
		const value: unknown = JSON.parse(json);
		return isRecord(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

function textOf(fields: Fields, name: string): string | undefined {
	const value = fields[name];
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function failed(message: string): InvalidError {
	return new InvalidError('CredentialsPluginFailed', message);
}
