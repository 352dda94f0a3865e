/**
 * Part of `npm run generate`: writes the roles of the operator (`rbac.generated.yaml`) and of the accounts by which it
 * joins other clusters (`remote/`). With `--check` it writes nothing and fails when a file is not up to date.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { type ObjectWithRules, roleAndBinding, yamlText } from './manifest.ts';
import { grantedRules, namespaceRules, operatorRules } from './rbac.ts';
import { remoteFiles } from './remote.ts';
import { renderEverything } from './samples.ts';

const account = { name: 'meshwright', namespace: 'meshwright-system' };

/** Two ClusterRoles and a Role, with their bindings to the operator's ServiceAccount. */
export function rbacObjects(): readonly ObjectWithRules[] {
	const rendered = renderEverything();
	return [
		...roleAndBinding('meshwright', operatorRules(rendered), account),
		...roleAndBinding('meshwright-grants', grantedRules(rendered), account),
		...roleAndBinding('meshwright', namespaceRules, account, account.namespace),
	];
}

/** The text of the file. */
export function rbacText(): string {
	return `# Made by \`npm run generate\` from what the operator renders (deploy/rbac.ts). Do not edit.
#
# meshwright: what the operator does. meshwright-grants: what Istio's own accounts may do, which the operator has to hold to
# give it to them (it has neither escalate nor bind).
${yamlText(rbacObjects())}`;
}

/** The text of each file, by its path in this folder. */
function generated(): Readonly<Record<string, string>> {
	return { 'rbac.generated.yaml': rbacText(), ...remoteFiles() };
}

if (import.meta.main) {
	const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
	for (const [path, text] of Object.entries(generated())) {
		const file = new URL(path, import.meta.url);
		if (!values.check) {
			await writeFile(file, text);
		} else if ((await readFile(file, 'utf8')) !== text) {
			console.error(`deploy/${path} is out of date: run \`npm run generate\` and commit the result`);
			process.exitCode = 1;
		}
	}
}
