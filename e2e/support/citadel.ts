/**
 * Plays Citadel where pods are simulated: once its Deployment is available, it has its CA (the user's, or one of its own,
 * which it keeps in a Secret) and gives each ServiceAccount of the mesh a Secret, which it makes anew when the CA is
 * another, as the real one does (istio 1.0-1.4 `security/pkg/k8s/controller/workloadsecret.go`).
 */
import { selfSignedCaSecret } from '../../operator/render/classic/citadel.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../operator/runtime/object.ts';
import { Reflector } from '../../operator/runtime/watch/reflector.ts';
import { type Authority, issueCertificate, makeAuthority } from './certificate-authority.ts';
import { orAbsent } from './eventually.ts';
import { authorityOf, type Secret, type SignerDeployment, textOf, workInRounds } from './played-signer.ts';

/** Begins to work for a namespace; the returned function ends it. */
export function playCitadel(api: ApiServer, namespace: string): () => void {
	const options = { onError: () => undefined, transform: (object: KubeObject) => object, namespace };
	const deployments = new Reflector(api, { ...options, kind: kinds.Deployment });
	const accounts = new Reflector(api, { ...options, kind: kinds.ServiceAccount });
	const citadel = objectKey({ ...kinds.Deployment, namespace, name: 'istio-citadel' });
	const round = async () => {
		const deployment: SignerDeployment | undefined = deployments.store.get(citadel);
		const { availableReplicas = 0, observedGeneration } = deployment?.status ?? {};
		if (deployment === undefined || availableReplicas === 0) return;
		if (observedGeneration !== deployment.metadata.generation) return;
		const authority = await authorityOf(api, deployment, selfSignedCaSecret, () =>
			makeAuthority({ organisation: 'cluster.local' }),
		);
		for (const { metadata } of accounts.store.values()) await issue(api, namespace, metadata.name, authority);
	};
	return workInRounds([deployments, accounts], round);
}

async function issue(api: ApiServer, namespace: string, account: string, authority: Authority): Promise<void> {
	const { apiVersion, kind } = kinds.Secret;
	const name = `istio.${account}`;
	const stored = await orAbsent(api.get<Secret>({ apiVersion, kind, namespace, name }));
	if (stored !== undefined && textOf(stored, 'root-cert.pem') === authority.certificate) return;
	const service = account.replace(/-service-account$/, '');
	const dnsNames = [`${service}.${namespace}.svc`, `${service}.${namespace}`];
	const { certChain, key } = await issueCertificate(authority, dnsNames);
	const secret = {
		apiVersion,
		kind,
		metadata: { name, namespace, annotations: { 'istio.io/service-account.name': account } },
		type: 'istio.io/key-and-cert',
		stringData: { 'cert-chain.pem': certChain, 'key.pem': key, 'root-cert.pem': authority.certificate },
	};
	await (stored === undefined ? api.create(secret) : api.replace(secret));
}
