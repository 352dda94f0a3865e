/** What Meshwright renders where upstream's charts were asked for the same. */
import { istiodMeshOf, renderIstiod } from '../../../operator/lines/istiod-testing.ts';
import { gatewayInto, istiodReleases, type ResolvedIstiodMesh } from '../../../operator/releases/istiod/index.ts';
import type { IstioPins } from '../../real-istio/pins.ts';
import type { Facts } from '../aspects.ts';
import { istiodFactsOf } from './facts.ts';
import type { Rendering } from './renderings.ts';

const underLoad = { autoscaling: { minReplicas: 1, maxReplicas: 5 } } as const;

/** What both were asked for. */
const specs = {
	// Autoscaling is on in the charts, and part of a profile here.
	default: { pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 } } },
	gateways: {
		pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 } },
		gateways: { ingress: { enabled: true, ...underLoad }, egress: { enabled: true, ...underLoad } },
		multiCluster: { network: 'near-network' },
	},
	'external-ca': {
		pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 } },
		citadel: { enabled: false, external: { address: 'cert-manager-istio-csr.cert-manager.svc:443' } },
	},
	cni: { pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 } }, cni: { enabled: true } },
	ha: { pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } } },
	revision: {
		pilot: { autoscaling: { minReplicas: 1, maxReplicas: 5 } },
		upgrade: { tags: [{ name: 'stable' }, { name: 'next' }, { name: 'default', revision: 'default' }] },
	},
} as const satisfies Partial<Record<Rendering, object>>;

export type Compared = keyof typeof specs;

export const comparedRenderings = Object.keys(specs) as readonly Compared[];

/** With the gateway that a joined cluster in another network makes necessary. */
function betweenNetworks(mesh: ResolvedIstiodMesh): ResolvedIstiodMesh {
	const [{ replicas } = mesh.pilot] = mesh.gateways;
	const { network = '' } = mesh.location;
	return { ...mesh, gateways: [...mesh.gateways, gatewayInto(network, replicas)] };
}

export function renderedHere(line: IstioPins['line'], name: Compared): Facts {
	const release = istiodReleases.find(({ minor }) => minor === line);
	if (release === undefined) throw new Error(`there is no release of ${line}`);
	const images = { tag: 'VERSION' };
	const { version } = release;
	// A revision of this name has the version already; the one without a name has none that is known.
	const revisions =
		name === 'revision'
			? [
					{ name: 'canary', version, isActive: true },
					{ name: 'default', version: '', isActive: false },
				]
			: [];
	const mesh = istiodMeshOf({ version, profile: 'default', images, ...specs[name] }, 'default', { revisions });
	return istiodFactsOf(renderIstiod(name === 'gateways' ? betweenNetworks(mesh) : mesh));
}
