/** The operator in the process of the test, whole: caches, queue, events, metrics, endpoints. */
import { MeshOperator } from '../../operator/mesh-operator.ts';
import type { ListenAddress, MeshOperatorOptions } from '../../operator/options.ts';
import { createLogger } from '../../operator/runtime/log/logger.ts';
import type { MeshCluster } from './mesh-cluster.ts';

export interface RunningOperator extends AsyncDisposable {
	/** Settled when its caches are filled and it works. */
	readonly started: Promise<void>;
	/** Asks one of its endpoints: `/healthz`, `/readyz`, `/metrics`. */
	readonly ask: (path: string) => Promise<{ readonly status: number; readonly body: string }>;
	/** Ends it in order. May be called again. */
	readonly stop: () => Promise<void>;
}

export interface StartOperatorOptions
	extends Partial<
		Pick<
			MeshOperatorOptions,
			| 'log'
			| 'version'
			| 'resyncMs'
			| 'proxiesQuietMs'
			| 'wallClock'
			| 'monotonicClock'
			| 'configFollowedAfterMs'
			| 'clusters'
			| 'leaderElect'
			| 'limits'
		>
	> {
	/** Instead of the kubeconfig of the cluster's operator account. */
	readonly kubeconfig?: string;
}

const freePort: ListenAddress = { host: '127.0.0.1', port: 0 };

/** Begins to start an operator, without leader election unless asked for, and does not wait for it. */
export function launchOperator(
	mesh: Pick<MeshCluster, 'kubeconfig'>,
	{ kubeconfig = mesh.kubeconfig, log = createLogger({ level: 'error' }), ...more }: StartOperatorOptions = {},
): RunningOperator {
	const operator = new MeshOperator({
		kubeconfig,
		namespace: 'meshwright-system',
		leaderElect: false,
		metricsAddress: freePort,
		healthAddress: freePort,
		...more,
		log,
		onFatal: (reason) => {
			throw new Error(`the operator gave up: ${reason}`);
		},
	});
	const started = operator.start();
	// Whoever waits for it learns of a failure; whoever stops it before needs not.
	started.catch(() => undefined);
	const stop = async () => {
		const { failures } = await operator.stopped('the test is over');
		const errors = failures.map(({ error }) => error);
		if (errors.length > 0) throw new AggregateError(errors, 'the operator did not end in order');
	};
	const ask = async (path: string) => {
		const { health, metrics } = operator.listening;
		const server = path === '/metrics' ? metrics : health;
		if (server === undefined) throw new Error(`nothing listens for ${path} yet`);
		const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
		return { status: answer.status, body: await answer.text() };
	};
	return { started, ask, stop, [Symbol.asyncDispose]: stop };
}

/** Starts an operator without leader election; settled when its caches are filled. */
export async function startOperator(
	mesh: Pick<MeshCluster, 'kubeconfig'>,
	options: StartOperatorOptions = {},
): Promise<RunningOperator> {
	const operator = launchOperator(mesh, options);
	try {
		await operator.started;
	} catch (error) {
		await operator.stop();
		throw error;
	}
	return operator;
}
