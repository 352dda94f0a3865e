/**
 * Part of `npm run generate`: writes `rbac.generated.yaml`. With `--check` it writes nothing and fails when the file is not
 * what it would write.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { grantedRules, namespaceRules, operatorRules, type Rule } from './rbac.ts';
import { renderEverything } from './samples.ts';

const file = new URL('rbac.generated.yaml', import.meta.url);

const labels = { 'app.kubernetes.io/name': 'meshwright', 'app.kubernetes.io/part-of': 'meshwright' };
const rbac = 'rbac.authorization.k8s.io';
const namespace = 'meshwright-system';

/** Two ClusterRoles and a Role, with their bindings to the operator's ServiceAccount. */
export function rbacObjects(): readonly object[] {
	const rendered = renderEverything();
	return [
		...roleAndBinding('Cluster', 'meshwright', operatorRules(rendered)),
		...roleAndBinding('Cluster', 'meshwright-grants', grantedRules(rendered)),
		...roleAndBinding('', 'meshwright', namespaceRules),
	];
}

function roleAndBinding(scope: 'Cluster' | '', name: string, rules: readonly Rule[]): readonly object[] {
	const apiVersion = `${rbac}/v1`;
	const metadata = { name, ...(scope === '' ? { namespace } : {}), labels };
	return [
		{ apiVersion, kind: `${scope}Role`, metadata, rules },
		{
			apiVersion,
			kind: `${scope}RoleBinding`,
			metadata,
			roleRef: { apiGroup: rbac, kind: `${scope}Role`, name },
			subjects: [{ kind: 'ServiceAccount', name: 'meshwright', namespace }],
		},
	];
}

/** The text of the file. */
export function rbacText(): string {
	const documents = rbacObjects().map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 }));
	return `# Made by \`npm run generate\` from what the operator renders (deploy/rbac.ts). Do not edit.
#
# meshwright: what the operator does. meshwright-grants: what Istio's own accounts may do, which the operator has to hold to
# give it to them (it has neither escalate nor bind).
${documents.join('---\n')}`;
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
