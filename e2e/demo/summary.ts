/** The end of the demo: what was made, and how to look at it. */
import { instanceLabel, managedSelector } from '../../operator/apply/identity.ts';
import { orderedKinds } from '../../operator/apply/waves.ts';
import { age, table } from '../../operator/cli/output.ts';
import type { ApiServer } from '../../operator/runtime/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';

interface Pods {
	readonly spec?: { readonly replicas?: number };
	readonly status?: { readonly readyReplicas?: number };
}

const renderedKinds: readonly Kind[] = orderedKinds().flatMap((name) =>
	Object.values(kinds).filter(({ kind }) => kind === name),
);

function detail(object: KubeObject): string {
	if (object.kind !== kinds.Deployment.kind) {
		return '';
	}
	const { spec, status } = object as Pods;
	return `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1} pods ready`;
}

/** A table of the objects of an installation; Istio's CRDs, which all installations share, as one row. */
export async function summary(api: ApiServer, name: string): Promise<string> {
	const crds = await api.list<KubeObject>(kinds.CustomResourceDefinition, { labelSelector: managedSelector });
	const lists = await Promise.all(
		renderedKinds.map(async (kind) =>
			(await api.list<KubeObject>(kind, { labelSelector: `${managedSelector},${instanceLabel}=${name}` })).items.map(
				(item) => ({ ...item, kind: kind.kind }),
			),
		),
	);
	const objects = lists.flat().filter(({ kind }) => kind !== kinds.CustomResourceDefinition.kind);
	const now = Date.now();
	const rows = objects.map((object) => [
		object.kind,
		object.metadata.namespace ?? '',
		object.metadata.name,
		age(object.metadata.creationTimestamp, now),
		detail(object),
	]);
	const shared = [kinds.CustomResourceDefinition.kind, '', `${crds.items.length} of Istio’s`, '', ''];
	return table([['KIND', 'NAMESPACE', 'NAME', 'AGE', ''], shared, ...rows]).replace(/^/gm, '  ');
}

/** Commands to copy. */
export function lookAround(kubeconfig: string, name: string): string {
	return [
		`export KUBECONFIG=${kubeconfig}`,
		'kubectl get meshinstallations -o wide',
		`kubectl get meshinstallation ${name} -o yaml`,
		'kubectl -n istio-system get deployments,pods,configmaps',
		'kubectl explain meshinstallation.spec.mesh',
		`npx meshwright status ${name} --watch`,
		'npx meshwright diff -f deploy/examples/ha.yaml',
		'kubectl -n istio-system delete service istio-pilot      # it comes back at once',
		`kubectl delete meshinstallation ${name}                 # and everything of it goes`,
	]
		.map((command) => `  ${command}`)
		.join('\n');
}
