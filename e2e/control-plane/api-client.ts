/**
 * The least HTTPS client that a control plane's own start-up needs. It shares no code with the operator, so that a
 * defect there cannot hide behind the same defect here.
 */
import { Agent, request } from 'undici';

export interface Credentials {
	readonly url: string;
	/** Certificate authority of the API server, PEM. */
	readonly ca: string;
	/** Bearer token. */
	readonly token?: string;
	/** Client certificate and key, PEM. */
	readonly certificate?: { readonly cert: string; readonly key: string };
}

export interface ApiRequest {
	readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** With the query: `/api/v1/nodes?limit=5`. */
	readonly path: string;
	readonly body?: unknown;
	/** `application/json` by default; a PATCH names its kind here. */
	readonly contentType?: string;
	/** Milliseconds for the whole exchange; 30 s by default. */
	readonly timeoutMs?: number;
	readonly userAgent?: string;
}

/** The API server answered with a status of 400 or more. */
export class ApiServerError extends Error {
	override readonly name = 'ApiServerError';
	readonly status: number;
	constructor(status: number, message: string) {
		super(message);
		this.status = status;
	}
}

export interface ApiClient {
	/** The parsed JSON of the answer, or its text when it is none. Throws ApiServerError from status 400 on. */
	readonly request: (what: ApiRequest) => Promise<unknown>;
	readonly close: () => Promise<void>;
}

function parsed(text: string, contentType: string | string[] | undefined): unknown {
	return String(contentType).startsWith('application/json') ? JSON.parse(text) : text;
}

export function apiClient(credentials: Credentials): ApiClient {
	const { url, ca, token, certificate } = credentials;
	const agent = new Agent({ connect: { ca, ...certificate }, connections: 16 });
	return {
		request: async ({
			method = 'GET',
			path,
			body,
			contentType = 'application/json',
			timeoutMs = 30_000,
			userAgent = 'meshwright-e2e',
		}) => {
			const response = await request(new URL(path, url), {
				dispatcher: agent,
				method,
				headers: {
					accept: 'application/json',
					'user-agent': userAgent,
					...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
					...(body === undefined ? {} : { 'content-type': contentType }),
				},
				signal: AbortSignal.timeout(timeoutMs),
				...(body === undefined ? {} : { body: JSON.stringify(body) }),
			});
			const text = await response.body.text();
			if (response.statusCode >= 400) {
				throw new ApiServerError(
					response.statusCode,
					`${method} ${path}: ${response.statusCode} ${text.slice(0, 2000)}`,
				);
			}
			return parsed(text, response.headers['content-type']);
		},
		close: () => agent.destroy(),
	};
}
