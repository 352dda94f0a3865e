/**
 * Keeps a serving certificate that the operator makes. The stored one is used while it is good. When it is due, a new one
 * replaces it in the rendered Secret, and applying writes that like every object. When a process dies between the two, only
 * a certificate is lost that nobody has seen.
 */
import { issueServingCertificate, renewalOf } from '../certificates/index.ts';
import type { CertificateRequest } from '../lines/index.ts';
import { applySetLabel, type ServingCertificate } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { orAbsent } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';

/** A new certificate is valid for this time: 90 days, like Citadel's. */
const lifetimeMs = 90 * 24 * 60 * 60_000;

export interface ServingCertificateOptions {
	readonly api: Pick<ApiServer, 'get'>;
	/** Namespace of the Secret. */
	readonly namespace: string;
	/** ID of the ApplySet that the Secret belongs to when it is ours. */
	readonly applySet: string;
	/** The certificate that this process has used so far. */
	readonly known: ServingCertificate | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly nowMs: number;
	/** False while writing is paused: then nothing is made, because it could not be stored. */
	readonly mayIssue: boolean;
	readonly signal: AbortSignal;
}

/**
 * Returns the certificate to use. Rejects when the stored one can't be read. Undefined when there is none and none may be
 * made.
 */
export async function servingCertificate(
	{ secret, dnsNames }: CertificateRequest,
	options: ServingCertificateOptions,
): Promise<ServingCertificate | undefined> {
	const current = options.known ?? (await stored(secret, options));
	const now = new Date(options.nowMs);
	if (current !== undefined && (await renewalOf(current, dnsNames, now)).state === 'good') return current;
	return options.mayIssue
		? issueServingCertificate({ dnsNames, now, lifetimeMs, previousRoots: current?.roots ?? '' })
		: current;
}

async function stored(
	name: string,
	{ api, namespace, signal, applySet }: ServingCertificateOptions,
): Promise<ServingCertificate | undefined> {
	const { apiVersion, kind } = kinds.Secret;
	const secret = await orAbsent(
		api.get<KubeObject & { readonly data?: Readonly<Record<string, string>> }>(
			{ apiVersion, kind, namespace, name },
			{ signal },
		),
	);
	if (secret === undefined) return undefined;
	// A Secret that is not ours is not used. Applying will find it and say so.
	if (secret.metadata.labels?.[applySetLabel] !== applySet) return undefined;
	const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
	return { certChain: text('cert-chain.pem'), key: text('key.pem'), roots: text('root-cert.pem') };
}
