/** Names of the sidecar injector that rendering, the operator and other parts of Istio share. */
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';

/** Name of Deployment, Service and ConfigMap, as in the charts of istio 1.0-1.4. */
export const injectorName = 'istio-sidecar-injector';

/** Name of the ConfigMap that the injector's pods mount: `istio-sidecar-injector-1-4-10`. See `injector-files.ts`. */
export function injectorFilesName(version: string): string {
	return `${injectorName}-${version.replaceAll('.', '-')}`;
}

/** Citadel puts DNS names into the certificate of this account (istio 1.0-1.4 `security/cmd/istio_ca/main.go`). */
export const injectorServiceAccount = 'istio-sidecar-injector-service-account';

/** Secret with the injector's certificate that Citadel makes. */
export const citadelInjectorSecret = `istio.${injectorServiceAccount}`;

/** Secret with the injector's certificate that the operator makes when there is no Citadel. */
export const ownInjectorSecret = 'istio-sidecar-injector-certs';

/** Name of the MutatingWebhookConfiguration. It is cluster-scoped, so its name has the namespace in it. */
export function injectorWebhook({ namespace }: Pick<ResolvedClassicMesh, 'namespace'>): string {
	return `${injectorName}-${namespace}`;
}

/** The names by which API servers call the injector's Service. */
export function injectorDnsNames({ namespace }: Pick<ResolvedClassicMesh, 'namespace'>): readonly string[] {
	return [`${injectorName}.${namespace}.svc`, `${injectorName}.${namespace}`];
}
