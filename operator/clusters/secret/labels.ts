/** Labels of the Secrets by which the operator keeps what it knows of clusters, and what it has given them. */
import { applySetLabel } from '../../../api/v1/constants.ts';
import { componentLabel, instanceLabel, type Owner } from '../../apply/identity.ts';
import { managedBy, ownerlessLabels } from '../../render/index.ts';

/**
 * @param mesh the owner is absent in another cluster
 * @param partOf the set that the Secret belongs to
 */
export function secretLabels(
	mesh: { readonly name: string; readonly owner?: Owner | undefined },
	component: string,
	partOf: string,
): Readonly<Record<string, string>> {
	const of = { [instanceLabel]: mesh.name };
	return {
		...managedBy,
		'app.kubernetes.io/part-of': 'istio',
		...(mesh.owner === undefined ? ownerlessLabels(of) : of),
		[componentLabel]: component,
		[applySetLabel]: partOf,
	};
}
