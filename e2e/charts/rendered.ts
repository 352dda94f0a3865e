/** What Meshwright renders where the charts install all that both have, with the charts' own settings where they differ. */
import { render, renderCrds } from '../../operator/lines/testing.ts';
import { renderDataPlane } from '../../operator/render/classic/index.ts';
import { meshOf } from '../../operator/render/testing.ts';
import { type Facts, factsOf } from './facts.ts';

const mesh = { tracing: { enabled: true, zipkin: { address: 'zipkin.istio-system:9411' } } };
const autoscaling = { minReplicas: 2, maxReplicas: 5 };
/** The settings that both were given. */
const parts = {
	sidecarInjector: { enabled: true, replicas: 2 },
	citadel: { enabled: true },
	pilot: { autoscaling },
	mixer: {
		policy: { enabled: true, autoscaling },
		telemetry: { enabled: true, autoscaling },
		adapters: [{ prometheus: {} }, { stdio: {} }],
	},
	mesh,
	gateways: { ingress: { enabled: true, autoscaling }, egress: { enabled: true, autoscaling } },
};

const certificates = {
	injectorRoots: 'roots',
	injectorCertificate: { certChain: 'certificate', key: 'key', roots: 'roots' },
};

/** In the cluster of the control plane, Istio's definitions included. */
export function renderedHere(version: string): Facts {
	// 1.0 has no trust domain.
	const domain = version.startsWith('1.0.') ? {} : { trustDomain: 'example.com' };
	const resolved = meshOf({ version, ...parts, mesh: { ...mesh, ...domain } });
	return factsOf([...render(resolved, certificates), ...renderCrds(resolved)]);
}

/** In a cluster that has no control plane of its own. */
export function renderedThere(version: string): Facts {
	const cluster = { name: 'far', kubeconfigSecret: { name: 'far', namespace: 'meshwright-system' } };
	const resolved = meshOf({
		version,
		...parts,
		citadel: { enabled: true, caSecretName: 'cacerts' },
		multiCluster: { clusters: [cluster] },
	});
	return factsOf(
		renderDataPlane(resolved, {
			cluster: 'far',
			readBy: 'primary',
			applySet: 'there',
			addresses: { pilot: ['10.0.0.1'], policy: ['10.0.0.1'], telemetry: ['10.0.0.1'] },
			facts: { ...certificates, caSecretHash: 'hash' },
		}),
	);
}
