/**
 * Lets a cluster have one mesh of this line. All of them would be the default revision: its validator has one name for the
 * whole cluster, and both would put proxies into the same pods.
 */
import { fieldsOf, isSince } from '../../../api/v1/index.ts';
import type { Exclusive } from '../rivalry.ts';

/** The default revision, as something that only one mesh can have. */
export const defaultRevisionOfCluster: Exclusive = {
	asks(spec) {
		const { version } = fieldsOf(spec);
		return typeof version === 'string' && isSince(version, '1.5');
	},
	taken: (winner) => ({
		path: 'spec.version',
		reason: 'RevisionTaken',
		message: `the older MeshInstallation ${winner} is the default revision of istiod in this cluster already; both would put proxies into the same pods`,
		remedy: 'Delete one of the two.',
	}),
};
