/** The authority of this cluster as its Secret has it. Pure. */
import { certificateId, isIssuedBy, pemText, readCertificates } from '../../certificates/index.ts';
import { type AuthorityFiles, renewalOfAuthority } from '../../clusters/authority.ts';

export interface StoredHere {
	/** Fingerprint of the Secret. Undefined when it is not ours yet. */
	readonly fingerprint: string | undefined;
	readonly isIntact: boolean;
	readonly root: string;
	/** PEM of all roots in trust, by their ids, in order. */
	readonly roots: ReadonlyMap<string, string>;
	readonly changedAt: number;
	readonly notBefore: number;
	readonly until: number;
}

/** Undefined when it is no authority under a root that is in trust. */
export function storedOf(
	files: AuthorityFiles,
	rest: Pick<StoredHere, 'fingerprint' | 'isIntact' | 'changedAt'>,
): StoredHere | undefined {
	const [own] = readCertificates(files['ca-cert.pem']) ?? [];
	const roots = readCertificates(files['root-cert.pem']) ?? [];
	const above = readCertificates(files['cert-chain.pem']) ?? [];
	if (own === undefined) return undefined;
	// An authority of the user's that was handed over may have others between it and its root.
	const signer = roots.find((root) => [own, ...above].some((one) => isIssuedBy(one, root))) ?? roots[0];
	if (signer === undefined) return undefined;
	return {
		...rest,
		root: certificateId(signer),
		roots: new Map(roots.map((root) => [certificateId(root), pemText(root.toString())])),
		notBefore: own.validFromDate.getTime(),
		until: own.validToDate.getTime(),
	};
}

export function renewalAt({ notBefore, until }: StoredHere): number {
	return renewalOfAuthority({ at: notBefore, until });
}
