/**
 * What a release puts into pods: `istio-init`, which leads the pod's traffic to the proxy, and `istio-proxy` with its
 * volumes. Values of the release, the installation's own settings and its images are written out. Values of the mesh
 * configuration are looked up when a pod comes.
 *
 * Sources: the templates of the charts (`install/kubernetes/helm/istio/files/injection-template.yaml` of 1.2-1.4, the
 * ConfigMap of 1.0 and 1.1) and the agents' flags (`pilot/cmd/pilot-agent`).
 */
import { compareMinor, type Minor, type ResolvedClassicMesh } from '../releases/classic/index.ts';
import { annotations } from './annotations.ts';
import {
	annotated,
	annotation,
	entries,
	type Fragment,
	type Item,
	not,
	same,
	setting,
	type Text,
} from './expression.ts';
import { initContainer } from './init-container.ts';
import { type Definition, lightstepCa } from './parts.ts';
import { proxyContainer } from './proxy-container.ts';

/** The sidecar of a mesh. */
export function defineSidecar(mesh: ResolvedClassicMesh): Fragment {
	const since = (minor: Minor) => compareMinor(mesh.release.minor, minor) >= 0;
	const interceptionMode = annotation(annotations.interceptionMode, setting('proxy', 'interceptionMode', 'name'));
	const statusPort = annotation(annotations.statusPort, String(mesh.release.injector.statusPort));
	const definition: Definition = {
		mesh,
		since,
		interceptionMode,
		transparent: same(interceptionMode, 'TPROXY'),
		statusPort,
		hasStatusPort: not(same(statusPort, '0')),
	};
	const init = initContainer(definition);
	return {
		initContainers: since('1.1') ? [entries(not(same(interceptionMode, 'NONE')), [init])] : [init],
		containers: [proxyContainer(definition)],
		volumes: volumes(definition),
		imagePullSecrets: mesh.images.pullSecrets.map((name) => ({ name })),
	};
}

/**
 * The proxy's directory, its certificate when Citadel writes one, and since 1.1 the volumes that pods ask for by
 * annotation.
 */
function volumes({ since }: Definition): readonly Item[] {
	const serviceAccount: Text = { is: 'serviceAccount' };
	const certificate = (secretName: Text): Item => ({
		name: 'istio-certs',
		secret: { optional: true, secretName },
	});
	return [
		...(since('1.1')
			? [
					entries(annotated(annotations.bootstrapOverride), [
						{ name: 'custom-bootstrap-volume', configMap: { name: annotation(annotations.bootstrapOverride, '') } },
					]),
				]
			: []),
		{ name: 'istio-envoy', emptyDir: { medium: 'Memory' } },
		entries(
			same(serviceAccount, ''),
			[certificate('istio.default')],
			[certificate({ is: 'joined', parts: ['istio.', serviceAccount] })],
		),
		...(since('1.1')
			? [
					{ is: 'each', annotation: annotations.userVolume, values: 'fields' } as const,
					entries({ is: 'given', text: lightstepCa }, [
						{ name: 'lightstep-certs', secret: { optional: true, secretName: 'lightstep.cacert' } },
					]),
				]
			: []),
	];
}
