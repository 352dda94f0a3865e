/**
 * Plays Citadel where pods are simulated: keeps a CA, and gives each ServiceAccount of the mesh its Secret once Citadel's
 * Deployment is available, as the real one does (istio 1.0-1.4 `security/pkg/k8s/controller/workloadsecret.go`).
 */
import { issueServingCertificate } from '../../operator/certificates/index.ts';
import type { ApiServer } from '../../operator/runtime/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { Reflector } from '../../operator/runtime/reflector.ts';

/** Begins to work for a namespace; the returned function ends it. */
export function playCitadel(api: ApiServer, namespace: string): () => void {
	const options = { onError: () => undefined, transform: (object: KubeObject) => object, namespace };
	const deployments = new Reflector(api, { ...options, kind: kinds.Deployment });
	const accounts = new Reflector(api, { ...options, kind: kinds.ServiceAccount });
	const citadel = objectKey({ ...kinds.Deployment, namespace, name: 'istio-citadel' });
	const work = () => {
		const status = deployments.store.get(citadel)?.status as { readonly availableReplicas?: number } | undefined;
		if ((status?.availableReplicas ?? 0) === 0) return;
		for (const { metadata } of accounts.store.values()) {
			void issue(api, namespace, metadata.name).catch(() => undefined);
		}
	};
	deployments.addHandler(work);
	accounts.addHandler(work);
	deployments.start();
	accounts.start();
	return () => {
		deployments.stop();
		accounts.stop();
	};
}

async function issue(api: ApiServer, namespace: string, account: string): Promise<void> {
	const service = account.replace(/-service-account$/, '');
	const { certChain, key, roots } = await issueServingCertificate({
		dnsNames: [`${service}.${namespace}.svc`, `${service}.${namespace}`],
		now: new Date(),
		lifetimeMs: 90 * 24 * 60 * 60_000,
		previousRoots: '',
	});
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	const { apiVersion, kind } = kinds.Secret;
	await api.create({
		apiVersion,
		kind,
		metadata: { name: `istio.${account}`, namespace, annotations: { 'istio.io/service-account.name': account } },
		type: 'istio.io/key-and-cert',
		data: { 'cert-chain.pem': base64(certChain), 'key.pem': base64(key), 'root-cert.pem': base64(roots) },
	});
}
