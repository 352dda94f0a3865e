/**
 * Reads kubeconfig files. Certificates, tokens, basic authentication, impersonation and proxies are read here, which takes
 * no more than a YAML parser. Exec plugins are run by `exec-plugin.ts`. Auth providers (OIDC) are left to
 * @kubernetes/client-node, which is loaded only then, because its import costs 0.4 s and some 95 MB.
 */
import path from 'node:path';
import { parseYaml, plainValue, YamlProblem } from '../bounded-yaml.ts';
import { isEncodedKubeconfig } from '../encoded-twice.ts';
import { InvalidError } from '../errors.ts';
import { isRecord } from '../object-shape.ts';
import { runExecPlugin, shorten, type Terminal } from './exec-plugin.ts';
import { fileCredentials, type Source } from './files.ts';
import type { Credentials, Grant } from './grant.ts';

type Fields = Readonly<Record<string, unknown>>;

/** A kubeconfig with absolute paths. */
export interface Kubeconfig {
	readonly clusters: ReadonlyMap<string, Fields>;
	readonly users: ReadonlyMap<string, Fields>;
	readonly contexts: ReadonlyMap<string, Fields>;
	readonly currentContext: string | undefined;
}

export interface KubeconfigOptions {
	/** Replaces the current context. */
	readonly context?: string | undefined;
	/** Where a person can answer an exec plugin. Default: nobody is asked. */
	readonly terminal?: Terminal | undefined;
}

const pathFields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

const emptyKubeconfig: Kubeconfig = {
	clusters: new Map(),
	users: new Map(),
	contexts: new Map(),
	currentContext: undefined,
};

/** @param folder base of relative paths */
export function parseKubeconfig(text: string, folder?: string): Kubeconfig {
	const document = readConfig(text);
	// kubectl takes an empty file for an empty kubeconfig.
	if (document === null) return emptyKubeconfig;
	if (typeof document === 'string' && isEncodedKubeconfig(document)) {
		throw invalid('is still encoded in base64: decode it (base64 -d)');
	}
	if (!isRecord(document)) {
		throw invalid('is not a YAML object');
	}
	const current = document['current-context'];
	return {
		clusters: entries(document.clusters, 'cluster', folder),
		users: entries(document.users, 'user', folder),
		contexts: entries(document.contexts, 'context', folder),
		currentContext: typeof current === 'string' && current !== '' ? current : undefined,
	};
}

function readConfig(text: string): unknown {
	try {
		const [first, ...others] = parseYaml(text);
		if (others.length > 0) throw invalid('has several YAML documents');
		return first === undefined ? null : plainValue(first, 0);
	} catch (error) {
		if (!(error instanceof YamlProblem)) throw error;
		// The parser's message may quote the line, which may hold a key.
		throw invalid(error.message.startsWith('is not YAML') ? 'is not YAML' : error.message);
	}
}

/** Merges configs as kubectl merges the files of KUBECONFIG: the first one that sets something wins. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
	const merged = (pick: (config: Kubeconfig) => ReadonlyMap<string, Fields>) =>
		new Map(configs.toReversed().flatMap((config) => [...pick(config)]));
	return {
		clusters: merged((config) => config.clusters),
		users: merged((config) => config.users),
		contexts: merged((config) => config.contexts),
		currentContext: configs.find((config) => config.currentContext !== undefined)?.currentContext,
	};
}

export function kubeconfigCredentials(config: Kubeconfig, options: KubeconfigOptions = {}): Credentials {
	const contextName = options.context ?? config.currentContext;
	if (contextName === undefined) {
		throw invalid('has no current-context: name a context');
	}
	const context = config.contexts.get(contextName);
	if (context === undefined) {
		const known = [...config.contexts.keys()].join(', ');
		throw invalid(`has no context ${contextName}${known === '' ? '' : `, only ${known}`}`);
	}
	const clusterName = text(context, 'cluster') ?? '';
	const cluster = config.clusters.get(clusterName);
	if (cluster === undefined) {
		throw invalid(`has no cluster ${clusterName}, which context ${contextName} names`);
	}
	const userName = text(context, 'user') ?? '';
	const user = config.users.get(userName) ?? (userName === '' ? {} : undefined);
	if (user === undefined) {
		throw invalid(`has no user ${userName}, which context ${contextName} names`);
	}
	const plain = plainCredentials(cluster, clusterName, user);
	const { exec, 'auth-provider': provider } = user;
	if (isRecord(exec)) return pluginCredentials(plain, () => askExecPlugin(exec, cluster, options.terminal));
	if (isRecord(provider)) return pluginCredentials(plain, askAuthProvider(config, contextName, provider));
	return fileCredentials(plain);
}

function plainCredentials(cluster: Fields, clusterName: string, user: Fields) {
	const url = text(cluster, 'server');
	if (url === undefined || !URL.canParse(url)) {
		throw invalid(`names no server for cluster ${clusterName}`);
	}
	const proxyUrl = text(cluster, 'proxy-url');
	if (proxyUrl !== undefined && !(/^https?:\/\//.test(proxyUrl) && URL.canParse(proxyUrl))) {
		const what = URL.canParse(proxyUrl) ? `the proxy ${new URL(proxyUrl).protocol}//` : 'a proxy that is no URL';
		throw invalid(`names ${what} for cluster ${clusterName}: only http and https work`);
	}
	const token = text(user, 'token');
	const tokenFile = text(user, 'tokenFile');
	const username = text(user, 'username');
	return {
		url: url.replace(/\/+$/, ''),
		proxyUrl,
		servername: text(cluster, 'tls-server-name'),
		insecure: cluster['insecure-skip-tls-verify'] === true,
		ca: source(cluster, 'certificate-authority'),
		cert: source(user, 'client-certificate'),
		key: source(user, 'client-key'),
		// The file wins over the text, as in client-go.
		token: tokenFile !== undefined ? { file: tokenFile } : token !== undefined ? { text: token } : undefined,
		basic: username === undefined ? undefined : { username, password: text(user, 'password') ?? '' },
		headers: impersonation(user),
	};
}

/** What a plugin or provider gives. */
interface Answer extends Pick<Grant, 'authorization'> {
	readonly cert?: string | undefined;
	readonly key?: string | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly expiresAt?: number | undefined;
}

