/**
 * Part of `npm run generate`: writes the roles of the operator, part by part, and of the accounts by which it joins other
 * clusters (`remote/`). With `--check` it writes nothing and fails when a file is not up to date.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { defaultNamespace } from '../api/v1/constants.ts';
import { addedParts, type RightsPart } from '../operator/plan/rights.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { type ObjectWithRules, roleAndBinding, yamlText } from './manifest.ts';
import {
	eventRules,
	everywhereRules,
	grantedRules,
	kubeconfigRules,
	operatorRules,
	ownNamespaceRules,
	partRules,
} from './rbac.ts';
import { remoteFiles } from './remote.ts';
import { renderEverything } from './samples.ts';

const account = { name: 'meshwright', namespace: 'meshwright-system' };

/** The namespace where Events about objects without a namespace are. */
const eventNamespace = 'default';

/** The parts that are added where a mesh needs them, each a Kustomize component. */
export const componentParts = ['injection', ...addedParts] as const satisfies readonly RightsPart[];

/** What every operator may do: two ClusterRoles and two Roles, with their bindings to the operator's ServiceAccount. */
export function operatorObjects(rendered: readonly KubeObject[]): readonly ObjectWithRules[] {
	return [
		...roleAndBinding('meshwright', operatorRules(rendered), account),
		...roleAndBinding('meshwright-grants', grantedRules(rendered), account),
		...roleAndBinding('meshwright', ownNamespaceRules, account, account.namespace),
		...roleAndBinding('meshwright-events', eventRules, account, eventNamespace),
	];
}

/** What a part adds, for meshes in `istio-system`. */
export function partObjects(
	part: Exclude<RightsPart, 'operator'>,
	rendered: readonly KubeObject[],
): readonly ObjectWithRules[] {
	const { cluster, named, namespace } = partRules(part, rendered, defaultNamespace);
	const name = `meshwright-${part}`;
	return [
		...(part === 'mesh' ? [] : roleAndBinding(name, cluster, account)),
		...roleAndBinding(`${name}-${defaultNamespace}`, named, account),
		...roleAndBinding(name, namespace, account, defaultNamespace),
		...(part === 'clusters' ? roleAndBinding(name, kubeconfigRules, account, account.namespace) : []),
	];
}

/** What all parts add, for meshes in any namespace. */
export function everywhereObjects(rendered: readonly KubeObject[]): readonly ObjectWithRules[] {
	return roleAndBinding('meshwright-everywhere', everywhereRules(rendered, defaultNamespace), account);
}

const purpose: Readonly<Record<Exclude<RightsPart, 'operator'>, string>> = {
	mesh: 'to keep a mesh in namespace istio-system',
	injection: 'to let API servers send pods to the injector, and to label the namespaces whose pods get proxies',
	istiod:
		'to run istiod, which reads the Secrets of all namespaces and makes the proxies of Gateways wherever they are',
	nodes: 'to run what changes the network of each node (Istio’s CNI plugin), as root there',
	citadel: 'to run Citadel, which writes Secrets with certificates into all namespaces',
	restarts: 'to restart workloads, so that their pods get a new proxy',
	clusters: 'to join clusters: their kubeconfigs, and accounts by which other primaries read this cluster',
};

function textOf(what: string, objects: readonly ObjectWithRules[]): string {
	return `# Made by \`npm run generate\` from what the operator renders (deploy/rbac.ts). Do not edit.
#
# ${what} docs/security.md says what these rights amount to.
${yamlText(objects)}`;
}

/** The text of each file with rights of the operator, by its path in this folder. */
export function rbacFiles(): Readonly<Record<string, string>> {
	const rendered = renderEverything();
	const part = (name: Exclude<RightsPart, 'operator'>) =>
		textOf(`What the operator may do in addition ${purpose[name]}.`, partObjects(name, rendered));
	return {
		'rbac.generated.yaml': textOf(
			`What every operator may do. meshwright-grants: what Pilot and Mixer may do, which the operator has to hold to give
# it to them (it has neither escalate nor bind).`,
			operatorObjects(rendered),
		),
		'mesh/rbac.generated.yaml': part('mesh'),
		...Object.fromEntries(componentParts.map((name) => [`components/${name}/rbac.generated.yaml`, part(name)])),
		'components/everywhere/rbac.generated.yaml': textOf(
			'All parts together, for meshes in any namespace: with this the operator is an administrator in effect.',
			everywhereObjects(rendered),
		),
	};
}

if (import.meta.main) {
	const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
	for (const [path, text] of Object.entries({ ...rbacFiles(), ...remoteFiles() })) {
		const file = new URL(path, import.meta.url);
		if (!values.check) {
			await mkdir(new URL('.', file), { recursive: true });
			await writeFile(file, text);
		} else if ((await readFile(file, 'utf8')) !== text) {
			console.error(`deploy/${path} is out of date: run \`npm run generate\` and commit the result`);
			process.exitCode = 1;
		}
	}
}
