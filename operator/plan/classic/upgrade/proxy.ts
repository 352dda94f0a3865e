/** Which pods have a proxy of a classic mesh, by what was injected into them. */
import { managedByLabel, managedByValue, readFullVersion } from '../../../../api/v1/index.ts';
import type { ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import type { KubeObject } from '../../../runtime/object.ts';
import { tagOf } from '../../upgrade/changes.ts';
import { fieldsAt, listAt } from '../../upgrade/pods-of.ts';

/** Name of the container in every template of the line. */
const proxyContainer = 'istio-proxy';

/**
 * The proxy in a user's pod that asks the Pilot of this mesh. Its version is the tag of its image: nobody here asks the
 * process. A pod that names no address of a Pilot counts too, since nobody else would have injected it.
 */
export function proxyIn(
	{ namespace }: ResolvedClassicMesh,
	{ metadata, spec }: KubeObject,
): { readonly version: string | undefined } | undefined {
	// Pods of the control plane are replaced with it.
	if (metadata.labels?.[managedByLabel] === managedByValue) return undefined;
	const proxy = listAt(fieldsAt({ spec }, 'spec'), 'containers').find(({ name }) => name === proxyContainer);
	if (proxy === undefined) return undefined;
	const args = Array.isArray(proxy.args) ? proxy.args : [];
	const at = args.indexOf('--discoveryAddress');
	const address = at === -1 ? undefined : args[at + 1];
	const isOther = typeof address === 'string' && /^istio-pilot\./.test(address) && !isOf(address, namespace);
	return isOther ? undefined : { version: versionOf(proxy.image) };
}

/** `istio-pilot.istio-system:15010`, with or without the domain of Services. */
function isOf(address: string, namespace: string): boolean {
	return address.split(/[.:]/)[1] === namespace;
}

function versionOf(image: unknown): string | undefined {
	const tag = typeof image === 'string' ? tagOf(image) : undefined;
	// 1.4.10-distroless is 1.4.10.
	return readFullVersion(tag?.split('-')[0] ?? '')?.version;
}