/** Asks at most once a minute unless the answer ends sooner, and once at a time. */
const askAgainMs = 60_000;

/**
 * Lets somebody else find token and client certificate; everything else is ours.
 * @param ask finds them; told to forget what it remembers after a 401
 */
function pluginCredentials(
	plain: ReturnType<typeof plainCredentials>,
	ask: (forget: boolean) => Promise<Answer>,
	now: () => number = () => performance.now(),
): Credentials {
	const base = fileCredentials({ ...plain, cert: undefined, key: undefined, token: undefined, basic: undefined });
	let current: Grant | undefined;
	let asked: Promise<Grant> | undefined;
	let askAt = Number.NEGATIVE_INFINITY;
	let forget = false;

	async function grantAnew(): Promise<Grant> {
		const { authorization, cert, key, expiresAt = Number.POSITIVE_INFINITY } = await ask(forget);
		forget = false;
		const { tls, headers } = await base.grant();
		const known = current?.tls;
		const isSame = known !== undefined && known.ca === tls.ca && known.cert === cert && known.key === key;
		current = { tls: isSame ? known : { ...tls, cert, key }, authorization, headers };
		askAt = now() + Math.min(askAgainMs, Math.max(0, expiresAt - Date.now()));
		return current;
	}

	return {
		url: plain.url,
		proxyUrl: plain.proxyUrl,
		grant: () => {
			if (current !== undefined && now() < askAt) return current;
			asked ??= grantAnew().finally(() => {
				asked = undefined;
			});
			return asked;
		},
		refresh: () => {
			forget = true;
			askAt = Number.NEGATIVE_INFINITY;
			return true;
		},
	};
}

async function askExecPlugin(exec: Fields, cluster: Fields, terminal: Terminal | undefined): Promise<Answer> {
	const { token, cert, key, expiresAt } = await runExecPlugin(exec, cluster, terminal);
	return { authorization: token === undefined ? undefined : `Bearer ${token}`, cert, key, expiresAt };
}

function askAuthProvider(config: Kubeconfig, context: string, provider: Fields): (forget: boolean) => Promise<Answer> {
	const name = text(provider, 'name') ?? 'without a name';
	let kubeconfig: Promise<ClientNodeKubeConfig> | undefined;
	return async (forget) => {
		// client-node keeps a token until its stated end. A new KubeConfig remembers none.
		if (forget) kubeconfig = undefined;
		kubeconfig ??= loadClientNode(config, context);
		const answer = await askClientNode(await kubeconfig, name);
		if (answer.authorization === undefined && answer.cert === undefined) {
			throw providerFailed(`the auth provider ${name} of the kubeconfig gave no credentials: log in anew, or`);
		}
		return answer;
	};
}

/** @param words what happened, up to the last remedy */
function providerFailed(words: string): InvalidError {
	// kubectl has dropped all but OIDC.
	return new InvalidError(
		'CredentialsPluginFailed',
		`${words} use an exec plugin, which took the place of auth providers`,
	);
}

