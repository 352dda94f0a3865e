/**
 * The certificate of an API server: its own authority, as the one that kube-apiserver makes for itself where it finds none.
 * That one has an RSA key, which takes a quarter of a second to make and some time at each connection.
 */
import 'reflect-metadata';
import {
	BasicConstraintsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	SubjectAlternativeNameExtension,
} from '@peculiar/x509';
import { type CertificateWithKey, lifeOf, selfSigned } from './certificates.ts';

/** For a server on 127.0.0.1 or with one of these DNS names, from an hour ago on for a year. */
export function servingCertificate(dnsNames: readonly string[] = ['localhost']): Promise<CertificateWithKey> {
	return selfSigned({
		name: `CN=127.0.0.1@${Date.now()}`,
		keyType: 'ec',
		life: lifeOf(1 / 24, 365),
		extensions: [
			new BasicConstraintsExtension(true, undefined, true),
			new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
			new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
			new SubjectAlternativeNameExtension([
				{ type: 'ip', value: '127.0.0.1' },
				...dnsNames.map((value) => ({ type: 'dns', value }) as const),
			]),
		],
	});
}
