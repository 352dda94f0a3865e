/** A real proxy as a process on the loopback: pilot-agent with Envoy, which gets its certificate and its configuration from an istiod. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import type { Cluster, ServiceAccountName } from '../control-plane/cluster.ts';
import { startGuarded } from '../control-plane/guard.ts';
import { freePort } from '../control-plane/ports.ts';
import { type Istiod, istiodHost } from './istiod-process.ts';
import type { RealIstio } from './locate.ts';

const loopback = '127.0.0.1';

export interface ProxyOptions {
	/** `router` is a gateway. */
	readonly role: 'router' | 'sidecar';
	readonly account: ServiceAccountName;
	/** Labels of its pod, by which objects select it. */
	readonly labels: Readonly<Record<string, string>>;
	/** The authority of the mesh, PEM. */
	readonly root: string;
}

export interface Proxy extends AsyncDisposable {
	/** What it has said so far. */
	readonly lines: readonly string[];
	readonly hasExited: () => boolean;
}

/** Starts it. Whether it works is seen by what it does. */
export async function startProxy(
	{ program, envoy, bootstrap }: RealIstio,
	cluster: Cluster,
	{ ports }: Istiod,
	{ role, account, labels, root }: ProxyOptions,
): Promise<Proxy> {
	const folder = await mkdtemp(path.join(tmpdir(), 'meshwright-proxy-'));
	const lines: string[] = [];
	let stop = () => rm(folder, { recursive: true, force: true });
	try {
		await mount(folder, 'var/run/secrets/istio/root-cert.pem', root);
		await mount(folder, 'var/run/secrets/tokens/istio-token', await tokenOf(cluster, account));
		const address = `${istiodHost}:${ports.secureGRPCAddr}`;
		const config = {
			discoveryAddress: address,
			controlPlaneAuthPolicy: 'MUTUAL_TLS',
			proxyAdminPort: await freePort(),
			statusPort: await freePort(),
			configPath: path.join(folder, 'etc'),
			binaryPath: envoy,
			concurrency: 1,
		};
		const running = await startGuarded(
			program('pilot-agent'),
			['proxy', role, '--domain', `${account.namespace}.svc.cluster.local`],
			{
				cwd: folder,
				env: {
					HOME: folder,
					POD_NAME: `${account.name}-0`,
					POD_NAMESPACE: account.namespace,
					INSTANCE_IP: loopback,
					SERVICE_ACCOUNT: account.name,
					TRUST_DOMAIN: 'cluster.local',
					PILOT_CERT_PROVIDER: 'istiod',
					CA_ADDR: address,
					ISTIOD_SAN: istiodHost,
					ENVOY_PROMETHEUS_PORT: String(await freePort()),
					ENVOY_STATUS_PORT: String(await freePort()),
					ISTIO_METAJSON_LABELS: JSON.stringify(labels),
					ISTIO_BOOTSTRAP: bootstrap,
					PROXY_CONFIG: JSON.stringify(config),
				},
				output: (line) => void lines.push(line),
			},
		);
		const remove = stop;
		stop = async () => {
			await running.end();
			await remove();
		};
		return { lines, hasExited: running.hasExited, [Symbol.asyncDispose]: stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

async function mount(folder: string, file: string, content: string): Promise<void> {
	const target = path.join(folder, file);
	await mkdir(path.dirname(target), { recursive: true });
	await writeFile(target, content, { mode: 0o600 });
}

const tokenRequest = z.object({ status: z.object({ token: z.string() }) });

/** A token that only istiod's authority takes, as a kubelet mounts it. */
async function tokenOf(cluster: Cluster, { namespace, name }: ServiceAccountName): Promise<string> {
	const answer = await cluster.request({
		method: 'POST',
		path: `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`,
		body: {
			apiVersion: 'authentication.k8s.io/v1',
			kind: 'TokenRequest',
			spec: { audiences: ['istio-ca'], expirationSeconds: 43_200 },
		},
	});
	return tokenRequest.parse(answer).status.token;
}
