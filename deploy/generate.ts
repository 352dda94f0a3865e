/**
 * Part of `npm run generate`: writes `rbac.generated.yaml`. With `--check` it writes nothing and fails when the file is not
 * what it would write.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { clusterRules, namespaceRules } from './rbac.ts';
import { renderEverything } from './samples.ts';

const file = new URL('rbac.generated.yaml', import.meta.url);

const labels = { 'app.kubernetes.io/name': 'meshwright', 'app.kubernetes.io/part-of': 'meshwright' };
const rbac = 'rbac.authorization.k8s.io';
const namespace = 'meshwright-system';

/** ClusterRole, Role and their bindings to the operator's ServiceAccount. */
export function rbacObjects(): readonly object[] {
	const subjects = [{ kind: 'ServiceAccount', name: 'meshwright', namespace }];
	const role = { apiVersion: `${rbac}/v1`, kind: 'Role', metadata: { name: 'meshwright', namespace, labels } };
	const clusterRole = { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'meshwright', labels } };
	return [
		{ ...clusterRole, rules: clusterRules(renderEverything()) },
		{
			...clusterRole,
			kind: 'ClusterRoleBinding',
			roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'meshwright' },
			subjects,
		},
		{ ...role, rules: namespaceRules },
		{ ...role, kind: 'RoleBinding', roleRef: { apiGroup: rbac, kind: 'Role', name: 'meshwright' }, subjects },
	];
}

/** The text of the file. */
export function rbacText(): string {
	const documents = rbacObjects().map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }));
	return `# Made by \`npm run generate\` from what the operator renders (deploy/rbac.ts). Do not edit.\n${documents.join('---\n')}`;
}

if (import.meta.main) {
	const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
	const text = rbacText();
	if (!values.check) {
		await writeFile(file, text);
	} else if ((await readFile(file, 'utf8')) !== text) {
		console.error('deploy/rbac.generated.yaml is out of date: run `npm run generate` and commit the result');
		process.exitCode = 1;
	}
}
