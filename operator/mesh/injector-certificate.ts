/**
 * The certificate by which API servers know the injector, where the operator makes it: without Citadel. What is stored is
 * used as long as it is good; a new one takes its place in the rendered Secret when it is due, and is written, like every
 * object, by applying. A process that dies between the two has lost nothing but a certificate that nobody has seen.
 */
import { issueServingCertificate, renewalOf } from '../certificates/index.ts';
import type { ResolvedMesh } from '../releases/index.ts';
import { injectorDnsNames, ownInjectorSecret } from '../render/classic/injector-names.ts';
import { applySetId, applySetLabel, type ServingCertificate } from '../render/index.ts';
import type { ApiServer } from '../runtime/client/api-server.ts';
import { isNotFound } from '../runtime/errors.ts';
import { kinds } from '../runtime/kinds.ts';
import type { KubeObject } from '../runtime/object.ts';

/** How long one is valid, milliseconds: 90 days, as Citadel's are. */
const lifetimeMs = 90 * 24 * 60 * 60_000;

export interface CertificateOptions {
	readonly api: Pick<ApiServer, 'get'>;
	/** What this process has used so far. */
	readonly known: ServingCertificate | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly now: number;
	/** While writing is paused nothing is made: it could not be stored. */
	readonly mayIssue: boolean;
	/** ApplySet of the Secret that it is stored in; that of the mesh when not given. */
	readonly applySet?: string;
	readonly signal: AbortSignal;
}

/** Undefined where the operator makes none. Rejects when the stored one can't be read. */
export async function injectorCertificate(
	mesh: ResolvedMesh,
	options: CertificateOptions,
): Promise<ServingCertificate | undefined> {
	if (mesh.injector === undefined || mesh.citadel !== undefined) return undefined;
	const current = options.known ?? (await stored(mesh, options));
	const dnsNames = injectorDnsNames(mesh);
	const now = new Date(options.now);
	if (current !== undefined && (await renewalOf(current, dnsNames, now)).state === 'good') return current;
	return options.mayIssue
		? issueServingCertificate({ dnsNames, now, lifetimeMs, previousRoots: current?.roots ?? '' })
		: current;
}

async function stored(
	mesh: ResolvedMesh,
	{ api, signal, applySet = applySetId(mesh.name) }: CertificateOptions,
): Promise<ServingCertificate | undefined> {
	const { apiVersion, kind } = kinds.Secret;
	const reference = { apiVersion, kind, namespace: mesh.namespace, name: ownInjectorSecret };
	let secret: KubeObject & { readonly data?: Readonly<Record<string, string>> };
	try {
		secret = await api.get(reference, { signal });
	} catch (error) {
		if (isNotFound(error)) return undefined;
		throw error;
	}
	// What stands there and is not ours is not used; applying finds it and says so.
	if (secret.metadata.labels?.[applySetLabel] !== applySet) return undefined;
	const text = (key: string) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
	return { certChain: text('cert-chain.pem'), key: text('key.pem'), roots: text('root-cert.pem') };
}
