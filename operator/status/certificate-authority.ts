/** From what is seen of the certificate authority to its condition and its part of the status. Tells nothing of a key. */
import { definedFields, type ParsedStatus, parseDuration, timeText } from '../../api/v1/index.ts';
import type { Verdict } from './verdict.ts';

/** What the Secret of the authority shows. */
export type CertificateAuthoritySight =
	/** The Secret could not be read now. */
	| { readonly found: 'unknown' }
	| { readonly found: 'missing' }
	/** The Secret holds something that is no certificate. */
	| { readonly found: 'unreadable' }
	/** The signer would end with what the user's Secret holds, or give certificates that nobody takes. */
	| {
			readonly found: 'unusable';
			/** `cert-chain.pem` */
			readonly file: string;
			/** A clause whose subject is the file. */
			readonly reason: string;
	  }
	| {
			readonly found: 'certificate';
			/** Distinguished name, one line. */
			readonly subject: string;
			/** RFC 3339. */
			readonly notAfter: string;
			/** Coarse, in words: `9 years`. */
			readonly timeLeft: string;
			/** Milliseconds until its end; below 0 when it has ended. */
			readonly timeLeftMs: number;
			/** Share of its life that is left, 0 to 1; 0 when it has expired. */
			readonly shareLeft: number;
			/** `rsa`, `ec` … */
			readonly keyType: string;
			/** How long the certificates of workloads last: `2160h`. */
			readonly workloadCertTTL: string;
	  };

/** The process that signs with an authority. */
export interface Signer {
	/** `Citadel` */
	readonly name: string;
	/** Types of keys with which it signs: `rsa`, `ec` … */
	readonly keyTypes: readonly string[];
	/** Whether it renews an authority that it made itself, as a clause. */
	readonly renewal: string;
}

export type CertificateAuthorityObservation = CertificateAuthoritySight & {
	readonly signer: Signer;
	/** Made by the signer itself, or given by the user. */
	readonly source: 'SelfSigned' | 'Provided' | 'Issued';
	/** Name of the Secret, in the namespace of the mesh. */
	readonly secretName: string;
	/** How the operator issues it. Only of source `Issued`. */
	readonly issuing?: IssuingObservation;
};

/** How the operator issues the authorities of a mesh. */
export interface IssuingObservation {
	/** `namespace/name` of the Secret with the root. */
	readonly rootSecret: string;
	/** Why no authority can be made now, in a sentence. */
	readonly problem?: string | undefined;
	/** Whether one is needed now. */
	readonly isUrgent?: boolean;
	/** When the next one is due, RFC 3339. */
	readonly renewalAt?: string;
	/** The change from one root to another. */
	readonly rotation?: {
		readonly stage: 'Learning' | 'Retiring';
		readonly roots: number;
		/** RFC 3339. */
		readonly nextAt?: string;
		readonly waitsFor?: readonly string[];
	};
}

type Shown = Pick<ParsedStatus, 'certificateAuthority'>;

/**
 * An authority with less than this share of its life left counts as expiring. Citadel since 1.2, and istiod, renew their own
 * from this share on.
 */
const expiringShare = 0.2;

/** The condition `CertificateAuthorityValid`. Undefined when the mesh has no authority. */
export function certificateAuthorityVerdict(
	observation: CertificateAuthorityObservation | 'none' | undefined,
	previous: ParsedStatus | undefined,
): Verdict | undefined {
	if (observation === 'none') return undefined;
	if (observation === undefined) return previous?.conditions?.find(({ type }) => type === 'CertificateAuthorityValid');
	const { source, secretName, signer, issuing } = observation;
	if (issuing?.problem !== undefined && issuing.isUrgent === true) {
		const found =
			observation.found === 'certificate' ? `; Secret ${secretName} is used until ${observation.notAfter}` : '';
		return { status: 'False', reason: 'CARootUnusable', message: `${issuing.problem}${found}` };
	}
	switch (observation.found) {
		case 'unknown':
			return {
				status: 'Unknown',
				reason: 'CAUnknown',
				message: `Secret ${secretName} of the certificate authority could not be read`,
			};
		case 'missing':
			if (issuing !== undefined) {
				const message = `the operator makes Secret ${secretName} from the root in Secret ${issuing.rootSecret}`;
				return { status: 'Unknown', reason: 'CAPending', message };
			}
			return source === 'SelfSigned'
				? {
						status: 'Unknown',
						reason: 'CAPending',
						message: `${signer.name} makes its certificate authority, Secret ${secretName}, when it starts for the first time`,
					}
				: {
						status: 'False',
						reason: 'CANotFound',
						message: `there is no Secret ${secretName}, which spec.citadel.caSecretName names; make it, or correct the name`,
					};
		case 'unreadable':
			return {
				status: 'False',
				reason: 'CAInvalid',
				message: `Secret ${secretName} holds no certificate authority that can be read; it must have ca-cert.pem, ca-key.pem, root-cert.pem and cert-chain.pem, in PEM`,
			};
		case 'unusable':
			return {
				status: 'False',
				reason: 'CAInvalid',
				message: `${observation.file} of Secret ${secretName} ${observation.reason}; correct it: until then ${signer.name === 'istiod' ? 'an' : 'a'} ${signer.name} that runs is left as it is, with the authority that it has read`,
			};
		case 'certificate':
			return withIssuing(lifetimeVerdict(observation), issuing);
	}
}

