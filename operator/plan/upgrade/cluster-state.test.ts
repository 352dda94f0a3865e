import test from 'ava';
import type { KubeObject } from '../../runtime/object.ts';
import type { CertificateAuthorityObservation } from '../../status/certificate-authority.ts';
import { citadelSigner } from '../classic/certificate-authority.ts';
import { checkClusters, checkDefinitions, checkProxies, checkRoot, checkWebhooks } from './cluster-state.ts';
import type { UpgradeFinding } from './finding.ts';

function names(findings: readonly UpgradeFinding[]): readonly string[] {
	return findings.map(({ name, severity }) => `${severity} ${name}`);
}

interface Version {
	readonly name: string;
	readonly served: boolean;
}

function crd(
	versions: readonly Version[],
	metadata: Partial<KubeObject['metadata']> = {},
	scope = 'Namespaced',
): KubeObject {
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: 'gateways.networking.istio.io', ...metadata },
		spec: { scope, versions },
		status: { storedVersions: versions.map(({ name }) => name) },
	};
}

const wanted = crd([{ name: 'v1alpha3', served: true }], { annotations: { 'meshwright.io/crd-version': '1.4.10' } });
const ours = (release: string) => ({
	labels: { 'app.kubernetes.io/managed-by': 'meshwright' },
	annotations: { 'meshwright.io/crd-version': release },
});
const v1 = [{ name: 'v1', served: true }];

for (const [title, live, expected] of [
	['that is not there', [], []],
	['that serves what is read', [crd([{ name: 'v1alpha3', served: true }])], []],
	['of others that serves more', [crd([...v1, { name: 'v1alpha3', served: true }])], []],
	['of others that serves something else', [crd(v1)], ['blocker crd-versions']],
	['of others that no longer serves it', [crd([...v1, { name: 'v1alpha3', served: false }])], ['blocker crd-versions']],
	['of ours, which is written anew', [crd(v1, ours('1.3.8'))], []],
	['of ours from a newer release, which stays', [crd(v1, ours('1.5.0'))], ['blocker crd-versions']],
	[
		'with another scope',
		[crd([{ name: 'v1alpha3', served: true }], ours('1.3.8'), 'Cluster')],
		['blocker crd-versions'],
	],
] as const) {
	test(`a definition ${title}: ${expected.join() || 'nothing'}`, (t) => {
		t.deepEqual(names(checkDefinitions([wanted], live)), expected);
	});
}

const dayMs = 24 * 60 * 60_000;
const authority = { signer: citadelSigner, source: 'Provided', secretName: 'cacerts' } as const;

function ending(days: number): CertificateAuthorityObservation {
	return {
		...authority,
		found: 'certificate',
		subject: 'O=mesh',
		notAfter: '2030-01-01T00:00:00Z',
		timeLeft: `${days} days`,
		timeLeftMs: days * dayMs,
		shareLeft: 0.5,
		keyType: 'rsa',
		workloadCertTTL: '2160h',
	};
}

const roots: readonly (readonly [string, CertificateAuthorityObservation | 'none', readonly string[]])[] = [
	['nobody signs', 'none', []],
	['60 days left', ending(60), []],
	['59 days left', ending(59), ['blocker root-ends-soon']],
	['over', ending(-1), ['blocker root-ends-soon']],
	['not made yet by Citadel', { ...authority, source: 'SelfSigned', found: 'missing' }, []],
	['not made yet by the owner', { ...authority, found: 'missing' }, ['blocker root-ends-soon']],
	['unreadable', { ...authority, found: 'unreadable' }, ['blocker root-ends-soon']],
	[
		'unusable',
		{ ...authority, found: 'unusable', file: 'ca-key.pem', reason: 'is missing' },
		['blocker root-ends-soon'],
	],
	['not to be read', { ...authority, found: 'unknown' }, ['warning not-looked-at']],
];

for (const [title, observation, expected] of roots) {
	test(`the authority: ${title}: ${expected.join() || 'nothing'}`, (t) => {
		t.deepEqual(names(checkRoot(observation, 'mesh')), expected);
	});
}

for (const [version, expected] of [
	['1.4.10', []],
	['1.3.1', []],
	['1.2.10', ['blocker proxies-behind']],
	['0.8.0', ['blocker proxies-behind']],
	[undefined, ['warning proxy-version-unknown']],
] as const) {
	test(`a proxy of ${version ?? 'a version that nobody knows'} under 1.4.10: ${expected.join() || 'nothing'}`, (t) => {
		const findings = checkProxies([{ version, count: 3, example: 'shop/web' }], '1.4.10');
		t.deepEqual(names(findings), expected);
		t.true(findings.every(({ subject }) => subject.includes('3 pods, such as shop/web')));
	});
}

test('a cluster that does not answer, one that is too old and one that upgrades by itself are told', (t) => {
	const all = { trouble: undefined, refusal: undefined, proxies: undefined };
	t.deepEqual(
		names(
			checkClusters(
				[
					{ name: 'good', role: 'Remote', ...all },
					{ name: 'away', role: 'Remote', ...all, trouble: 'no answer' },
					{ name: 'old', role: 'Remote', ...all, refusal: 'needs Kubernetes 1.31' },
					{ name: 'other', role: 'Primary', ...all },
				],
				'1.4.10',
			),
		),
		['blocker cluster-unreachable', 'blocker cluster-left-behind', 'warning cluster-upgrades-alone'],
	);
});

test('a webhook behind which nobody answers blocks', (t) => {
	const webhook = {
		title: 'ValidatingWebhookConfiguration istio-galley, webhook a',
		trouble: 'Service a/b does not exist',
		about: 'Gateway a/b',
	};
	t.deepEqual(names(checkWebhooks([webhook])), ['blocker webhook-unanswered']);
});
