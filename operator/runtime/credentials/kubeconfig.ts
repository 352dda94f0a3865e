/**
 * Reads kubeconfig files. Certificates, tokens, basic authentication, impersonation and proxies are read here, which takes
 * no more than a YAML parser. Exec plugins and auth providers (OIDC) are left to @kubernetes/client-node, which is loaded
 * only then, because its import costs 0.4 s and some 95 MB.
 */
import path from 'node:path';
import { parseYaml, plainValue, YamlProblem } from '../bounded-yaml.ts';
import { isEncodedKubeconfig } from '../encoded-twice.ts';
import { InvalidError } from '../errors.ts';
import { isRecord } from '../object-shape.ts';
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
}

const pathFields = ['certificate-authority', 'client-certificate', 'client-key', 'tokenFile'];

/** @param folder base of relative paths */
export function parseKubeconfig(text: string, folder?: string): Kubeconfig {
	const document = readConfig(text);
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
	const isPlugin = user.exec !== undefined || user['auth-provider'] !== undefined;
	const plain = plainCredentials(cluster, clusterName, user);
	return isPlugin ? pluginCredentials(plain, config, contextName) : fileCredentials(plain);
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

/**
 * Lets client-node find token and client certificate; everything else is ours. Asks it at most once a minute, and once at a
 * time.
 */
function pluginCredentials(
	plain: ReturnType<typeof plainCredentials>,
	config: Kubeconfig,
	context: string,
	now: () => number = () => performance.now(),
): Credentials {
	const askAgainMs = 60_000;
	const base = fileCredentials({ ...plain, cert: undefined, key: undefined, token: undefined, basic: undefined });
	let current: Grant | undefined;
	let asked: Promise<Grant> | undefined;
	let askedAt = 0;
	let kubeconfig: Promise<ClientNodeKubeConfig> | undefined;

	async function ask(): Promise<Grant> {
		kubeconfig ??= loadClientNode(config, context);
		const { authorization, cert, key } = await askClientNode(await kubeconfig);
		const { tls, headers } = await base.grant();
		const known = current?.tls;
		const isSame = known !== undefined && known.ca === tls.ca && known.cert === cert && known.key === key;
		return { tls: isSame ? known : { ...tls, cert, key }, authorization, headers };
	}

	return {
		url: plain.url,
		proxyUrl: plain.proxyUrl,
		grant: () => {
			if (current !== undefined && now() - askedAt < askAgainMs) {
				return current;
			}
			asked ??= ask()
				.then((grant) => {
					current = grant;
					askedAt = now();
					return grant;
				})
				.finally(() => {
					asked = undefined;
				});
			return asked;
		},
		refresh: () => {
			// client-node keeps a plugin's token until its stated end. A new KubeConfig remembers none.
			kubeconfig = undefined;
			askedAt = Number.NEGATIVE_INFINITY;
			return true;
		},
	};
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

async function askClientNode(kubeconfig: ClientNodeKubeConfig) {
	const answer: Parameters<ClientNodeKubeConfig['applyToHTTPSOptions']>[0] = {};
	try {
		await kubeconfig.applyToHTTPSOptions(answer);
	} catch {
		// Not repeated in the message, because a plugin's output may hold a token.
		throw new InvalidError('CredentialsPluginFailed', 'the exec plugin or auth provider of the kubeconfig failed');
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
	return { ...fields, ...Object.fromEntries(paths) };
}

function invalid(words: string): InvalidError {
	return new InvalidError('KubeconfigInvalid', `the kubeconfig ${words}`);
}