/** Adds what a person may want to know about how the authority is issued. */
function withIssuing(verdict: Verdict, issuing: IssuingObservation | undefined): Verdict {
	const { problem, renewalAt, rotation } = issuing ?? {};
	const sentences = [
		...(problem === undefined ? [] : [`${problem}; it is needed before the next one is due at ${renewalAt}`]),
		...(rotation === undefined ? [] : [rotationSentence(rotation)]),
	];
	return sentences.length === 0 ? verdict : { ...verdict, message: [verdict.message, ...sentences].join('; ') };
}

function rotationSentence({
	stage,
	roots,
	nextAt,
	waitsFor = [],
}: NonNullable<IssuingObservation['rotation']>): string {
	const now =
		stage === 'Learning'
			? `${roots} roots are in trust, and the former one signs until all workloads know the new one`
			: `${roots} roots are in trust, and the new one signs; the former one goes when no certificate of it is left`;
	if (waitsFor.length > 0) return `${now}; waiting for ${waitsFor.join(', ')}`;
	return nextAt === undefined ? now : `${now}, at ${nextAt}`;
}

function lifetimeVerdict(
	observation: Extract<CertificateAuthorityObservation, { readonly found: 'certificate' }>,
): Verdict {
	const { subject, notAfter, timeLeft, keyType, signer } = observation;
	const about = `the certificate authority (${subject}, Secret ${observation.secretName})`;
	if (!signer.keyTypes.includes(keyType)) {
		return {
			status: 'False',
			reason: 'CAKeyUnsupported',
			message: `${about} has a key of type ${keyType}, with which ${signer.name} gives no certificates; put an authority with an ${signer.keyTypes.join(' or ').toUpperCase().replace(' OR ', ' or ')} key into the Secret`,
		};
	}
	const remedy =
		observation.source === 'Provided'
			? 'put a renewed one into the Secret'
			: observation.issuing === undefined
				? signer.renewal
				: `the operator makes the next one at ${observation.issuing.renewalAt}`;
	if (observation.shareLeft <= 0) {
		return {
			status: 'False',
			reason: 'CAExpired',
			message: `${about} ended at ${notAfter}: workloads refuse each other's certificates; ${remedy}`,
		};
	}
	const outlived = outlivedSince(observation);
	if (observation.shareLeft < expiringShare) {
		const message = `${about} ends at ${notAfter} and has ${timeLeft} left; ${remedy}`;
		return {
			status: 'True',
			reason: 'CAExpiring',
			message: outlived === undefined ? message : `${message}; ${outlived}`,
		};
	}
	return outlived !== undefined
		? { status: 'True', reason: 'CAOutlived', message: `${about} ends at ${notAfter}: ${outlived}` }
		: { status: 'True', reason: 'CertificateAuthorityValid', message: `${about} is valid until ${notAfter}` };
}

/**
 * Tells that certificates of workloads end after their authority, with the time since which that is so. Both times are those
 * of the authority, so that the message does not change from pass to pass. Undefined when they end before it.
 */
function outlivedSince({
	notAfter,
	timeLeftMs,
	workloadCertTTL,
}: Extract<CertificateAuthorityObservation, { readonly found: 'certificate' }>): string | undefined {
	const ttlMs = parseDuration(workloadCertTTL);
	if (timeLeftMs >= ttlMs) return undefined;
	const since = timeText(Date.parse(notAfter) - ttlMs);
	return `certificates of workloads last ${workloadCertTTL} (spec.citadel.workloadCertTTL), so those made since ${since} would last longer than it, and are refused from its end on; shorten workloadCertTTL, or give an authority that lasts longer`;
}

/** `status.certificateAuthority`. Stays as it was while nothing newer is known. */
export function certificateAuthorityStatus(
	observation: CertificateAuthorityObservation | 'none' | undefined,
	previous: ParsedStatus | undefined,
): Shown {
	if (observation === 'none') return {};
	const before = previous?.certificateAuthority;
	if (observation === undefined) return before === undefined ? {} : { certificateAuthority: before };
	const { source, secretName, issuing } = observation;
	const rotation =
		issuing?.rotation && definedFields({ ...issuing.rotation, waitsFor: issuing.rotation.waitsFor?.slice() });
	if (observation.found === 'unknown' && before?.source === source && before.secretName === secretName)
		return { certificateAuthority: before };
	if (observation.found !== 'certificate') return { certificateAuthority: { source, secretName } };
	const { subject, notAfter, timeLeft } = observation;
	return {
		certificateAuthority: definedFields({ source, secretName, subject, notAfter, timeLeft, rotation }),
	};
}
