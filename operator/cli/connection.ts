/** Makes a client of the API server from `--kubeconfig` and `--context`. */
import { ApiServer } from '../runtime/client/api-server.ts';
import { loadKubeconfig } from '../runtime/credentials/credentials.ts';
import { personAtTerminal } from './terminal.ts';

export interface ConnectionOptions {
	readonly kubeconfig?: string;
	readonly context?: string;
}

/** Connects. The caller closes the client: `await using api = await connect(options)`. */
export async function connect({ kubeconfig, context }: ConnectionOptions): Promise<ApiServer> {
	// A person waits, so a quick error with a remedy is better than half a minute of silence.
	return new ApiServer(await loadKubeconfig({ path: kubeconfig, context, terminal: personAtTerminal }), {
		timeoutMs: 20_000,
		connectTimeoutMs: 5_000,
	});
}
