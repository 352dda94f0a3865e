/** The operator in the process of the test, whole: caches, queue, events, metrics. */
import { MeshOperator } from '../../operator/mesh-operator.ts';
import { createLogger } from '../../operator/runtime/logger.ts';
import type { MeshCluster } from './mesh-cluster.ts';

export interface RunningOperator extends AsyncDisposable {
	/** Ends it in order. May be called again. */
	readonly stop: () => Promise<void>;
}

export interface StartOperatorOptions {
	/** Instead of the kubeconfig of the cluster's operator account. */
	readonly kubeconfig?: string;
}

/** Starts an operator without leader election; settled when its caches are filled. */
export async function startOperator(
	mesh: Pick<MeshCluster, 'kubeconfig'>,
	{ kubeconfig = mesh.kubeconfig }: StartOperatorOptions = {},
): Promise<RunningOperator> {
	const operator = new MeshOperator({
		kubeconfig,
		namespace: 'meshwright-system',
		leaderElect: false,
		metricsAddress: undefined,
		healthAddress: undefined,
		log: createLogger({ level: 'error' }),
		onFatal: (reason) => {
			throw new Error(`the operator gave up: ${reason}`);
		},
	});
	const stop = async () => {
		const { failures } = await operator.stopped('the test is over');
		if (failures.length > 0)
			throw new AggregateError(
				failures.map(({ error }) => error),
				'the operator did not end in order',
			);
	};
	try {
		await operator.start();
	} catch (error) {
		await stop();
		throw error;
	}
	return { stop, [Symbol.asyncDispose]: stop };
}
