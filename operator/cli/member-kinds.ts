/** The kinds of which an installation can have objects of its own. */
import { isShared } from '../apply/identity.ts';
import { orderedKinds } from '../apply/waves.ts';
import { type Kind, kinds } from '../runtime/kinds.ts';

/**
 * Istio's own among them are not served before their CRDs are there: a list of them may answer 404. Endpoints are only
 * written in joined clusters; here their controller makes them, with the labels of the Services.
 */
export const memberKinds: readonly Kind[] = Object.values(kinds).filter(
	(entry) =>
		(orderedKinds().includes(entry.kind) || entry.apiVersion.includes('.istio.io/')) &&
		!isShared(entry) &&
		entry !== kinds.Endpoints,
);
