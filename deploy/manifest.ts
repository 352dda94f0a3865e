/** Makes the parts of generated manifests: a role with its binding, and the text of a file. */
import { stringify } from 'yaml';
import type { Rule } from './rules.ts';

const labels = { 'app.kubernetes.io/name': 'meshwright', 'app.kubernetes.io/part-of': 'meshwright' };
const rbac = 'rbac.authorization.k8s.io';

export interface ObjectWithRules {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: { readonly name: string; readonly namespace?: string };
	readonly rules?: readonly Rule[];
}

/** A role and its binding: a Role when there is a namespace, else a ClusterRole. Nothing when nothing is allowed. */
export function roleAndBinding(
	name: string,
	rules: readonly Rule[],
	account: { readonly name: string; readonly namespace: string },
	namespace?: string,
): readonly ObjectWithRules[] {
	const apiVersion = `${rbac}/v1`;
	const kind = namespace === undefined ? 'ClusterRole' : 'Role';
	const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels };
	const subjects = [{ kind: 'ServiceAccount', name: account.name, namespace: account.namespace }];
	const binding = { roleRef: { apiGroup: rbac, kind, name }, subjects };
	return rules.length === 0
		? []
		: [
				{ apiVersion, kind, metadata, rules },
				{ apiVersion, kind: `${kind}Binding`, metadata, ...binding },
			];
}

/** The documents of a file, as YAML. */
export function yamlText(objects: readonly object[]): string {
	return objects.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })).join('---\n');
}
