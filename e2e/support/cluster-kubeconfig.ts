/** Kubeconfigs for joined clusters, with a word in all that may not get out: names, token, arguments, host. */
import type { Authority } from './certificate-authority.ts';
import { issueCertificate, makeAuthority } from './certificate-authority.ts';

/** Stands in whatever a kubeconfig holds. A message that has it has quoted content. */
export const marker = 'zq7marker';

type Entry = Readonly<Record<string, unknown>>;

export interface KubeconfigParts {
	/** Fields of the current cluster, context and user, over those that are good. undefined takes one away. */
	readonly cluster?: Entry;
	readonly context?: Entry;
	readonly user?: Entry;
	/** Fields of the whole. */
	readonly top?: Entry;
}

export const base64 = (text: string) => Buffer.from(text).toString('base64');

export const authority: Authority = await makeAuthority({ organisation: marker });
export const clientCertificate = await issueCertificate(authority, [`${marker}.example`]);

export function kubeconfigObject({ cluster, context, user, top }: KubeconfigParts = {}): Record<string, unknown> {
	return {
		apiVersion: 'v1',
		kind: 'Config',
		preferences: {},
		'current-context': `${marker}-context`,
		clusters: [
			{
				name: `${marker}-cluster`,
				cluster: {
					server: `https://${marker}.example:6443`,
					'certificate-authority-data': base64(authority.certificate),
					...cluster,
				},
			},
		],
		contexts: [
			{
				name: `${marker}-context`,
				context: { cluster: `${marker}-cluster`, user: `${marker}-user`, namespace: marker, ...context },
			},
		],
		users: [{ name: `${marker}-user`, user: { token: `${marker}-token`, ...user } }],
		...top,
	};
}

/** As JSON, which is YAML too. */
export function kubeconfigText(parts: KubeconfigParts = {}): string {
	return JSON.stringify(kubeconfigObject(parts));
}
