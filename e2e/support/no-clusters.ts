/** For a controller without joined clusters: whoever asks for a connection to one is wrong. */
import type { ClusterAccessOptions } from '../../operator/mesh/controller.ts';

export const noClusters: ClusterAccessOptions = {
	settings: { allowLoopback: false, allowProxies: false },
	access: undefined,
	connect: () => {
		throw new Error('there are no other clusters');
	},
	connectHere: () => {
		throw new Error('there are no other clusters');
	},
};
