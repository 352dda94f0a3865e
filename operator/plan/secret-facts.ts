/** Keeps facts of a Secret with certificates that Istio's components or users made, but never a key. */
import { createHash } from 'node:crypto';
import { type KeyFacts, readKeyFacts } from '../certificates/index.ts';
import type { KubeObject } from '../runtime/object.ts';

export interface SecretFacts {
	/** The certificates in it (PEM), by the key of the Secret: `root-cert.pem`. */
	readonly certificates: Readonly<Record<string, string>>;
	/** The keys of the Secret that are there, whatever they hold. */
	readonly files: readonly string[];
	/** What anybody may know of the key of a certificate authority. Undefined when there is none. */
	readonly authorityKey: KeyFacts | undefined;
	/** Changes with anything in the Secret. */
	readonly hash: string;
}

/**
 * The keys under which Istio's components store certificates that anybody may see (istio 1.0-1.4 `security/pkg/pki/ca`).
 */
const publicKeys = ['ca-cert.pem', 'cert-chain.pem', 'root-cert.pem'];

const authorityKeyFile = 'ca-key.pem';

export function toSecretFacts(object: KubeObject): SecretFacts {
	const { data = {} } = object as { readonly data?: Readonly<Record<string, string>> };
	const certificates = publicKeys.flatMap((key) => {
		const text = Buffer.from(data[key] ?? '', 'base64').toString('utf8');
		// A private key in the wrong place is not kept either.
		return text === '' || text.includes('PRIVATE KEY') ? [] : [[key, text] as const];
	});
	const sorted = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
	return {
		certificates: Object.fromEntries(certificates),
		files: Object.keys(data),
		authorityKey:
			data[authorityKeyFile] === undefined
				? undefined
				: readKeyFacts(Buffer.from(data[authorityKeyFile], 'base64').toString('utf8')),
		hash: createHash('sha256').update(JSON.stringify(sorted)).digest('hex').slice(0, 32),
	};
}
