/** The verdicts of `meshwright check`, and how they are told. Pure. */

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import test from 'ava';
import { issueServingCertificate } from '../../certificates/index.ts';
import { toSecretFacts } from '../../plan/secret-facts.ts';
import { found } from '../../plan/upgrade/catalogue.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { viewOf } from '../status-view.ts';
import { judgeEnd, judgeWorkloads } from './authority.ts';
import { checkClusters } from './clusters.ts';
import { problemsOf } from './definitions.ts';
import { judgePod, judgeWebhook } from './injection.ts';
import { judgeClocks } from './kubernetes.ts';
import { checkRelease, checkStatus } from './mesh.ts';
import { judgeLease, versionOfImage } from './operator.ts';
import { type CheckGroup, check, checkNames } from './result.ts';
import { checkData, checkLines, isWell, openLines } from './view.ts';

const plain = (_style: unknown, text: string): string => text;
const now = Date.parse('2026-06-01T12:00:00Z');
const dayMs = 24 * 3_600_000;

test('each check has a heading in docs/check.md, and each heading is one', async (t) => {
	const text = await readFile(new URL('../../../docs/check.md', import.meta.url), 'utf8');
	const headings = [...text.matchAll(/^### (\S+)$/gm)].map(([, name]) => name);
	t.deepEqual(headings, [...checkNames]);
});

test('what is refused for lack of a right is unknown and names the right, what gets no answer is unknown too, and a defect is thrown', async (t) => {
	const right = { verb: 'list', kind: kinds.Deployment, namespace: 'shop' } as const;
	const after = (error: Error) => check('operator-runs', 'it runs', right, () => Promise.reject(error));
	const forbidden = await after(new RequestError('no', { status: 403, reason: 'Forbidden' }));
	t.is(forbidden.state, 'unknown');
	t.is(forbidden.detail, 'you may not list deployments.apps in namespace shop');
	const silent = await after(new TransientError('no answer within 20 s'));
	t.is(silent.state, 'unknown');
	t.is(silent.detail, 'no answer within 20 s');
	await t.throwsAsync(after(new TypeError('x is undefined')), { instanceOf: TypeError });
});

test('clocks agree when the answer could have come within the second that the server names', (t) => {
	t.is(judgeClocks(now, now + 40, now).state, 'ok');
	t.is(judgeClocks(now, now + 40, now - 10_000).state, 'ok');
	t.regex(judgeClocks(now, now + 40, now - 60_000).detail ?? '', /^the one here is 59 s ahead$/);
	t.regex(judgeClocks(now, now, now + 60_000).detail ?? '', /^the one here is 60 s behind$/);
	t.is(judgeClocks(now, now, Number.NaN).state, 'unknown');
});

test('a definition must be Established, serve what is read, and have nothing stored in a version that is served no more', (t) => {
	const crd = (versions: object[], status: object = {}): KubeObject => ({
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: 'gateways.networking.istio.io' },
		spec: { versions },
		status: { conditions: [{ type: 'Established', status: 'True' }], ...status },
	});
	const wanted = crd([{ name: 'v1alpha3' }]);
	const served = { name: 'v1alpha3', served: true };
	t.deepEqual(problemsOf(wanted, crd([served], { storedVersions: ['v1alpha3'] })), []);
	t.deepEqual(problemsOf(wanted, crd([{ name: 'v1', served: true }])), ['does not serve v1alpha3']);
	t.deepEqual(problemsOf(wanted, crd([served], { conditions: [] })), ['is not Established']);
	t.deepEqual(
		problemsOf(wanted, crd([served, { name: 'v1alpha2', served: false }], { storedVersions: ['v1alpha2'] })),
		['has objects stored as v1alpha2, which is served no more'],
	);
});

test('the lease is judged by the clock of the API server', (t) => {
	const lease = (spec: object): KubeObject => ({ ...kinds.Lease, metadata: { name: 'meshwright' }, spec });
	const held = { holderIdentity: 'pod-1', leaseDurationSeconds: 15 };
	const renewed = (agoMs: number) => lease({ ...held, renewTime: new Date(now - agoMs).toISOString() });
	t.is(judgeLease(renewed(10_000), now, 'ops').state, 'ok');
	t.regex(judgeLease(renewed(60_000), now, 'ops').detail ?? '', /^pod-1 has not renewed it for 60 s$/);
	t.is(judgeLease(lease({ holderIdentity: '' }), now, 'ops').detail, 'nobody has it');
	t.is(judgeLease(undefined, now, 'ops').state, 'failed');
});

test('the version of an image is its tag, when that is one', (t) => {
	t.is(versionOfImage('ghcr.io/meshwright/meshwright:0.1.0'), '0.1.0');
	t.is(versionOfImage('registry:5000/meshwright:v1.2.3-rc.1@sha256:abc'), '1.2.3-rc.1');
	t.is(versionOfImage('registry:5000/meshwright@sha256:abc'), undefined);
	t.is(versionOfImage('registry:5000/meshwright:latest'), undefined);
});

test('each condition and component is a sentence; a reason brings its remedy, one that will pass a warning', (t) => {
	const condition = (type: string, status: string, reason: string) => ({
		type,
		status,
		reason,
		message: 'because',
		lastTransitionTime: '2026-01-01T00:00:00Z',
	});
	const object: KubeObject = {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default', generation: 3 },
		spec: { version: '1.4.10' },
		status: {
			observedGeneration: 2,
			conditions: [
				condition('Ready', 'False', 'CAExpired'),
				condition('Stalled', 'True', 'RightsMissing'),
				condition('Installed', 'Unknown', 'Progressing'),
				condition('CertificateAuthorityValid', 'True', 'CAExpiring'),
				condition('Valid', 'True', 'Valid'),
			],
			components: [
				{ name: 'pilot', ready: 2, desired: 2 },
				{ name: 'mixer', ready: 1, desired: 2, reason: 'PodsUnschedulable', message: 'no node' },
			],
		},
	};
	const told = checkStatus(viewOf(object)).map(({ sentence, state, detail = '' }) => `${state} ${sentence}: ${detail}`);
	t.deepEqual(told, [
		'failed the operator has looked at its spec: it has not looked at the last change',
		'failed condition Ready is True: CAExpired: because',
		'failed condition Stalled is not True: RightsMissing: because',
		'unknown condition Installed is True: Progressing: because',
		'warning condition CertificateAuthorityValid is True: CAExpiring: because',
		'ok condition Valid is True: ',
		'ok pilot runs: 2/2 pods are ready',
		'failed mixer runs: 1/2 pods are ready; no node',
	]);
	t.truthy(checkStatus(viewOf(object))[1]?.hint);
});

test('what is known against a release is a warning that names it, and says what to do', (t) => {
	t.is(checkRelease('1.31.4', []).state, 'ok');
	const known = found('security-bulletin', 'proxies', 'have a hole, which 1.30.4 mends: ISTIO-SECURITY-2026-006');
	t.like(checkRelease('1.30.3', [known]), {
		name: 'release-known',
		state: 'warning',
		sentence: 'nothing is known against Istio 1.30.3',
		detail: 'security-bulletin: proxies have a hole, which 1.30.4 mends: ISTIO-SECURITY-2026-006',
		hint: known.remedy,
	});
});

test('a pod must come back with the proxy of the mesh', (t) => {
	const pod = (...images: string[]): KubeObject => ({
		...kinds.Pod,
		metadata: { name: 'x' },
		spec: {
			containers: [
				{ name: 'meshwright-check', image: 'y' },
				...images.map((image, index) => ({ name: `c${index}`, image })),
			],
		},
	});
	t.is(judgePod(pod('proxy:1'), ['proxy:1'], 'shop', '').state, 'ok');
	t.regex(judgePod(pod(), ['proxy:1'], 'shop', '').detail ?? '', /came back as it was/);
	t.regex(judgePod(pod('proxy:0'), ['proxy:1'], 'shop', '').detail ?? '', /with proxy:0, and not with proxy:1/);
});

test('the authority in a webhook is judged by its last certificate, an entry at a time', async (t) => {
	const issued = await issueServingCertificate({
		dnsNames: ['a.svc'],
		now: new Date(now),
		lifetimeMs: 365 * dayMs,
		previousRoots: '',
	});
	const root = new X509Certificate(issued.roots);
	const endsAt = root.validToDate.getTime();
	const webhook = (...bundles: string[]): KubeObject => ({
		...kinds.MutatingWebhookConfiguration,
		metadata: { name: 'x' },
		webhooks: bundles.map((caBundle) => ({ clientConfig: { caBundle: Buffer.from(caBundle).toString('base64') } })),
	});
	const { roots } = issued;
	t.is(judgeWebhook(webhook(roots, roots), now, 'default').state, 'ok');
	t.is(judgeWebhook(webhook(roots), endsAt - dayMs, 'default').state, 'warning');
	t.is(judgeWebhook(webhook(roots), endsAt, 'default').state, 'failed');
	t.is(judgeWebhook(webhook(roots, 'none'), now, 'default').state, 'failed');
	t.is(judgeWebhook(undefined, now, 'default').state, 'failed');
});

test('an authority that ends within 60 days is a warning, one that has ended a failure', (t) => {
	const end = (days: number) => judgeEnd(new Date(now + days * dayMs).toISOString(), now).state;
	t.deepEqual([end(61), end(59), end(0), judgeEnd(undefined, now).state], ['ok', 'warning', 'failed', 'unknown']);
});

test('workloads must trust the authority that signs now, by certificates that have not ended', async (t) => {
	const issue = () =>
		issueServingCertificate({ dnsNames: ['a.svc'], now: new Date(now), lifetimeMs: 365 * dayMs, previousRoots: '' });
	const [mine, other] = [await issue(), await issue()];
	const secret = (data: Readonly<Record<string, string>>): KubeObject => ({
		...kinds.Secret,
		metadata: { name: 's' },
		data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')])),
	});
	const authority = toSecretFacts(secret({ 'ca-cert.pem': mine.roots }));
	const workload = (title: string, { roots, certChain }: typeof mine) => ({
		title,
		facts: toSecretFacts(secret({ 'root-cert.pem': roots, 'cert-chain.pem': certChain })),
	});
	t.is(judgeWorkloads(authority, [], now).state, 'skipped');
	t.is(judgeWorkloads(authority, [workload('shop/a', mine)], now).state, 'ok');
	const both = [workload('shop/a', mine), workload('shop/b', other)];
	t.is(judgeWorkloads(authority, both, now).detail, 'not of it: Secrets shop/b');
	const late = judgeWorkloads(authority, [workload('shop/a', mine)], now + 3_650 * dayMs);
	t.is(late.detail, 'ended: Secrets shop/a');
});

test('a cluster that is not ready says why', (t) => {
	const object: KubeObject = {
		apiVersion: 'meshwright.io/v1',
		kind: 'MeshInstallation',
		metadata: { name: 'default' },
		spec: { version: '1.4.10', multiCluster: { clusters: [{ name: 'eu', kubeconfigSecret: { name: 's' } }] } },
	};
	const [only] = checkClusters(object);
	t.is(only?.state, 'failed');
	t.is(only?.detail, 'the operator has not looked at it yet');
});

test('lines, sum and data say the same, and what is unknown is not well', (t) => {
	const groups: readonly CheckGroup[] = [
		{
			title: 'Kubernetes',
			results: [
				{ name: 'api-server', sentence: 'it answers', state: 'ok', detail: 'Kubernetes v1.36.0' },
				{ name: 'clock-skew', sentence: 'clocks agree', state: 'failed', detail: '45 s', hint: 'set it' },
				{ name: 'user-rights', sentence: 'you may', state: 'unknown', detail: 'you may not' },
				{ name: 'operator-leads', sentence: 'it leads', state: 'skipped', detail: 'no election' },
				{ name: 'authority-lasts', sentence: 'it lasts', state: 'warning', detail: '40 days', hint: 'renew it' },
			],
		},
	];
	t.deepEqual(checkLines(groups, plain), [
		'Kubernetes',
		'  ✔ it answers: Kubernetes v1.36.0',
		'  ✘ clocks agree: 45 s',
		'      do: set it',
		'      see docs/check.md#clock-skew',
		'  ? you may: you may not',
		'      see docs/check.md#user-rights',
		'  - it leads (not looked at: no election)',
		'  ! it lasts: 40 days',
		'      do: renew it',
		'      see docs/check.md#authority-lasts',
		'',
		'Of 4 sentences 1 is not true, 1 is not known, 1 may not stay so.',
	]);
	t.deepEqual(openLines(groups, plain), ['✘ Kubernetes: clocks agree: 45 s', '? Kubernetes: you may: you may not']);
	t.false(isWell(groups));
	const of = (...states: string[]) =>
		groups.map(({ title, results }) => ({ title, results: results.filter(({ state }) => states.includes(state)) }));
	t.false(isWell(of('ok', 'unknown')));
	t.true(isWell(of('ok', 'warning', 'skipped')));
	t.like(checkData(groups), { ok: false, groups: [{ title: 'Kubernetes' }] });
});
