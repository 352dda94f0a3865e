/** Failures for a person at a terminal: what happened, and what to do about it. */
import { ConflictError, isForbidden, RequestError, TransientError } from '../runtime/errors.ts';
import { visible } from '../runtime/visible-text.ts';

/** A text is one line, whatever it repeats of objects and files. */
export type Lines = string | readonly string[];

function joined(lines: Lines): string {
	return [lines].flat().map(visible).join('\n');
}

/** A failure that says what to do. Ends the command with exit code 2. */
export class CommandError extends Error {
	override readonly name = 'CommandError';
	/** One or more lines. Each is something that the user can do. */
	readonly remedy: string | undefined;
	constructor(message: Lines, remedy?: Lines, cause?: unknown) {
		super(joined(message), cause === undefined ? {} : { cause });
		this.remedy = remedy === undefined ? undefined : joined(remedy);
	}
}

export interface Explanation {
	readonly message: string;
	readonly remedy: string | undefined;
}

const otherCluster = 'choose another cluster with --kubeconfig or --context';

/** Remedies by the code of the connection's failure, as Node and OpenSSL name it. */
const connectionRemedies: Readonly<Record<string, string>> = {
	ECONNREFUSED: `nothing listens there: start the cluster, or ${otherCluster}`,
	ENOTFOUND: `the name of the API server is not known here: check the server in the kubeconfig, or ${otherCluster}`,
	EAI_AGAIN: 'the name server does not answer: check the network',
	ECONNRESET: 'the connection was cut: try again, and look whether the API server restarts',
	ETIMEDOUT: `the API server does not answer: check network and firewalls, or ${otherCluster}`,
	EHOSTUNREACH: `there is no way to the API server from here: check network and VPN, or ${otherCluster}`,
	ENETUNREACH: `there is no way to the API server from here: check network and VPN, or ${otherCluster}`,
	UND_ERR_CONNECT_TIMEOUT: `the API server does not answer: check network and firewalls, or ${otherCluster}`,
	DEPTH_ZERO_SELF_SIGNED_CERT: 'the kubeconfig lacks this cluster’s certificate-authority-data',
	SELF_SIGNED_CERT_IN_CHAIN:
		'the certificate-authority-data in the kubeconfig belongs to another cluster: fetch the kubeconfig anew',
	UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		'the certificate-authority-data in the kubeconfig belongs to another cluster: fetch the kubeconfig anew',
	UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
		'the certificate-authority-data in the kubeconfig belongs to another cluster: fetch the kubeconfig anew',
	CERT_HAS_EXPIRED: 'the API server’s certificate is out of date (or this machine’s clock is wrong)',
	ERR_TLS_CERT_ALTNAME_INVALID:
		'the server’s certificate is for another name: correct the server in the kubeconfig, or set tls-server-name',
};

/** The first `code` in the chain of causes: undici wraps the socket's error. */
function connectionCode(error: unknown): string | undefined {
	for (let current = error; current instanceof Error; current = current.cause) {
		const { code } = current as NodeJS.ErrnoException;
		if (typeof code === 'string' && code in connectionRemedies) {
			return code;
		}
		if (current instanceof AggregateError && current.errors.length > 0) {
			const code = connectionCode(current.errors[0]);
			if (code !== undefined) {
				return code;
			}
		}
	}
	return undefined;
}

function remedyOf(error: unknown): string | undefined {
	if (error instanceof CommandError) {
		return error.remedy;
	}
	if (error instanceof TransientError) {
		const code = connectionCode(error);
		return code === undefined ? 'try again; the API server’s own log tells more' : connectionRemedies[code];
	}
	if (error instanceof ConflictError) {
		return 'another manager owns these fields: take them with --force-conflicts, or leave them to it';
	}
	if (isForbidden(error)) {
		return error.status === 401
			? 'log in anew: the credentials in the kubeconfig are not (or no longer) accepted'
			: 'ask the cluster’s administrator for this right; `kubectl auth can-i --list` shows those that you have';
	}
	if (error instanceof RequestError && error.status === 404 && error.message.includes('/meshinstallations')) {
		return 'MeshInstallation is not known to this cluster yet: run `meshwright install`';
	}
	return undefined;
}

/**
 * What to print for anything that was thrown. Only our own messages have several lines: others may repeat words of an API
 * server, of whichever cluster, and a line of those could look like one of ours.
 */
export function explain(error: unknown): Explanation {
	const message = error instanceof Error ? error.message : String(error);
	return { message: error instanceof CommandError ? message : visible(message), remedy: remedyOf(error) };
}

/** Whether a user can meet this failure. Anything else is a defect, and its stack is worth seeing. */
export function isExpected(error: unknown): boolean {
	return (
		error instanceof CommandError ||
		error instanceof TransientError ||
		error instanceof ConflictError ||
		error instanceof RequestError ||
		(error instanceof Error && (error.name === 'InvalidError' || error.name === 'BlockedError'))
	);
}
