/** Checks an installation's namespaces against what whoever runs the operator allows. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import { closedNamespaces, type MeshLimits } from './limits.ts';
import type { ReleaseProblem } from './problem.ts';

/** All problems of the namespaces that a spec names, whatever its line of releases. */
export function checkLimits(spec: ParsedSpec, limits: MeshLimits = {}): readonly ReleaseProblem[] {
	const injected = spec.sidecarInjector?.namespaces ?? [];
	return [
		...checkNamespace('spec.namespace', spec.namespace, limits),
		...injected.flatMap((name, index) =>
			// Each line itself says what it thinks of the cluster's own namespaces.
			name.startsWith('kube-') ? [] : checkNamespace(`spec.sidecarInjector.namespaces[${index}]`, name, limits),
		),
	];
}

function checkNamespace(path: string, name: string, limits: MeshLimits): readonly ReleaseProblem[] {
	if (closedNamespaces(limits).includes(name)) {
		const whose =
			name === limits.operatorNamespace ? 'in which the operator itself works' : 'which is the cluster’s own';
		return [
			{ path, reason: 'Invalid', message: `${path} must not be ${name}, ${whose}`, remedy: 'Name another namespace.' },
		];
	}
	const { namespaces } = limits;
	return namespaces === undefined || namespaces.some((pattern) => matches(pattern, name))
		? []
		: [
				{
					path,
					reason: 'NamespaceNotAllowed',
					message: `${path} must not be ${name}: this operator allows meshes ${namespaces.join(', ')}`,
					remedy: 'Name one of these; or whoever runs the operator adds it to its flag --allowed-namespaces.',
				},
			];
}

function matches(pattern: string, name: string): boolean {
	return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
