/** What is wrong with a joined cluster, in one shape, whatever check found it. */
import type { ClusterReason } from '../../api/v1/index.ts';

export interface ClusterProblem {
	readonly reason: ClusterReason;
	/** What is wrong and what to do, naming the field or object; never anything out of a kubeconfig but the host of a server. */
	readonly message: string;
}
