/** The end of the demo: shows what was made, and how to look at it. */
import { instanceLabel, managedSelector } from '../../operator/apply/identity.ts';
import { memberKinds } from '../../operator/cli/member-kinds.ts';
import { age, table } from '../../operator/cli/output.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';

interface Pods {
	readonly spec?: { readonly replicas?: number };
	readonly status?: { readonly readyReplicas?: number };
}

/** Istio's own kinds exist only when its CRDs do. */
const istioKinds: readonly Kind[] = memberKinds.filter(({ apiVersion }) => apiVersion.includes('.istio.io/'));

const renderedKinds: readonly Kind[] = memberKinds
	.filter((kind) => !istioKinds.includes(kind))
	.toSorted((a, b) => (a.kind < b.kind ? -1 : 1));

function detail(object: KubeObject): string {
	if (object.kind !== kinds.Deployment.kind) {
		return '';
	}
	const { spec, status } = object as Pods;
	return `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1} pods ready`;
}

/**
 * A table of an installation's objects. Istio's CRDs, which all installations share, have one row, and so have the objects
 * of them.
 */
export async function summary(api: ApiServer, name: string): Promise<string> {
	const crds = await api.list<KubeObject>(kinds.CustomResourceDefinition, { labelSelector: managedSelector });
	const listAll = (wanted: readonly Kind[]) =>
		Promise.all(
			wanted.map(async (kind) =>
				(await api.list<KubeObject>(kind, { labelSelector: `${managedSelector},${instanceLabel}=${name}` })).items.map(
					(item) => ({ ...item, kind: kind.kind }),
				),
			),
		);
	const lists = await listAll(renderedKinds);
	const configuration = (await listAll(istioKinds.filter((kind) => isServed(kind, crds.items)))).flat();
	const now = Date.now();
	const rows = lists
		.flat()
		.map((object) => [
			object.kind,
			object.metadata.namespace ?? '',
			object.metadata.name,
			age(object.metadata.creationTimestamp, now),
			detail(object),
		]);
	const shared = [kinds.CustomResourceDefinition.kind, '', `${crds.items.length} of Istio’s`, '', ''];
	const counts = [...Map.groupBy(configuration, ({ kind }) => kind)].map(([kind, all]) => `${all.length} ${kind}`);
	const istio = configuration.length === 0 ? [] : [['of Istio’s kinds', '', counts.join(', '), '', '']];
	return table([['KIND', 'NAMESPACE', 'NAME', 'AGE', ''], shared, ...rows, ...istio]).replace(/^/gm, '  ');
}

function isServed({ plural, apiVersion }: Kind, crds: readonly KubeObject[]): boolean {
	return crds.some(({ metadata }) => metadata.name === `${plural}.${apiVersion.split('/')[0]}`);
}

/** What to try in a mesh of each line: a Service to delete, and how a pod gets its proxy. */
const toTry = {
	classic: {
		service: 'istio-pilot',
		inject: (name: string) =>
			`kubectl create deployment web --image nginx --dry-run=client -o yaml | npx meshwright inject --mesh ${name} -f -`,
	},
	istiod: {
		service: 'istiod     ',
		inject: () => 'kubectl run web --image nginx --labels sidecar.istio.io/inject=true --dry-run=server -o yaml',
	},
} as const;

/** Commands for the user to copy. */
export function lookAround(kubeconfig: string, name: string, line: keyof typeof toTry): string {
	const { service, inject } = toTry[line];
	return [
		`export KUBECONFIG=${kubeconfig}`,
		'kubectl get meshinstallations -o wide',
		`kubectl get meshinstallation ${name} -o yaml`,
		'kubectl -n istio-system get deployments,pods,configmaps',
		'kubectl explain meshinstallation.spec.mesh',
		`npx meshwright status ${name} --watch`,
		'npx meshwright diff -f deploy/examples/production.yaml',
		inject(name),
		`kubectl -n istio-system delete service ${service}      # it comes back at once`,
		`kubectl delete meshinstallation ${name}                 # and everything of it goes`,
	]
		.map((command) => `  ${command}`)
		.join('\n');
}
