import { readFile } from 'node:fs/promises';
import test from 'ava';
import { kindOf } from '../operator/runtime/kinds.ts';
import { rbacText } from './generate.ts';
import { compact, grantedRules, namespaceRules, operatorRules, type Rule } from './rbac.ts';
import { renderEverything } from './samples.ts';

const rendered = renderEverything();
const rules = operatorRules(rendered);
const grants = grantedRules(rendered);

/** Whether the rules allow one verb on one resource, on all objects or on the named one. */
function allows(all: readonly Rule[], group: string, resource: string, verb: string, name?: string): boolean {
	return all.some(
		({ apiGroups, resources, resourceNames, verbs }) =>
			apiGroups.includes(group) &&
			resources.includes(resource) &&
			verbs.includes(verb) &&
			(resourceNames === undefined || (name !== undefined && resourceNames.includes(name))),
	);
}

test('the file is what the generator writes', async (t) => {
	t.is(await readFile(new URL('rbac.generated.yaml', import.meta.url), 'utf8'), rbacText());
});

test('there is no wildcard, and no verb that makes an administrator', (t) => {
	const words = [...rules, ...grants, ...namespaceRules].flatMap(({ apiGroups, resources, verbs }) => [
		...apiGroups,
		...resources,
		...verbs,
	]);
	for (const word of ['*', 'escalate', 'bind', 'impersonate', 'deletecollection', 'approve', 'sign']) {
		t.false(words.includes(word), word);
	}
	t.false(rbacText().includes('cluster-admin'));
	t.false(rbacText().includes('*'));
});

test('only API groups that an installation has anything to do with are named', (t) => {
	const groups = new Set([...rules, ...grants].flatMap(({ apiGroups }) => apiGroups));
	t.deepEqual([...groups].sort(), [
		'',
		'admissionregistration.k8s.io',
		'apiextensions.k8s.io',
		'apps',
		'authentication.istio.io',
		'autoscaling',
		'config.istio.io',
		'discovery.k8s.io',
		'events.k8s.io',
		'meshwright.io',
		'networking.istio.io',
		'networking.k8s.io',
		'policy',
		'rbac.authorization.k8s.io',
		'rbac.istio.io',
		'security.istio.io',
	]);
});

test('namespaces and CRDs are never deleted, and only Istio’s own CRDs are written', (t) => {
	for (const [group, resource] of [
		['', 'namespaces'],
		['apiextensions.k8s.io', 'customresourcedefinitions'],
	] as const) {
		t.true(allows(rules, group, resource, 'watch'));
		t.false(
			rules.some(
				({ apiGroups, resources, verbs }) =>
					apiGroups.includes(group) && resources.includes(resource) && verbs.includes('delete'),
			),
		);
	}
	const crds = 'customresourcedefinitions';
	t.true(allows(rules, 'apiextensions.k8s.io', crds, 'patch', 'virtualservices.networking.istio.io'));
	t.false(allows(rules, 'apiextensions.k8s.io', crds, 'patch', 'meshinstallations.meshwright.io'));
	t.false(allows(rules, 'apiextensions.k8s.io', crds, 'patch'));
});

test('what is handed on is reading only, but for what Citadel writes: Secrets, and the ConfigMap with its root', (t) => {
	const reading = ['get', 'list', 'watch'];
	const writing = grants.flatMap(({ apiGroups, resources, resourceNames = ['*'], verbs }) =>
		verbs
			.filter((verb) => !reading.includes(verb))
			.map((verb) => `${verb} ${apiGroups.join()}/${resources.join()} ${resourceNames.join()}`),
	);
	t.deepEqual(writing.toSorted(), [
		'create /configmaps *',
		'create /secrets *',
		'delete /secrets *',
		'update /configmaps istio-security',
		'update /secrets *',
	]);
});

test('every right that a rendered role grants is held', (t) => {
	const roles = rendered.filter(({ kind }) => kind === 'ClusterRole' || kind === 'Role');
	t.true(roles.length > 0);
	for (const role of roles) {
		for (const granted of role.rules as readonly Rule[]) {
			for (const group of granted.apiGroups) {
				for (const resource of granted.resources) {
					for (const verb of granted.verbs) {
						for (const name of granted.resourceNames ?? [undefined]) {
							t.true(allows(grants, group, resource, verb, name), `${verb} ${resource}.${group} ${name ?? ''}`);
						}
					}
				}
			}
		}
	}
});

test('every rendered kind can be read, watched, created and changed', (t) => {
	for (const object of rendered) {
		const { apiVersion, plural: resource } = kindOf(object);
		const { metadata } = object;
		const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
		for (const verb of ['get', 'list', 'watch', 'create', 'patch']) {
			t.true(allows(rules, group, resource, verb, metadata.name), `${verb} ${resource}`);
		}
	}
});

test('the lease is all that the operator needs in its own namespace', (t) => {
	t.deepEqual(namespaceRules, [
		{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create', 'get', 'update'] },
	]);
});

test('rules are compacted without changing what they allow', (t) => {
	const rule = (resource: string, verbs: readonly string[], resourceNames?: readonly string[]): Rule => ({
		apiGroups: ['g'],
		resources: [resource],
		verbs,
		...(resourceNames === undefined ? {} : { resourceNames }),
	});
	t.deepEqual(compact([rule('b', ['get']), rule('a', ['list']), rule('b', ['list']), rule('a', ['get'])]), [
		{ apiGroups: ['g'], resources: ['a', 'b'], verbs: ['get', 'list'] },
	]);
	// A right on a named object adds nothing to the same right on all objects. Another verb on the name does.
	t.deepEqual(compact([rule('a', ['get']), rule('a', ['get', 'patch'], ['x'])]), [
		{ apiGroups: ['g'], resources: ['a'], verbs: ['get'] },
		{ apiGroups: ['g'], resources: ['a'], resourceNames: ['x'], verbs: ['patch'] },
	]);
	t.deepEqual(compact([...rules].reverse()), rules);
});
