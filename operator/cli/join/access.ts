/** The user's access to the other cluster: the client, and what others need to know to reach it. */
import { ApiServer } from '../../runtime/client/api-server.ts';
import { loadKubeconfig } from '../../runtime/credentials/credentials.ts';
import { CommandError } from '../command-error.ts';
import { personAtTerminal } from '../terminal.ts';

export interface JoinAccessOptions {
	readonly kubeconfig?: string;
	readonly joinKubeconfig?: string;
	readonly joinContext?: string;
	/** Replaces the address in the kubeconfig, for others. */
	readonly server?: string;
}

export interface JoinAccess extends AsyncDisposable {
	/** A client with the user's rights there. */
	readonly api: ApiServer;
	/** The URL for others. */
	readonly server: string;
	/** The URL in the user's kubeconfig. */
	readonly url: string;
	/** PEM of the authorities that signed its certificate. Undefined for the system's own. */
	readonly ca: string | undefined;
	readonly tlsServerName: string | undefined;
}

/**
 * Connects to the other cluster; the caller closes the client. Throws CommandError for a kubeconfig that checks no
 * certificates, because nobody else may use it like that.
 */
export async function joinAccess(options: JoinAccessOptions): Promise<JoinAccess> {
	const credentials = await loadKubeconfig({
		path: options.joinKubeconfig ?? options.kubeconfig,
		context: options.joinContext,
		terminal: personAtTerminal,
	});
	const { url } = credentials;
	const { tls } = await credentials.grant();
	if (tls.insecure === true) {
		throw new CommandError(
			`the kubeconfig does not check the certificate of ${new URL(url).host} (insecure-skip-tls-verify)`,
			'put certificate-authority-data into it',
		);
	}
	const api = new ApiServer(credentials, { timeoutMs: 20_000, connectTimeoutMs: 5_000 });
	return {
		api,
		server: options.server ?? url,
		url,
		ca: tls.ca,
		tlsServerName: tls.servername,
		[Symbol.asyncDispose]: () => api.close(),
	};
}
