/**
 * The ConfigMap that the injector's pods mount: its template and the mesh configuration, as one version of Istio reads them.
 * Its name has the version in it, so that pods of two versions beside each other each have their own.
 *
 * An injector reads its files again whenever they change (istio 1.0-1.4 `pkg/kube/inject/webhook.go`, `Run`), and a template
 * only shows when it is executed that it calls a function which the binary lacks: then the injector refuses pods. A pod of
 * the version before would also end at its start where it does not know a field of the mesh configuration (1.0).
 *
 * Others read the ConfigMaps `istio-sidecar-injector` and `istio`, which are rendered as well: `istioctl kube-inject` takes
 * both by these names (istio 1.0-1.1 `istioctl/cmd/istioctl/kubeinject.go`, 1.2-1.4 `istioctl/cmd/kubeinject.go`), and so
 * does `istioctl experimental add-to-mesh` (1.3, 1.4 `istioctl/cmd/add-to-mesh.go`). Pilot reads the second.
 */
import { isObject } from '../../../api/v1/index.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectLabels } from '../labels.ts';
import { injectorFilesName, injectorName } from './injector-names.ts';
import { meshConfigMap } from './mesh-config.ts';

/**
 * Made of the two ConfigMaps as they are after overlays: an overlay has to name an object that every version has.
 * @param objects what is rendered for the mesh
 */
export function injectorFiles(mesh: ResolvedClassicMesh, objects: readonly KubeObject[]): readonly KubeObject[] {
	if (mesh.injector === undefined) return [];
	const named = (name: string) => objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name);
	const [injector, meshConfig] = [named(injectorName), named(meshConfigMap)];
	if (injector === undefined || meshConfig === undefined) return [];
	return [
		{
			apiVersion: 'v1',
			kind: 'ConfigMap',
			metadata: {
				name: injectorFilesName(mesh.release.version),
				namespace: mesh.namespace,
				labels: objectLabels(mesh, 'ConfigMap', 'injector', injectorName),
			},
			data: { ...dataOf(injector), mesh: dataOf(meshConfig).mesh },
		},
	];
}

function dataOf({ data }: KubeObject): Readonly<Record<string, unknown>> {
	return isObject(data) ? data : {};
}
