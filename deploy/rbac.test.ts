import { readFile } from 'node:fs/promises';
import test from 'ava';
import { defaultNamespace } from '../api/v1/constants.ts';
import { anyNamespace } from '../operator/cli/install-parts.ts';
import { manifests } from '../operator/cli/manifests.ts';
import { type NeededRight, type RightsPart, rightsFor, rightsParts, rightsToRestart } from '../operator/plan/rights.ts';
import { defaultValidator } from '../operator/render/istiod/index.ts';
import { describeRight, type RuleLike, rightsNotCovered } from '../operator/render/rules-covered.ts';
import { kindOf, kinds } from '../operator/runtime/kinds.ts';
import { groupOf, type KubeObject } from '../operator/runtime/object.ts';
import { componentParts, rbacFiles } from './generate.ts';
import { everywhereRules, grantedRules, operatorRules, ownNamespaceRules, type PartRules, partRules } from './rbac.ts';
import { compact, type Rule } from './rules.ts';
import { renderEverything } from './samples.ts';

const rendered = renderEverything();
const base = operatorRules(rendered);
const grants = grantedRules(rendered);
const parts = rightsParts.filter((name) => name !== 'operator');
const rulesOf: ReadonlyMap<RightsPart, PartRules> = new Map(
	parts.map((part) => [part, partRules(part, rendered, defaultNamespace)]),
);
const everywhere = everywhereRules(rendered, defaultNamespace);

function part(name: RightsPart): PartRules {
	return rulesOf.get(name) ?? { cluster: [], named: [], namespace: [] };
}

/** Everything that is held in the whole cluster with these parts. */
function inCluster(...names: readonly RightsPart[]): readonly Rule[] {
	return [...base, ...grants, ...names.flatMap((name) => [...part(name).cluster, ...part(name).named])];
}

/** Everything that is held in the namespace of a mesh. */
function inNamespace(...names: readonly RightsPart[]): readonly Rule[] {
	return [...inCluster(...names), ...names.flatMap((name) => part(name).namespace)];
}

const every: readonly Rule[] = [...inNamespace(...parts), ...everywhere, ...ownNamespaceRules];

function lacking(held: readonly RuleLike[], group: string, resource: string, ...verbs: readonly string[]) {
	return rightsNotCovered(held, [{ apiGroups: [group], resources: [resource], verbs }]).map(describeRight);
}

test('the files are what the generator writes', async (t) => {
	for (const [path, text] of Object.entries(rbacFiles())) {
		t.is(await readFile(new URL(path, import.meta.url), 'utf8'), text, path);
	}
});

test('there is no wildcard, and no verb that makes an administrator', (t) => {
	const words = every.flatMap(({ apiGroups, resources, verbs }) => [...apiGroups, ...resources, ...verbs]);
	for (const word of ['*', 'escalate', 'bind', 'impersonate', 'deletecollection', 'approve', 'sign']) {
		t.false(words.includes(word), word);
	}
	for (const text of Object.values(rbacFiles())) t.notRegex(text, /cluster-admin|\*/);
});

test('only API groups that an installation has anything to do with are named', (t) => {
	const groups = new Set([...inNamespace(...parts), ...everywhere].flatMap(({ apiGroups }) => apiGroups));
	t.deepEqual([...groups].sort(), [
		'',
		'admissionregistration.k8s.io',
		'apiextensions.k8s.io',
		'apps',
		'authentication.istio.io',
		'authentication.k8s.io',
		'authorization.k8s.io',
		'autoscaling',
		'config.istio.io',
		'coordination.k8s.io',
		'discovery.k8s.io',
		'extensions.istio.io',
		'gateway.networking.k8s.io',
		'gateway.networking.x-k8s.io',
		'inference.networking.k8s.io',
		'meshwright.io',
		'multicluster.x-k8s.io',
		'networking.istio.io',
		'networking.k8s.io',
		'policy',
		'rbac.authorization.k8s.io',
		'rbac.istio.io',
		'security.istio.io',
		'telemetry.istio.io',
	]);
});

test('in the whole cluster every operator reads, and writes nothing but its own objects and Istio’s CRDs', (t) => {
	const writing = [...base, ...grants].flatMap(({ apiGroups, resources, resourceNames, verbs }) =>
		verbs
			.filter((verb) => !['get', 'list', 'watch'].includes(verb))
			.map((verb) => `${verb} ${apiGroups.join()}/${resources.join()}${resourceNames === undefined ? '' : ' by name'}`),
	);
	t.deepEqual(writing.toSorted(), [
		'create apiextensions.k8s.io/customresourcedefinitions by name',
		'patch apiextensions.k8s.io/customresourcedefinitions by name',
		'patch meshwright.io/meshinstallations',
		'patch meshwright.io/meshinstallations/status',
		'update meshwright.io/meshinstallations/finalizers',
	]);
});

