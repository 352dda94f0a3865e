/**
 * Plays the istiods of a cluster where pods are simulated, of all namespaces and revisions. Once its Deployment is available, an
 * istiod has its authority (the user's, or one of its own, which it keeps in a Secret), writes it into the webhooks of its revision,
 * as the real one does (istio 1.30 `pkg/webhooks`, `security/pkg/pki/ca`), and answers API servers: it admits every object
 * of Istio but those that are to be refused (`alwaysRefused`), and puts a container with its proxy's image into every pod. While none of its pods is available, connections are refused.
 */
import { createServer, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import { defaultRevision, revisionLabel } from '../../api/v1/index.ts';
import { selfSignedSecret } from '../../operator/render/istiod/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import { type KubeObject, referenceOf } from '../../operator/runtime/object.ts';
import { Reflector } from '../../operator/runtime/watch/reflector.ts';
import type { Cluster } from '../control-plane/cluster.ts';
import { type Network, playNetwork } from '../control-plane/network.ts';
import { issueCertificate, makeAuthority } from './certificate-authority.ts';
import { standInAnnotation } from './injector.ts';
import { alwaysRefused } from './object-witness.ts';
import { authorityOf, type SignerDeployment, workInRounds } from './played-signer.ts';

interface Webhook {
	readonly clientConfig: {
		readonly caBundle?: string;
		readonly service?: { readonly name: string; readonly namespace: string };
	};
}

interface Review {
	readonly request: { readonly uid: string; readonly kind: { readonly kind: string }; readonly object: unknown };
}

interface ReviewedPod {
	readonly metadata: KubeObject['metadata'];
	readonly spec: { readonly containers: readonly { readonly name: string }[] };
}

export interface PlayedIstiods extends AsyncDisposable {
	/** Takes connections to the Services of istiods. */
	readonly network: Network;
	/** Revisions whose istiods answer API servers with an error, although their pods are ready. */
	readonly ailing: Set<string>;
	readonly stop: () => Promise<void>;
}

export interface PlayIstiodsOptions {
	/** Whether their pods are played too, where no controllers run: each istiod is available as soon as it is stored. False by default. */
	readonly rollsOut?: boolean;
}

/** Begins to play all istiods of a cluster, and is its network until it is stopped. */
export async function playIstiods(
	api: ApiServer,
	cluster: Pick<Cluster, 'egressSocket'>,
	options: PlayIstiodsOptions = {},
): Promise<PlayedIstiods> {
	const played = await playIstiodsBehind(api, options);
	const network = await playNetwork(cluster, played.network);
	const stop = async () => {
		await played.stop();
		await network.stop();
	};
	return { ...played, stop, [Symbol.asyncDispose]: stop };
}

/** As `playIstiods`, for a network that the caller plays. */
export async function playIstiodsBehind(
	api: ApiServer,
	{ rollsOut = false }: PlayIstiodsOptions = {},
): Promise<PlayedIstiods> {
	// One authority for all that have none: making one takes longer than what is tested.
	const own = await makeAuthority({ organisation: 'cluster.local', keyType: 'ec' });
	const servers = new Map<string, Promise<Server>>();
	const ailing = new Set<string>();
	const follow = <T extends KubeObject>(kind: Kind, labelSelector: string) =>
		new Reflector<T>(api, { kind, labelSelector, onError: () => undefined, transform: (object) => object as T });
	const deployments = follow<SignerDeployment>(kinds.Deployment, 'app=istiod');
	const services = follow<KubeObject>(kinds.Service, 'app=istiod');
	const webhooks = [kinds.MutatingWebhookConfiguration, kinds.ValidatingWebhookConfiguration].map((kind) =>
		follow<KubeObject>(kind, revisionLabel),
	);
	const all = [deployments, services, ...webhooks];

	const available = (namespace: string, name: string): SignerDeployment | undefined =>
		[...deployments.store.values()].find(
			({ metadata, status }) =>
				metadata.namespace === namespace && metadata.name === name && (status?.availableReplicas ?? 0) > 0,
		);
	const signing = (istiod: SignerDeployment) => authorityOf(api, istiod, selfSignedSecret, async () => own);
	/** With a certificate for one Service, of the authority of this moment. */
	const serverOf = async (istiod: SignerDeployment): Promise<Server> => {
		const { namespace = '', name } = istiod.metadata;
		const authority = await signing(istiod);
		const key = `${namespace}/${name} ${authority.certificate}`;
		const made =
			servers.get(key) ??
			issueCertificate(authority, [`${name}.${namespace}.svc`]).then(({ certChain, key: privateKey }) =>
				answering({ cert: certChain, key: privateKey }, revisionOf(istiod), ailing),
			);
		servers.set(key, made);
		return made;
	};

	const round = async () => {
		if (rollsOut) for (const istiod of deployments.store.values()) await rollOut(api, istiod);
		for (const istiod of deployments.store.values())
			if ((istiod.status?.availableReplicas ?? 0) > 0) await signing(istiod);
		for (const configuration of webhooks.flatMap(({ store }) => [...store.values()])) {
			const entries = (configuration.webhooks ?? []) as readonly Webhook[];
			const wanted = await Promise.all(
				entries.map(async (entry) => {
					const { service, caBundle } = entry.clientConfig;
					const istiod = service === undefined ? undefined : available(service.namespace, service.name);
					if (istiod === undefined) return entry;
					const bundle = Buffer.from((await signing(istiod)).certificate).toString('base64');
					return bundle === caBundle ? entry : { ...entry, clientConfig: { ...entry.clientConfig, caBundle: bundle } };
				}),
			);
			if (wanted.some((entry, index) => entry !== entries[index]))
				await api.replace({ ...configuration, webhooks: wanted });
		}
	};
	const endRounds = workInRounds(all, round);
	await Promise.all(all.map(({ synced }) => synced));
	const stop = async () => {
		endRounds();
		for (const server of await Promise.all(servers.values())) server.closeAllConnections();
	};
	return {
		ailing,
		network: ({ host, port }) => {
			const service = [...services.store.values()].find(
				({ spec }) => port === 443 && (spec as { readonly clusterIP?: string }).clusterIP === host,
			);
			const { namespace = '', name = '' } = service?.metadata ?? {};
			const istiod = available(namespace, name);
			return istiod === undefined
				? undefined
				: (connection) => {
						serverOf(istiod).then(
							(server) => server.emit('connection', connection),
							(error: Error) => connection.destroy(error),
						);
					};
		},
		stop,
		[Symbol.asyncDispose]: stop,
	};
}

/** Writes the status of a Deployment whose pods are all there, as its controller does; nothing where it is so already. */
async function rollOut(api: ApiServer, deployment: SignerDeployment): Promise<void> {
	const { generation } = deployment.metadata;
	const { replicas = 1 } = deployment.spec ?? {};
	const { observedGeneration, availableReplicas } = deployment.status ?? {};
	if (observedGeneration === generation && availableReplicas === replicas) return;
	const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
	await api.patch(
		referenceOf(deployment),
		{ status: { observedGeneration: generation, ...counts } },
		{ type: 'merge', subresource: 'status', fieldManager: 'kube-controller-manager' },
	);
}

function revisionOf({ metadata: { labels } }: KubeObject): string {
	return labels?.[revisionLabel] ?? defaultRevision;
}

/** What istiod puts into a pod, as far as tests look at it. */
function patchOf({ metadata, spec }: ReviewedPod, revision: string): readonly object[] {
	const proxy = {
		op: 'add',
		path: '/spec/containers/-',
		value: { name: 'istio-proxy', image: 'docker.io/istio/proxyv2' },
	};
	return [
		{
			op: 'add',
			path: '/metadata/annotations',
			value: { ...metadata.annotations, [standInAnnotation]: 'yes', [revisionLabel]: revision },
		},
		// A gateway's own container is the proxy.
		...(spec.containers.some(({ name }) => name === proxy.value.name) ? [] : [proxy]),
	];
}

function base64(value: unknown): string {
	return Buffer.from(JSON.stringify(value)).toString('base64');
}

/** What istiod refuses of the objects of users. */
function refusalOf(object: unknown): string | undefined {
	const { metadata } = object as Pick<KubeObject, 'metadata'>;
	const [found] = Object.keys(alwaysRefused).filter((name) => Object.hasOwn(metadata.annotations ?? {}, name));
	return found === undefined ? undefined : `configuration is invalid: "${found}" annotation found, rejecting`;
}

function answering(
	certificate: { readonly cert: string; readonly key: string },
	revision: string,
	ailing: ReadonlySet<string>,
): Server {
	const server = createServer(certificate, (incoming, outgoing) => {
		const answer = async () => {
			const { request } = JSON.parse(await text(incoming)) as Review;
			if (ailing.has(revision)) {
				outgoing.writeHead(503).end('no templates');
				return;
			}
			const isPod = request.kind.kind === 'Pod';
			const refusal = isPod ? undefined : refusalOf(request.object);
			const response = {
				uid: request.uid,
				allowed: refusal === undefined,
				...(refusal === undefined ? {} : { status: { code: 400, message: refusal } }),
				...(isPod ? { patchType: 'JSONPatch', patch: base64(patchOf(request.object as ReviewedPod, revision)) } : {}),
			};
			outgoing.setHeader('content-type', 'application/json');
			outgoing.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response }));
		};
		answer().catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined));
	});
	server.on('tlsClientError', () => undefined);
	return server;
}
