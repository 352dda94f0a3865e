/** X.509: makes the operator's certificates, and reads those of others for the status. */
export {
	type CertificateAuthority,
	describeTimeLeft,
	readCertificateAuthority,
	shareLeft,
} from './certificate-authority.ts';
export { type Intermediate, issueIntermediate } from './intermediate.ts';
export { pemText } from './library.ts';
export { isIssuedBy, readCertificates } from './pem.ts';
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
	certificateId,
	type RootAuthority,
	type RootProblem,
	readRootAuthority,
	rootFiles,
} from './root-authority.ts';
export {
	type AuthorityElsewhere,
	type AuthorityHere,
	planRotation,
	type RotationPlan,
} from './root-rotation.ts';
export {
	type IssuedCertificate,
	type IssueOptions,
	issueServingCertificate,
	type ServingCertificate,
} from './serving-certificate.ts';
