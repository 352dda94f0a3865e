/**
 * What is known about changes between classic releases, as data. A patch that is found to be bad gets a row here, and the
 * checks do the rest.
 */
import type { KnownIssue } from '../../upgrade/known-issues.ts';

export type ClassicCondition =
	/** Pilot of the new version is told to find out protocols of outbound connections. */
	| 'findsProtocols'
	/** Workloads use mutual TLS, and nobody has switched off the check of the trust domain. */
	| 'checksTrustDomain'
	/** The definition authorizationpolicies.rbac.istio.io is in the cluster. */
	| 'hasRbacAuthorizationPolicies';

const before13 = { first: '1.0.0', last: '1.2.99' } as const;

export const classicKnownIssues: readonly KnownIssue<ClassicCondition>[] = [
	{
		name: 'protocols-detected',
		from: before13,
		to: { first: '1.3.0', last: '1.4.99' },
		condition: 'findsProtocols',
		subject: 'ports of Services whose names do not begin with a protocol',
		sentence:
			'are no longer plain TCP for outbound connections: proxies wait up to 100 ms for the first bytes of the client, and take what looks like HTTP as HTTP',
		source: 'istio 1.3.8 pilot/pkg/features/pilot.go PILOT_ENABLE_PROTOCOL_SNIFFING_FOR_OUTBOUND',
	},
	{
		name: 'trust-domain-checked',
		from: before13,
		to: { first: '1.3.0', last: '1.4.99' },
		condition: 'checksTrustDomain',
		subject: 'proxies under mutual TLS',
		sentence: 'refuse peers whose certificate is of another trust domain',
		source: 'istio 1.3.8 pilot/pkg/security/authn/v1alpha1/policy_applier.go SkipValidateTrustDomain',
	},
	{
		name: 'rbac-policy-leftover',
		from: { first: '1.2.0', last: '1.3.99' },
		to: { first: '1.4.0', last: '1.4.99' },
		condition: 'hasRbacAuthorizationPolicies',
		subject: 'CustomResourceDefinition authorizationpolicies.rbac.istio.io',
		sentence:
			'is left over from Istio 1.2 and 1.3: kubectl get authorizationpolicies may mean either kind, so name the group',
		source: 'istio 1.4.10 install/kubernetes/helm/istio-init/files, which no longer has it',
	},
];
