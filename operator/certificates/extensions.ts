/**
 * Reads from a certificate what Node does not tell: whether its key may sign others, and how many authorities may follow. The
 * bytes are those of a certificate that OpenSSL has read, so they are well formed.
 */
import type { X509Certificate } from 'node:crypto';

export interface SigningRights {
	/** 1 to 3. Before 3 a certificate has no extensions, and says nothing about its rights. */
	readonly version: number;
	readonly isAuthority: boolean;
	/** How many authorities may come between this one and the certificate of a workload. Undefined when any number may. */
	readonly pathLength: number | undefined;
	/** Undefined when key usage is not limited. */
	readonly maySignCertificates: boolean | undefined;
}

/** Object identifiers in DER, as hexadecimal: 2.5.29.19 and 2.5.29.15. */
const basicConstraints = '551d13';
const keyUsage = '551d0f';

const tags = { boolean: 0x01, integer: 0x02, bitString: 0x03, version: 0xa0, extensions: 0xa3 } as const;

export function signingRightsOf(certificate: X509Certificate): SigningRights {
	const { version, extensions } = contentOf(certificate.raw);
	const constraints = extensions.get(basicConstraints);
	const [ca, length] = constraints === undefined ? [] : partsOf(partsOf(constraints)[0]?.content ?? nothing);
	const usage = extensions.get(keyUsage);
	const bits = usage === undefined ? undefined : partsOf(usage)[0];
	const isAuthority = ca?.tag === tags.boolean && ca.content[0] !== 0;
	return {
		version,
		isAuthority,
		pathLength: isAuthority && length?.tag === tags.integer ? numberIn(length.content) : undefined,
		// The first byte says how many bits of the last one are unused. keyCertSign is bit 5, counted from the left.
		maySignCertificates: bits?.tag === tags.bitString ? ((bits.content[1] ?? 0) & 0x04) !== 0 : undefined,
	};
}

const nothing = new Uint8Array();

interface Part {
	readonly tag: number;
	readonly content: Uint8Array;
}

interface Content {
	readonly version: number;
	/** The value of each extension in DER, by its object identifier. */
	readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** Certificate ::= SEQUENCE { tbsCertificate SEQUENCE { [0] version, …, [3] SEQUENCE OF Extension }, … } (RFC 5280, 4.1). */
function contentOf(raw: Uint8Array): Content {
	const certificate = partsOf(raw)[0]?.content ?? nothing;
	const toBeSigned = partsOf(partsOf(certificate)[0]?.content ?? nothing);
	const tagged = toBeSigned.find(({ tag }) => tag === tags.extensions)?.content ?? nothing;
	const version = toBeSigned.find(({ tag }) => tag === tags.version)?.content;
	return {
		// It is counted from 0, and 0 is left out.
		version: version === undefined ? 1 : numberIn(partsOf(version)[0]?.content ?? nothing) + 1,
		extensions: new Map(
			partsOf(partsOf(tagged)[0]?.content ?? nothing).map(({ content }) => {
				const fields = partsOf(content);
				return [Buffer.from(fields[0]?.content ?? nothing).toString('hex'), fields.at(-1)?.content ?? nothing];
			}),
		),
	};
}

/** The values in a row, each with a tag of one byte and a definite length. Ends at the first that is none. */
function partsOf(bytes: Uint8Array): readonly Part[] {
	const parts: Part[] = [];
	for (let at = 0; at + 2 <= bytes.length; ) {
		const tag = bytes[at] ?? 0;
		const first = bytes[at + 1] ?? 0;
		const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
		const start = at + 2 + lengthBytes;
		const length = lengthBytes === 0 ? first : numberIn(bytes.subarray(at + 2, start));
		if (start + length > bytes.length) break;
		parts.push({ tag, content: bytes.subarray(start, start + length) });
		at = start + length;
	}
	return parts;
}

function numberIn(bytes: Uint8Array): number {
	return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
}
