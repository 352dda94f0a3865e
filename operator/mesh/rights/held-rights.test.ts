import test from 'ava';
import { type NeededRight, rightToIssueTokens, rightToKeepSecrets, rightToReadSecrets } from '../../plan/rights.ts';
import { describeRight, type RuleLike } from '../../render/rules-covered.ts';
import { HeldRights, type HeldRightsOptions, type MissingRight } from './held-rights.ts';
import { findingOfMissing } from './missing.ts';

interface Answer {
	readonly resourceRules?: readonly RuleLike[];
	readonly incomplete?: boolean;
}

/** An API server that answers reviews, by namespace, and counts them. */
function stage(answers: (namespace: string) => Answer | Error) {
	const asked: string[] = [];
	let now = 0;
	const request = (async ({ body }: { readonly body: { readonly spec: { readonly namespace: string } } }) => {
		const { namespace } = body.spec;
		asked.push(namespace);
		const answer = answers(namespace);
		if (answer instanceof Error) throw answer;
		return { body: { status: answer } };
	}) as unknown as HeldRightsOptions['api']['request'];
	const held = new HeldRights({ api: { request }, now: () => now });
	const pass = (ms: number): void => {
		now += ms;
	};
	return { held, asked, pass };
}

const signal = new AbortController().signal;
const secrets: readonly NeededRight[] = [rightToKeepSecrets('a')];
const all: RuleLike = { apiGroups: [''], resources: ['secrets'], verbs: ['*'] };

function told(missing: readonly MissingRight[]): readonly string[] {
	return missing.map(({ namespace, right }) => `${namespace ?? ''} ${describeRight(right)}`);
}

/** No namespace has this name: what is given in it is given in the whole cluster. */
const nowhere = 'no.namespace';
const inNamespaces = (namespace: string): Answer => ({ resourceRules: namespace === nowhere ? [] : [all] });

test('rights are asked for once for all, by namespace, and again after ten minutes', async (t) => {
	const { held, asked, pass } = stage(inNamespaces);
	t.deepEqual(await held.missing(secrets, signal), []);
	t.deepEqual(await held.missing([rightToReadSecrets('mesh', 'a')], signal), []);
	t.deepEqual(asked, [nowhere, 'a']);
	t.deepEqual(await held.missing([rightToReadSecrets('mesh', 'b')], signal), []);
	t.deepEqual(asked, [nowhere, 'a', 'b']);
	pass(11 * 60_000);
	await held.missing(secrets, signal);
	t.deepEqual(asked.slice(3).toSorted(), ['a', nowhere]);
});

test('what is given in the whole cluster is not asked about namespace by namespace', async (t) => {
	const { held, asked, pass } = stage((namespace) => ({ resourceRules: namespace === nowhere ? [all] : [] }));
	for (const namespace of ['a', 'b']) t.deepEqual(await held.missing([rightToKeepSecrets(namespace)], signal), []);
	t.true(await held.surelyHas(secrets, signal));
	t.deepEqual(asked, [nowhere]);
	pass(1_500);
	t.true(await held.surelyHas(secrets, signal));
	t.deepEqual(asked, [nowhere, nowhere], 'what is held now is asked now');
	t.false(await stage(inNamespaces).held.surelyHas(secrets, signal));
	t.false(await stage(() => new Error('away')).held.surelyHas(secrets, signal));
});

test('what is needed in the whole cluster is not given by a role of any namespace', async (t) => {
	const { held } = stage((namespace) => (namespace === 'a' ? { resourceRules: [all] } : { resourceRules: [] }));
	const { namespace: _, ...inCluster } = rightToReadSecrets('citadel', 'a');
	t.deepEqual(told(await held.missing([...secrets, inCluster], signal)), [
		' get secrets',
		' list secrets',
		' watch secrets',
	]);
});

test('while something is missing it is asked again, but not at once', async (t) => {
	let rules: readonly RuleLike[] = [];
	const { held, asked, pass } = stage(() => ({ resourceRules: rules }));
	t.is((await held.missing(secrets, signal)).length, 6);
	await held.missing(secrets, signal);
	t.deepEqual(asked, [nowhere, 'a']);
	rules = [all];
	pass(1_500);
	t.deepEqual(await held.missing(secrets, signal), []);
	t.deepEqual(asked, [nowhere, 'a', 'a']);
});

test('what an authorizer does not list, or nobody answers, counts as unknown and not as missing', async (t) => {
	t.deepEqual(await stage(() => ({ incomplete: true })).held.missing(secrets, signal), []);
	const { held, asked } = stage(() => new Error('away'));
	t.deepEqual(await held.missing(secrets, signal), []);
	await held.missing(secrets, signal);
	t.true(asked.length > 1, 'the next pass asks again');
});

test('the same list is compared once, until the answers may differ', async (t) => {
	const { held, asked } = stage(inNamespaces);
	await held.missing(secrets, signal);
	await held.missing(secrets, signal);
	t.is(asked.length, 2);
	held.forget();
	await held.missing(secrets, signal);
	t.is(asked.length, 4);
});

test('the finding names what is missing, where, and the command for all of it', async (t) => {
	const { held } = stage(() => ({ resourceRules: [] }));
	const { namespace: _, ...inCluster } = rightToReadSecrets('citadel', 'a');
	const missing = await held.missing([...secrets, inCluster, rightToIssueTokens('a')], signal);
	const context = { namespace: 'a', operatorNamespace: 'ops' };
	const { reason, isStalled, message } = findingOfMissing(missing, context);
	t.is(reason, 'RightsMissing');
	t.true(isStalled);
	t.is(
		message,
		'the operator may not do what this spec needs: in namespace a get, list, watch, create, patch, delete secrets and ' +
			'create serviceaccounts/token; in the whole cluster get, list, watch secrets. Give it these rights: ' +
			'meshwright install --namespace ops --mesh-namespaces a --with citadel,clusters --rights-only',
	);
});

test('for istio-system it names the folders for Kustomize too', (t) => {
	const { rule: _, ...where } = rightToIssueTokens('istio-system');
	const right = { verb: 'create', group: '', resource: 'serviceaccounts/token' };
	const { message } = findingOfMissing([{ ...where, right }], {
		namespace: 'istio-system',
		operatorNamespace: 'meshwright-system',
	});
	t.regex(
		message,
		/--mesh-namespaces istio-system --with clusters --rights-only \(with Kustomize: deploy\/components\/clusters\)$/,
	);
});
