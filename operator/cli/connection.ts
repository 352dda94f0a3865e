/** From `--kubeconfig` and `--context` to a client of the API server. */
import { ApiServer } from '../runtime/client/api-server.ts';
import { loadKubeconfig } from '../runtime/credentials/credentials.ts';

export interface ConnectionOptions {
	readonly kubeconfig?: string;
	readonly context?: string;
}

/** The caller closes it: `await using api = await connect(options)`. */
export async function connect({ kubeconfig, context }: ConnectionOptions): Promise<ApiServer> {
	// A person waits: rather an error that names the remedy than half a minute of silence.
	return new ApiServer(await loadKubeconfig({ path: kubeconfig, context }), {
		timeoutMs: 20_000,
		connectTimeoutMs: 5_000,
	});
}
