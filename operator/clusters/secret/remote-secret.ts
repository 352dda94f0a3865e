/**
 * The Secret by which Pilot and Mixer read a cluster: its name, and the kubeconfig inside, as `istioctl
 * create-remote-secret` makes them.
 */
import { stringify } from 'yaml';
import { InvalidError } from '../../runtime/errors.ts';

export interface RemoteKubeconfig {
	/** Name of the cluster in the mesh. */
	readonly cluster: string;
	/** https URL of its API server. */
	readonly server: string;
	/** PEM of the authorities that signed its certificate. */
	readonly ca: string | undefined;
	readonly tlsServerName: string | undefined;
	readonly proxyUrl?: string | undefined;
	/** Bearer token of the account that reads. */
	readonly token: string;
}

/**
 * Tools of Istio look for this prefix (istio 1.4 to 1.27 `istioctl/pkg/multicluster/remote_secret.go` and its predecessor).
 */
const prefix = 'istio-remote-secret-';

/** The name is always valid: a cluster's name is a DNS label, and a Secret's may have 253 characters. */
export function remoteSecretName(cluster: string): string {
	return `${prefix}${cluster}`;
}

/**
 * The kubeconfig as text: byte for byte what istioctl writes, and the same for the same input. Throws InvalidError for an
 * incomplete one: Pilot up to 1.4 never looks again at a Secret whose first content it could not use.
 */
export function remoteKubeconfig(from: RemoteKubeconfig): string {
	const { cluster, server, ca, tlsServerName, proxyUrl, token } = from;
	for (const [what, isThere] of [
		['cluster', cluster !== ''],
		['server', /^https:\/\/[^/\s]/.test(server)],
		['token', /^[\x21-\x7e]+$/.test(token)],
	] as const) {
		if (!isThere) {
			throw new InvalidError(
				'KubeconfigInvalid',
				`a kubeconfig for Pilot needs a ${what}, and this one has no usable one`,
			);
		}
	}
	return stringify(
		{
			apiVersion: 'v1',
			clusters: [
				{
					cluster: {
						...(ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
						...(proxyUrl === undefined ? {} : { 'proxy-url': proxyUrl }),
						server,
						...(tlsServerName === undefined ? {} : { 'tls-server-name': tlsServerName }),
					},
					name: cluster,
				},
			],
			contexts: [{ context: { cluster, user: cluster }, name: cluster }],
			'current-context': cluster,
			kind: 'Config',
			users: [{ name: cluster, user: { token } }],
		},
		// client-go reads YAML 1.1. There `on`, `1_000` or `2026-01-01`, all of them possible names of clusters, are texts only
		// when quoted.
		{ lineWidth: 0, indentSeq: false, aliasDuplicateObjects: false, compat: 'yaml-1.1' },
	);
}
