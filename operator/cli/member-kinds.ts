/** The kinds of objects that an installation can have. */
import { isShared } from '../apply/identity.ts';
import { orderedKinds } from '../apply/waves.ts';
import { type Kind, kinds } from '../runtime/kinds.ts';

/**
 * Istio's own kinds are not served until their CRDs exist: a list of them may answer 404. Endpoints are left out, because
 * they are written only in joined clusters. Here their controller makes them, with the labels of the Services.
 */
export const memberKinds: readonly Kind[] = Object.values(kinds).filter(
	(entry) =>
		(orderedKinds().includes(entry.kind) || entry.apiVersion.includes('.istio.io/')) &&
		!isShared(entry) &&
		entry !== kinds.Endpoints,
);