test('Secrets are out of reach but in the namespace of a mesh, and with Citadel', (t) => {
	const verbs = ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'];
	for (const names of [[], ['mesh'], ['mesh', 'injection'], ['mesh', 'injection', 'clusters']] as const) {
		t.is(lacking(inCluster(...names), '', 'secrets', ...verbs).length, verbs.length, names.join());
	}
	t.deepEqual(lacking(inNamespace('mesh'), '', 'secrets', 'get', 'list', 'watch', 'create', 'patch', 'delete'), []);
	t.deepEqual(lacking(inCluster('citadel'), '', 'secrets', ...verbs), ['get secrets', 'patch secrets']);
});

test('tokens are issued nowhere but in the namespace of a mesh, with joined clusters', (t) => {
	const token = ['', 'serviceaccounts/token', 'create'] as const;
	t.deepEqual(lacking(inCluster(...parts), ...token), ['create serviceaccounts/token']);
	t.deepEqual(lacking(inNamespace('mesh', 'injection', 'citadel'), ...token), ['create serviceaccounts/token']);
	t.deepEqual(lacking(inNamespace('clusters'), ...token), []);
});

test('in the whole cluster parts write by name, but for istiod, Events of nodes, Citadel’s Secrets, labels of namespaces and restarts', (t) => {
	const unnamed = parts
		.filter((name) => name !== 'istiod')
		.flatMap((name) =>
			[...part(name).cluster, ...part(name).named].flatMap(({ resources, resourceNames, verbs }) =>
				resourceNames === undefined && verbs.some((verb) => !['get', 'list', 'watch'].includes(verb))
					? [`${name}: ${resources.join()}`]
					: [],
			),
		);
	t.deepEqual(unnamed, [
		'injection: namespaces',
		'nodes: events',
		'citadel: secrets',
		'restarts: daemonsets,deployments',
		'restarts: statefulsets',
	]);
	for (const name of parts)
		for (const { resourceNames = [] } of part(name).named)
			for (const one of resourceNames)
				t.true(
					one === 'default' ||
						one === defaultValidator ||
						one.endsWith(`-${defaultNamespace}`) ||
						resourceNames.includes(`${one}-${defaultNamespace}`),
					one,
				);
});

test('istiod writes what it makes for Gateways and workloads in all namespaces, and no Secret outside of its own', (t) => {
	const writing = [...part('istiod').cluster]
		.filter(({ verbs, resourceNames }) => resourceNames === undefined && verbs.some((verb) => verb !== 'get'))
		.flatMap(({ verbs, resources }) =>
			verbs.some((verb) => ['create', 'patch', 'update', 'delete'].includes(verb))
				? resources.filter((resource) => !resource.endsWith('/status'))
				: [],
		);
	t.deepEqual(writing.toSorted(), [
		'configmaps',
		'deployments',
		'gatewayclasses',
		'horizontalpodautoscalers',
		'mutatingwebhookconfigurations',
		'poddisruptionbudgets',
		'serviceaccounts',
		'services',
		'subjectaccessreviews',
		'tokenreviews',
		'validatingwebhookconfigurations',
		'workloadentries',
	]);
	const verbs = ['get', 'list', 'watch', 'create', 'patch', 'update', 'delete'];
	t.deepEqual(lacking(inCluster('mesh', 'istiod'), '', 'secrets', ...verbs), [
		'create secrets',
		'patch secrets',
		'update secrets',
		'delete secrets',
	]);
});

test('namespaces and CRDs are never deleted, and only Istio’s own CRDs are written', (t) => {
	const crds = ['apiextensions.k8s.io', 'customresourcedefinitions'] as const;
	t.deepEqual(lacking(every, '', 'namespaces', 'delete'), ['delete namespaces']);
	t.deepEqual(lacking(every, ...crds, 'watch', 'delete', 'patch').length, 2);
	const named = (name: string) => [
		{ apiGroups: [crds[0]], resources: [crds[1]], resourceNames: [name], verbs: ['patch'] },
	];
	t.deepEqual(rightsNotCovered(every, named('virtualservices.networking.istio.io')), []);
	t.is(rightsNotCovered(every, named('meshinstallations.meshwright.io')).length, 1);
});

/** What is needed and not held, with these parts. */
function missing(needed: readonly NeededRight[], names: readonly RightsPart[]): readonly string[] {
	return needed.flatMap(({ namespace, rule }) =>
		rightsNotCovered(namespace === undefined ? inCluster(...names) : inNamespace(...names), [rule]).map(describeRight),
	);
}

test('each part with those before it gives all that its objects need, to write them and to grant what they grant', (t) => {
	const needed = [...rightsFor(rendered), ...rightsToRestart];
	for (const name of parts) {
		const own = needed.filter((right) => right.part === name);
		t.true(own.length > 0, name);
		t.deepEqual(missing(own, name === 'mesh' ? ['mesh'] : ['mesh', name]), [], name);
		t.true(missing(own, name === 'mesh' ? [] : ['mesh']).length > 0, `${name} is a part of its own`);
	}
});