type ClientNodeKubeConfig = InstanceType<typeof import('@kubernetes/client-node').KubeConfig>;

async function loadClientNode(config: Kubeconfig, context: string): Promise<ClientNodeKubeConfig> {
	const { KubeConfig } = await import('@kubernetes/client-node');
	const kubeconfig = new KubeConfig();
	const named = (map: ReadonlyMap<string, Fields>, field: string) =>
		[...map].map(([name, value]) => ({ name, [field]: value }));
	kubeconfig.loadFromString(
		JSON.stringify({
			clusters: named(config.clusters, 'cluster'),
			users: named(config.users, 'user'),
			contexts: named(config.contexts, 'context'),
			'current-context': context,
		}),
	);
	return kubeconfig;
}

async function askClientNode(kubeconfig: ClientNodeKubeConfig, name: string): Promise<Answer> {
	const answer: Parameters<ClientNodeKubeConfig['applyToHTTPSOptions']>[0] = {};
	try {
		await kubeconfig.applyToHTTPSOptions(answer);
	} catch (error) {
		const words = shorten(error instanceof Error ? error.message : String(error));
		throw providerFailed(`the auth provider ${name} of the kubeconfig failed: ${words}. Log in anew, or`);
	}
	const headers: unknown = answer.headers;
	const authorization = isRecord(headers) ? headers.Authorization : undefined;
	const pem = (value: unknown) => (typeof value === 'string' || Buffer.isBuffer(value) ? value.toString() : undefined);
	return {
		authorization: typeof authorization === 'string' ? authorization : undefined,
		cert: pem(answer.cert),
		key: pem(answer.key),
	};
}

function impersonation(user: Fields): Record<string, string | string[]> | undefined {
	const name = text(user, 'as');
	if (name === undefined) {
		return undefined;
	}
	const headers: Record<string, string | string[]> = { 'impersonate-user': name };
	const uid = text(user, 'as-uid');
	if (uid !== undefined) {
		headers['impersonate-uid'] = uid;
	}
	const groups = user['as-groups'];
	if (Array.isArray(groups) && groups.length > 0) {
		headers['impersonate-group'] = groups.map(String);
	}
	const extra = user['as-user-extra'];
	for (const [key, values] of isRecord(extra) ? Object.entries(extra) : []) {
		headers[`impersonate-extra-${encodeURIComponent(key)}`] = Array.isArray(values)
			? values.map(String)
			: String(values);
	}
	return headers;
}

/** `…-data` (base64) wins over the file, as in client-go. */
function source(fields: Fields, name: string): Source | undefined {
	const data = text(fields, `${name}-data`);
	if (data !== undefined) {
		return { text: Buffer.from(data, 'base64').toString('utf8') };
	}
	const file = text(fields, name);
	return file === undefined ? undefined : { file };
}

function text(fields: Fields, name: string): string | undefined {
	const value = fields[name];
	return typeof value === 'string' && value !== '' ? value : undefined;
}

function entries(list: unknown, field: string, folder: string | undefined): ReadonlyMap<string, Fields> {
	const result = new Map<string, Fields>();
	for (const entry of Array.isArray(list) ? list : []) {
		if (isRecord(entry) && typeof entry.name === 'string' && !result.has(entry.name)) {
			const fields = entry[field];
			result.set(entry.name, isRecord(fields) ? withAbsolutePaths(fields, folder) : {});
		}
	}
	return result;
}

function withAbsolutePaths(fields: Fields, folder: string | undefined): Fields {
	const paths = pathFields.flatMap((field) => {
		const value = text(fields, field);
		return folder === undefined || value === undefined ? [] : [[field, path.resolve(folder, value)]];
	});
	const { exec } = fields;
	return {
		...fields,
		...Object.fromEntries(paths),
		...(isRecord(exec) ? { exec: withAbsoluteCommand(exec, folder) } : {}),
	};
}

/** A command without a slash is looked for on the PATH (client-go `clientcmd/loader.go`, `GetAuthInfoFileReferences`). */
function withAbsoluteCommand(exec: Fields, folder: string | undefined): Fields {
	const command = text(exec, 'command');
	const isPath = command?.includes('/') === true || command?.includes(path.sep) === true;
	return folder === undefined || command === undefined || !isPath
		? exec
		: { ...exec, command: path.resolve(folder, command) };
}

function invalid(words: string): InvalidError {
	return new InvalidError('KubeconfigInvalid', `the kubeconfig ${words}`);
}
