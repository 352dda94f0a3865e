/** X.509: makes the operator's certificates, and reads those of others for the status. */
export {
	type CertificateAuthority,
	describeTimeLeft,
	readCertificateAuthority,
	shareLeft,
} from './certificate-authority.ts';
export { readCertificates } from './pem.ts';
export {
	type AuthorityFiles,
	type AuthorityProblem,
	type AuthorityUser,
	type AuthorityVerdict,
	judgeAuthority,
} from './plugged-authority.ts';
export { type KeyFacts, readKeyFacts } from './private-key.ts';
export { type Renewal, renewalOf } from './renewal.ts';
export {
	type IssuedCertificate,
	type IssueOptions,
	issueServingCertificate,
	type ServingCertificate,
} from './serving-certificate.ts';
