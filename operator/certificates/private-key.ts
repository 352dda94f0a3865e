/** Looks at a private key without keeping it. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/** What is known of a key. Nothing of it is secret. */
export type KeyFacts =
	| {
			readonly is: 'key';
			/** `rsa`, `ec` … */
			readonly type: string;
			/** The public half: SubjectPublicKeyInfo in DER, as base64. */
			readonly publicKey: string;
	  }
	/** `reason` is a clause whose subject is the file. */
	| { readonly is: 'unusable'; readonly reason: string };

/** No key is longer in PEM. */
const longestPem = 64 * 1024;

const firstBlock = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END/;
/** What Citadel reads (istio 1.0-1.4 `security/pkg/pki/util/crypto.go` ParsePemEncodedKey): the first block, unencrypted. */
const readBlocks: readonly string[] = ['RSA PRIVATE KEY', 'PRIVATE KEY', 'EC PRIVATE KEY'];

export function readKeyFacts(pem: string): KeyFacts {
	const unusable = (reason: string): KeyFacts => ({ is: 'unusable', reason });
	if (pem.trim() === '') return unusable('is empty');
	if (pem.length > longestPem) return unusable('is longer than any key');
	const [block, label = '', body = ''] = firstBlock.exec(pem) ?? [];
	if (block === undefined) return unusable('holds no key in PEM');
	if (label === 'ENCRYPTED PRIVATE KEY' || body.includes('ENCRYPTED')) {
		return unusable('is encrypted, and nobody has a passphrase for it');
	}
	if (!readBlocks.includes(label)) {
		return unusable(`begins with a block ${label.slice(0, 64)}, and the first block alone is read`);
	}
	try {
		const key = createPrivateKey(pem.slice(pem.indexOf('-----BEGIN')));
		return { is: 'key', type: key.asymmetricKeyType ?? 'unknown', publicKey: publicKeyText(createPublicKey(key)) };
	} catch {
		// Node can't check a key beforehand, and what OpenSSL says could hold a part of it.
		return unusable('holds no key that can be read');
	}
}

export function publicKeyText(key: KeyObject): string {
	return key.export({ type: 'spki', format: 'der' }).toString('base64');
}
