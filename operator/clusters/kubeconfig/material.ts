/**
 * Reads certificates and keys in somebody else's kubeconfig. It parses them and writes them anew, so that nothing between
 * or beside the blocks gets into connections or Secrets.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { textInBase64 } from '../../runtime/encoded-twice.ts';
import { type Fields, invalid, pathOf, textOf } from './fields.ts';

/** A browser has some 150 roots. */
const mostCertificates = 256;
/** A larger key costs seconds of CPU for each connection. */
const longestRsaBits = 8192;

const blockBegin = /-----BEGIN ([^-\n]*)-----/g;
const certificateBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** PEM of the authorities. Undefined when none is set; then the system's count. */
export function authoritiesOf(cluster: Fields): string | undefined {
	const certificates = certificatesOf(cluster, 'certificate-authority-data');
	return certificates === undefined ? undefined : pemOf(certificates);
}

/** PEM of a client certificate (with those above it) and of its key. Undefined when neither is set. */
export function clientCertificateOf(user: Fields): { readonly cert: string; readonly key: string } | undefined {
	const certificates = certificatesOf(user, 'client-certificate-data');
	const key = keyOf(user, 'client-key-data');
	const [own] = certificates ?? [];
	if (certificates === undefined || own === undefined || key === undefined) {
		if (certificates !== undefined || key !== undefined) {
			throw invalid(`${user.path} has one of client-certificate-data and client-key-data: both are needed`);
		}
		return undefined;
	}
	if (!own.checkPrivateKey(key)) {
		throw invalid(`${pathOf(user, 'client-key-data')} is not the key of client-certificate-data`);
	}
	return { cert: pemOf(certificates), key: key.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

function certificatesOf(fields: Fields, name: string): readonly X509Certificate[] | undefined {
	const pem = decodedOf(fields, name);
	if (pem === undefined) {
		return undefined;
	}
	const blocks = pem.match(certificateBlock) ?? [];
	if (blocks.length === 0) {
		throw invalid(`${pathOf(fields, name)} has no certificate in PEM`);
	}
	if ((pem.match(blockBegin) ?? []).length !== blocks.length) {
		throw invalid(`${pathOf(fields, name)} has something else than certificates: leave nothing but these`);
	}
	if (blocks.length > mostCertificates) {
		throw invalid(`${pathOf(fields, name)} has more than ${mostCertificates} certificates`);
	}
	return blocks.map((block, index) => {
		try {
			return new X509Certificate(block);
		} catch {
			throw invalid(`${pathOf(fields, name)}: certificate ${index + 1} can't be read`);
		}
	});
}

function keyOf(fields: Fields, name: string): KeyObject | undefined {
	const pem = decodedOf(fields, name);
	if (pem === undefined) {
		return undefined;
	}
	let key: KeyObject;
	try {
		key = createPrivateKey({ key: pem, format: 'pem' });
	} catch {
		throw invalid(`${pathOf(fields, name)} is not a private key in PEM without a passphrase`);
	}
	const type = key.asymmetricKeyType;
	if (type !== 'rsa' && type !== 'ec' && type !== 'ed25519') {
		throw invalid(`${pathOf(fields, name)} is not an RSA, ECDSA or Ed25519 key`);
	}
	if ((key.asymmetricKeyDetails?.modulusLength ?? 0) > longestRsaBits) {
		throw invalid(`${pathOf(fields, name)} has more than ${longestRsaBits} bits`);
	}
	return key;
}

/** Decodes base64 as strictly as Go does, which reads what is published: padded, line breaks ignored. */
function decodedOf(fields: Fields, name: string): string | undefined {
	const data = textOf(fields, name)?.replaceAll(/[\r\n]/g, '');
	if (data === undefined) {
		return undefined;
	}
	if (data.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(data)) {
		throw invalid(`${pathOf(fields, name)} is not base64`);
	}
	const decoded = Buffer.from(data, 'base64').toString('latin1');
	if (textInBase64(decoded)?.includes('-----BEGIN ') === true) {
		throw invalid(`${pathOf(fields, name)} was encoded in base64 twice: encode it once`);
	}
	return decoded;
}

function pemOf(certificates: readonly X509Certificate[]): string {
	return certificates.map((certificate) => certificate.toString()).join('');
}