test('with everything in all namespaces nothing is missing for a mesh of any namespace', (t) => {
	const needed = rightsFor(rendered).map(({ rule }) => rule);
	t.deepEqual(rightsNotCovered([...base, ...grants, ...everywhere], needed).map(describeRight), []);
	const { resourceNames: _, ...anyName } = needed.find(({ resourceNames }) => resourceNames !== undefined) ?? {
		verbs: [],
	};
	t.deepEqual(rightsNotCovered([...base, ...everywhere], [anyName]).map(describeRight), []);
});

test('every rendered kind but Secrets can be read and watched in all namespaces', (t) => {
	for (const kind of new Set(rendered.map(kindOf))) {
		const missing = lacking(base, groupOf(kind.apiVersion), kind.plural, 'get', 'list', 'watch');
		t.is(missing.length, kind === kinds.Secret ? 3 : 0, kind.plural);
	}
});

test('the lease is all that the operator needs in its own namespace', (t) => {
	t.deepEqual(ownNamespaceRules, [
		{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] },
	]);
});

test('rights for another namespace are those for istio-system under its name', (t) => {
	const rbacOf = (options: Parameters<typeof manifests>[0]) => manifests({ ...options, rightsOnly: true });
	const components = { with: ['istiod', 'citadel', 'clusters'] } as const;
	const here = rbacOf(components);
	const there = rbacOf({ ...components, meshNamespaces: ['team-a'] });
	// In its own namespace Istio names its webhook for pods without it.
	const ofIstio = /"istio-sidecar-injector(-\d+-\d+-\d+)?",/g;
	t.regex(JSON.stringify(here), ofIstio);
	t.is(JSON.stringify(there).replaceAll('team-a', defaultNamespace), JSON.stringify(here).replaceAll(ofIstio, ''));
	t.true(there.some(({ metadata }) => metadata.namespace === 'team-a'));
	const both = rbacOf({ ...components, meshNamespaces: [defaultNamespace, 'team-a'] });
	const key = ({ kind, metadata }: KubeObject) => `${kind} ${metadata.namespace ?? ''}/${metadata.name}`;
	t.deepEqual([...new Set([...here, ...there].map(key))].sort(), both.map(key).sort());
});

test('no namespace of a mesh is among the manifests, whatever is asked for', (t) => {
	for (const meshNamespaces of [undefined, ['team-a', 'team-b'], [anyNamespace]]) {
		const names = manifests({ meshNamespaces, with: ['citadel', 'clusters'] }).flatMap(({ kind, metadata }) =>
			kind === 'Namespace' ? [metadata.name] : [],
		);
		t.deepEqual(names, ['meshwright-system']);
	}
});

test('each component is a folder that Kustomize can add', async (t) => {
	for (const name of [...componentParts, 'everywhere']) {
		const text = await readFile(new URL(`components/${name}/kustomization.yaml`, import.meta.url), 'utf8');
		t.regex(text, /^kind: Component$/m);
		t.regex(text, /^ {2}- rbac\.generated\.yaml$/m);
	}
});

test('rules are compacted without changing what they allow', (t) => {
	const rule = (resource: string, verbs: readonly string[], resourceNames?: readonly string[]): Rule => ({
		apiGroups: ['g'],
		resources: [resource],
		verbs,
		...(resourceNames === undefined ? {} : { resourceNames }),
	});
	const both: Rule = { ...rule('a', ['get']), resources: ['a', 'b'] };
	const three: Rule = { ...rule('a', ['get']), resources: ['a', 'b', 'c'] };
	t.deepEqual(compact([both, three]), [three], 'rules of several resources');
	t.deepEqual(compact([rule('b', ['get']), rule('a', ['list']), rule('b', ['list']), rule('a', ['get'])]), [
		{ apiGroups: ['g'], resources: ['a', 'b'], verbs: ['get', 'list'] },
	]);
	// A right on a named object adds nothing to the same right on all objects. Another verb on the name does.
	t.deepEqual(compact([rule('a', ['get']), rule('a', ['get', 'patch'], ['x'])]), [
		{ apiGroups: ['g'], resources: ['a'], verbs: ['get'] },
		{ apiGroups: ['g'], resources: ['a'], resourceNames: ['x'], verbs: ['patch'] },
	]);
	t.deepEqual(compact([rule('a', ['get'], ['y']), rule('a', ['get'], ['x'])]), [
		{ apiGroups: ['g'], resources: ['a'], resourceNames: ['x', 'y'], verbs: ['get'] },
	]);
	t.deepEqual(compact([...base].reverse()), base);
});
