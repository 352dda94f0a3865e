/** X.509: the certificates that the operator makes, and what it tells about those of others. */
export {
	type CertificateAuthority,
	describeTimeLeft,
	readCertificateAuthority,
	shareLeft,
} from './certificate-authority.ts';
export { type Renewal, renewalOf } from './renewal.ts';
export {
	type IssuedCertificate,
	type IssueOptions,
	issueServingCertificate,
	type ServingCertificate,
} from './serving-certificate.ts';
