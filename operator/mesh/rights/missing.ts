/** Tells which rights are missing, compactly, and by which command they are given. Pure. */
import { defaultNamespace } from '../../../api/v1/index.ts';
import { addedParts, type RightsPart, rightsParts } from '../../plan/rights.ts';
import { describeRight, type SingleRight } from '../../render/rules-covered.ts';
import type { Finding } from '../../status/finding.ts';
import type { MissingRight } from './held-rights.ts';

/** The account of the operator's manifests. */
const account = 'meshwright';
const defaultOperatorNamespace = 'meshwright-system';

/** So many kinds of objects are named for one scope. The rest is counted. */
const mostNamed = 6;

export interface MissingContext {
	/** Namespace of the mesh. */
	readonly namespace: string;
	/** Namespace of the operator. */
	readonly operatorNamespace: string;
}

/** The finding for rights that are missing. There is at least one. */
export function findingOfMissing(missing: readonly MissingRight[], context: MissingContext): Finding {
	const scopes = [...Map.groupBy(missing, ({ namespace = '' }) => namespace)];
	const what = scopes.map(([scope, rights]) => {
		const where = scope === '' ? 'in the whole cluster' : `in namespace ${scope}`;
		return `${where} ${describeRights(rights.map(({ right }) => right))}`;
	});
	return {
		condition: 'Installed',
		reason: 'RightsMissing',
		message: `the operator may not do what this spec needs: ${what.join('; ')}. ${remedy(missing, context)}`,
		isStalled: true,
	};
}

/** `create, patch configmaps, services`. */
function describeRights(rights: readonly SingleRight[]): string {
	const byObject = Map.groupBy(rights, (right) => describeRight({ ...right, verb: '' }).trim());
	const byVerbs = Map.groupBy([...byObject], ([, same]) => [...new Set(same.map(({ verb }) => verb))].join(', '));
	return [...byVerbs]
		.map(([verbs, objects]) => {
			const names = objects.map(([name]) => name);
			const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : '';
			return `${verbs} ${names.slice(0, mostNamed).join(', ')}${more}`;
		})
		.join(' and ');
}

function remedy(missing: readonly MissingRight[], context: MissingContext): string {
	const { namespace, operatorNamespace } = context;
	const isElsewhere = (right: MissingRight): boolean =>
		right.namespace !== undefined && ![namespace, operatorNamespace].includes(right.namespace);
	const elsewhere = [...new Set(missing.filter(isElsewhere).flatMap((right) => right.namespace ?? []))];
	const parts = new Set(missing.filter((right) => !isElsewhere(right)).map(({ part }) => part));
	return [
		...(parts.size === 0
			? []
			: [`Give it these rights: ${commandFor(parts, context)}${kustomizeFor(parts, namespace)}`]),
		...elsewhere.map(
			(name) =>
				`Move the Secret to namespace ${operatorNamespace}, or let the operator read Secrets in ${name}: ` +
				`kubectl -n ${name} create role meshwright-kubeconfigs --verb=get,list,watch --resource=secrets && ` +
				`kubectl -n ${name} create rolebinding meshwright-kubeconfigs --role=meshwright-kubeconfigs --serviceaccount=${operatorNamespace}:${account}`,
		),
	].join('. ');
}

/** The command that gives the rights of these parts. It takes none away and leaves the operator itself as it is. */
export function commandFor(parts: ReadonlySet<RightsPart>, { namespace, operatorNamespace }: MissingContext): string {
	const added = addedParts.filter((part) => parts.has(part));
	return [
		'meshwright install',
		...(operatorNamespace === defaultOperatorNamespace ? [] : [`--namespace ${operatorNamespace}`]),
		`--mesh-namespaces ${namespace}`,
		...(added.length === 0 ? [] : [`--with ${added.join(',')}`]),
		'--rights-only',
	].join(' ');
}

/** With Kustomize there are files for one namespace of a mesh. */
function kustomizeFor(parts: ReadonlySet<RightsPart>, namespace: string): string {
	if (namespace !== defaultNamespace) return '';
	const folders = rightsParts.flatMap((part) => {
		if (!parts.has(part) || part === 'operator') return [];
		return [part === 'mesh' ? 'deploy/mesh' : `deploy/components/${part}`];
	});
	return folders.length === 0 ? '' : ` (with Kustomize: ${folders.join(', ')})`;
}
