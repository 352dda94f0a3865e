/** The lines of Istio releases that the operator can install. */
export { findRelease } from './find-release.ts';
export type {
	ByHand,
	CertificateRequest,
	Charge,
	DataPlane,
	IssuedAuthorities,
	Line,
	MultiClusterSupport,
	NamespaceInjection,
	Place,
	RevisionSupport,
} from './line.ts';
export { lines } from './lines.ts';
export { Lines } from './registry.ts';
