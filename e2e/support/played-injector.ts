/**
 * Plays the pods of a mesh's sidecar injector, which are simulated: a server for each answers reviews with the certificate that it
 * mounts, as long as the pod is ready. What a pod can't answer it refuses as the binary would:
 *
 * - who finds no pod behind the Service is refused the connection;
 * - a pod whose files are those of an injector of another minor fails: a template calls functions and reads fields that others
 *   do not have (istio 1.0-1.4 `pilot/pkg/kube/inject/inject.go`). The process reads changed files at once, so these of now count.
 *
 * Any ready pod may be asked, so all of them must be able to answer. Unlike in a real cluster a pod takes no connection any
 * more from the moment when its deletion is stored, and answers what it has begun.
 */
import { createServer, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { injectorName } from '../../operator/render/classic/injector-names.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import type { Network } from '../control-plane/network.ts';
import { observe } from './observing.ts';

interface Volume {
	readonly configMap?: { readonly name: string };
	readonly secret?: { readonly secretName: string };
}

interface PodObject extends KubeObject {
	readonly spec: {
		readonly containers: readonly { readonly image: string }[];
		readonly volumes: readonly Volume[];
	};
	readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface DataObject extends KubeObject {
	readonly data?: Readonly<Record<string, string>>;
}

interface Review {
	readonly request: { readonly uid: string };
}

export interface PlayedInjector {
	/** Takes connections to the injector's Service. */
	readonly network: Network;
	/** What it could not answer, and why. */
	readonly refusals: ReadonlySet<string>;
	readonly stop: () => void;
}

/** Whether an injector with this image can read files that were rendered for a version of Istio. */
function canRead(image: string, version: string | undefined): boolean {
	const minor = image.slice(image.lastIndexOf(':') + 1).replace(/\.\d+$/, '');
	return classicReleases.some((release) => release.version === version && release.injector.runs === minor);
}

/** The image of the proxy in an injector's template. */
function proxyImageIn(template: string): string | undefined {
	return /[\w./-]+\/proxyv2:[\w.-]+/.exec(template)?.[0];
}

/** Begins to play the injector of a namespace, which may not be there yet. */
export async function playInjector(api: ApiServer, namespace: string): Promise<PlayedInjector> {
	const ready = new Map<string, PodObject>();
	const stored = new Map<string, DataObject>();
	const servers = new Map<string, Server>();
	const refusals = new Set<string>();
	const keyOf = (kind: string, name: string) => `${kind} ${name}`;
	const dataOf = (kind: string, name: string) => stored.get(keyOf(kind, name));
	let addresses: readonly string[] = [];

	/** The files of a pod: ConfigMaps by their names. Throws where it can't read one of them. */
	const filesOf = ({ metadata, spec }: PodObject): readonly DataObject[] =>
		[...new Set(spec.volumes.flatMap(({ configMap }) => configMap?.name ?? []))].map((name) => {
			const found = dataOf('ConfigMap', name);
			const version = found?.metadata.labels?.['app.kubernetes.io/version'];
			const image = spec.containers[0]?.image ?? '';
			if (found === undefined || !canRead(image, version))
				throw new Error(`${metadata.name} with ${image} can't read ConfigMap ${name} of ${version ?? 'no version'}`);
			return found;
		});

	const answer = (body: string) => {
		const { request } = JSON.parse(body) as Review;
		const files = [...ready.values()].flatMap(filesOf);
		const image = files.map(({ data = {} }) => proxyImageIn(data.config ?? '')).find((found) => found !== undefined);
		if (image === undefined) throw new Error('no ready pod has a template');
		const patch = [{ op: 'add', path: '/spec/containers/-', value: { name: 'istio-proxy', image } }];
		return {
			uid: request.uid,
			allowed: true,
			patchType: 'JSONPatch',
			patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
		};
	};
	/** With the certificate of this moment. Each review comes by a connection of its own, so it is decided anew who answers. */
	const serverOf = (pod: PodObject): Server => {
		const secret = pod.spec.volumes.flatMap((volume) => volume.secret?.secretName ?? [])[0] ?? '';
		const { data = {} } = dataOf('Secret', secret) ?? {};
		const read = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
		const certificate = { cert: read('cert-chain.pem'), key: read('key.pem') };
		const found = servers.get(certificate.cert);
		if (found !== undefined) return found;
		const server = createServer(certificate, (incoming, outgoing) => {
			outgoing.setHeader('connection', 'close');
			outgoing.setHeader('content-type', 'application/json');
			text(incoming)
				.then(answer)
				.then(
					(response) =>
						outgoing.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview', response })),
					(error: Error) => {
						refusals.add(error.message);
						outgoing.statusCode = 500;
						outgoing.end(error.message);
					},
				);
		});
		server.on('tlsClientError', () => undefined);
		servers.set(certificate.cert, server);
		return server;
	};

	const watches = await Promise.all([
		observe<PodObject>(api, kinds.Pod, namespace, ({ type, object }) => {
			const { metadata, status } = object;
			const isReady =
				type === 'present' &&
				metadata.deletionTimestamp === undefined &&
				metadata.labels?.['app.kubernetes.io/name'] === injectorName &&
				status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
			if (isReady) ready.set(metadata.name, object);
			else ready.delete(metadata.name);
		}),
		...[kinds.ConfigMap, kinds.Secret].map((kind) =>
			observe<DataObject>(api, kind, namespace, ({ type, object }) => {
				const key = keyOf(kind.kind, object.metadata.name);
				if (type === 'present') stored.set(key, object);
				else stored.delete(key);
			}),
		),
		observe<KubeObject>(api, kinds.Service, namespace, ({ object: { metadata, spec } }) => {
			const { clusterIP } = spec as { readonly clusterIP?: string };
			if (metadata.name === injectorName && clusterIP !== undefined) addresses = [clusterIP];
		}),
	]);
	return {
		refusals,
		network: ({ host, port }) => {
			if (port !== 443 || !addresses.includes(host)) return undefined;
			const [pod] = ready.values();
			if (pod === undefined) {
				refusals.add('no pod of the injector is ready');
				return undefined;
			}
			return (connection) => serverOf(pod).emit('connection', connection);
		},
		stop: () => {
			for (const watch of watches) watch.stop();
			for (const server of servers.values()) server.closeAllConnections();
		},
	};
}
