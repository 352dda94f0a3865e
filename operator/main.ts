/** The operator as a process: options, logger, start, signals, exit code. */

import type { MeshLimits } from './mesh/prepare.ts';
import { MeshOperator } from './mesh-operator.ts';
import type { ListenAddress } from './options.ts';
import { InvalidError } from './runtime/errors.ts';
import { sayLastWords } from './runtime/last-words.ts';
import { createLogger, type LogLevel } from './runtime/log/logger.ts';
import { onStopSignals } from './runtime/shutdown.ts';

export interface RunOptions {
	readonly kubeconfig?: string | undefined;
	readonly context?: string | undefined;
	/** Namespace of the lease. */
	readonly namespace: string;
	readonly leaderElect: boolean;
	/** `host:port`, or `:port` for all addresses, or `0` for none. */
	readonly metricsAddress: string;
	readonly healthAddress: string;
	readonly livenessAddress: string;
	readonly concurrency?: number | undefined;
	readonly resyncMinutes?: number | undefined;
	readonly logLevel: LogLevel;
	/** Allows joined clusters to have API servers at loopback addresses, when all are on one machine. */
	readonly allowLoopbackClusters?: boolean | undefined;
	/** Allows kubeconfigs of joined clusters to name proxies. */
	readonly allowClusterProxies?: boolean | undefined;
	/** What overlays may change. Default: `restricted`. */
	readonly overlays?: MeshLimits['overlays'];
	/** Registries that images may come from. Default: all. */
	readonly allowedRegistries?: readonly string[] | undefined;
	/** Namespaces that meshes and their injection may be in. Default: all. */
	readonly allowedNamespaces?: readonly string[] | undefined;
}

/** Reads `host:port`, `[v6]:port` or `:port`. `0` means that nothing listens. Throws on anything else. */
function parseAddress(text: string): ListenAddress | undefined {
	if (text === '0') return undefined;
	const match = /^(?:\[(?<v6>[0-9a-fA-F:.]+)\]|(?<host>[^:\s]*)):(?<port>\d{1,5})$/.exec(text);
	const port = Number(match?.groups?.port);
	if (match === null || port > 65_535) {
		throw new InvalidError(
			'InvalidAddress',
			`${text} is not an address to listen on: write host:port, :port for all addresses, or 0 for none`,
		);
	}
	const host = match.groups?.v6 ?? match.groups?.host ?? '';
	return { port, ...(host === '' ? {} : { host }) };
}

/** Runs until SIGTERM, SIGINT or SIGHUP, or until it must not go on. Resolves with the exit code. */
export async function runOperator(options: RunOptions): Promise<number> {
	const log = createLogger({ level: options.logLevel });
	const { promise: fatal, resolve: onFatal } = Promise.withResolvers<string>();
	const { promise: asked, resolve: onSignal } = Promise.withResolvers<string>();
	const release = onStopSignals(onSignal);
	const endsInOrder = sayLastWords({ log });
	try {
		const operator = new MeshOperator({
			...options,
			metricsAddress: parseAddress(options.metricsAddress),
			healthAddress: parseAddress(options.healthAddress),
			livenessAddress: parseAddress(options.livenessAddress),
			resyncMs: options.resyncMinutes === undefined ? undefined : options.resyncMinutes * 60_000,
			clusters: {
				allowLoopback: options.allowLoopbackClusters === true,
				allowProxies: options.allowClusterProxies === true,
			},
			limits: {
				overlays: options.overlays,
				registries: options.allowedRegistries,
				namespaces: options.allowedNamespaces,
			},
			log,
			onFatal,
		});
		const started = operator.start();
		const failed = started.then(
			() => new Promise<never>(() => undefined),
			(error: unknown) => error,
		);
		const ended = await Promise.race([
			asked.then((signal) => ({ reason: signal, code: 0 })),
			fatal.then((reason) => ({ reason, code: 1 })),
			failed.then((error) => ({ reason: 'it did not start', code: 1, error })),
		]);
		if ('error' in ended) log.error({ err: ended.error }, 'the operator can not start');
		else if (ended.code !== 0) log.error(ended.reason);
		const { isClean, failures } = await operator.stopped(ended.reason);
		for (const { part, error } of failures) log.error({ err: error, part }, 'did not end in order');
		return ended.code === 0 && !isClean ? 1 : ended.code;
	} finally {
		endsInOrder();
		release();
	}
}
