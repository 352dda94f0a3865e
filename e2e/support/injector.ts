/** The sidecar injector from outside: its webhook, its certificate, and a server that answers in its place. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect, createServer as createTlsServer } from 'node:tls';
import { injectorName, injectorWebhook, ownInjectorSecret } from '../../operator/render/classic/injector-names.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject, ObjectReference } from '../../operator/runtime/object.ts';
import { type PlayedNetwork, playNetwork, type Taker } from '../control-plane/network.ts';
import { orAbsent } from './eventually.ts';
import type { MeshCluster } from './mesh-cluster.ts';

interface Requirement {
	readonly key: string;
	readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
	readonly values?: readonly string[];
}

interface LabelSelector {
	readonly matchLabels?: Readonly<Record<string, string>>;
	readonly matchExpressions?: readonly Requirement[];
}

export interface WebhookConfiguration extends KubeObject {
	readonly webhooks: readonly {
		readonly name: string;
		readonly failurePolicy: string;
		readonly clientConfig: { readonly caBundle?: string };
		readonly namespaceSelector: LabelSelector;
		readonly objectSelector: LabelSelector;
	}[];
}

export function webhookReference(namespace: string): ObjectReference {
	return { ...kinds.MutatingWebhookConfiguration, name: injectorWebhook({ namespace }) };
}

export function readWebhook(api: ApiServer, namespace: string): Promise<WebhookConfiguration | undefined> {
	return orAbsent(api.get<WebhookConfiguration>(webhookReference(namespace)));
}

/** The certificates of a PEM text. */
export function certificatesIn(pem: string): readonly string[] {
	return pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}

/** Entries of the configuration that are the operator's; users may add some. */
export function ownEntries({ webhooks }: WebhookConfiguration): WebhookConfiguration['webhooks'] {
	return webhooks.filter(({ name }) => name.endsWith('.sidecar-injector.istio.io'));
}

/** The authorities by which API servers know the injector. Throws where there is no webhook, or its entries disagree. */
export async function trustedRoots(api: ApiServer, namespace: string): Promise<readonly string[]> {
	const configuration = await readWebhook(api, namespace);
	const entries = configuration === undefined ? [] : ownEntries(configuration);
	const bundles = new Set(entries.map(({ clientConfig }) => clientConfig.caBundle));
	const [bundle] = bundles;
	if (bundles.size !== 1 || bundle === undefined) throw new Error(`${bundles.size} bundles in the webhook`);
	return certificatesIn(Buffer.from(bundle, 'base64').toString('utf8'));
}

/** The texts of a Secret, by key; undefined where there is none. */
export async function readSecret(
	api: ApiServer,
	namespace: string,
	name: string,
): Promise<Readonly<Record<string, string>> | undefined> {
	const secret = await orAbsent(
		api.get<KubeObject & { readonly data: Readonly<Record<string, string>> }>({ ...kinds.Secret, namespace, name }),
	);
	if (secret === undefined) return undefined;
	return Object.fromEntries(
		Object.entries(secret.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
	);
}

export interface OwnCertificate {
	readonly cert: string;
	readonly key: string;
	readonly roots: string;
}

/** The certificate that the operator made, where there is no Citadel. Rejects where it made none. */
export async function readCertificate(api: ApiServer, namespace: string): Promise<OwnCertificate> {
	const secret = await readSecret(api, namespace, ownInjectorSecret);
	const { 'cert-chain.pem': cert, 'key.pem': key, 'root-cert.pem': roots } = secret ?? {};
	if (cert === undefined || key === undefined || roots === undefined) throw new Error('there is no certificate');
	return { cert, key, roots };
}

/** Whether a selector takes an object with these labels, as the API server decides it. */
export function selects(
	{ matchLabels = {}, matchExpressions = [] }: LabelSelector,
	labels: Readonly<Record<string, string>>,
): boolean {
	const isMet = ({ key, operator, values = [] }: Requirement): boolean => {
		const value = labels[key];
		if (operator === 'Exists') return value !== undefined;
		if (operator === 'DoesNotExist') return value === undefined;
		const isIn = value !== undefined && values.includes(value);
		return operator === 'In' ? isIn : !isIn;
	};
	return Object.entries(matchLabels).every(([key, value]) => labels[key] === value) && matchExpressions.every(isMet);
}

/** Says of a Deployment what its controller would, where there is none: that all its pods run, or that none does. */
export async function setAvailable(
	api: ApiServer,
	namespace: string,
	name: string,
	isAvailable: boolean,
): Promise<void> {
	const deployment = { ...kinds.Deployment, namespace, name };
	const { metadata, spec } = await api.get<KubeObject & { readonly spec: { readonly replicas: number } }>(deployment);
	const count = isAvailable ? spec.replicas : 0;
	const status = {
		observedGeneration: metadata.generation,
		replicas: spec.replicas,
		updatedReplicas: spec.replicas,
		readyReplicas: count,
		availableReplicas: count,
	};
	await api.patch(deployment, { status }, { type: 'merge', subresource: 'status', fieldManager: 'controllers' });
}

/**
 * What a client that trusts these authorities alone makes of a server with this certificate, called by the name of the
 * injector's Service or by another one. Rejects when it refuses.
 */
export async function handshake(
	{ cert, key }: { readonly cert: string; readonly key: string },
	roots: readonly string[],
	servername: string,
): Promise<void> {
	const server = createTlsServer({ cert, key });
	server.on('tlsClientError', () => undefined);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	try {
		const { port } = server.address() as AddressInfo;
		const socket = connect({ port, host: '127.0.0.1', servername, ca: [...roots] });
		await once(socket, 'secureConnect');
		socket.destroy();
	} finally {
		server.close();
	}
}

export interface StandIn {
	/** Namespaces of the pods that it was asked about. */
	readonly asked: readonly string[];
	/** Takes connections of an API server. */
	readonly take: Taker;
}

/** Annotation by which the server in the injector's place marks a pod. */
export const standInAnnotation = 'example.com/injected';

interface Review {
	readonly request: { readonly uid: string; readonly namespace: string };
}

/**
 * Answers as injectors of 1.0-1.4 do: in v1beta1, with a JSON patch; here it adds an annotation, and a container with the
 * image that is given.
 */
export function standInForInjector(
	{ cert, key }: { readonly cert: string; readonly key: string },
	image: string,
): StandIn {
	const asked: string[] = [];
	const patch = [
		{ op: 'add', path: '/metadata/annotations', value: { [standInAnnotation]: 'yes' } },
		{ op: 'add', path: '/spec/containers/-', value: { name: 'istio-proxy', image } },
	];
	const server = createServer({ cert, key }, (incoming, outgoing) => {
		const answer = async () => {
			const { request } = JSON.parse(await text(incoming)) as Review;
			asked.push(request.namespace);
			const response = {
				uid: request.uid,
				allowed: true,
				patchType: 'JSONPatch',
				patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
			};
			outgoing.setHeader('content-type', 'application/json');
			outgoing.end(JSON.stringify({ apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview', response }));
		};
		answer().catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : undefined));
	});
	server.on('tlsClientError', () => undefined);
	return { asked, take: (connection) => server.emit('connection', connection) };
}

/** Plays a network that has nothing but the injector of a namespace, behind its Service. */
export async function serveInjector(
	{ api, cluster }: Pick<MeshCluster, 'api' | 'cluster'>,
	namespace: string,
	take: Taker,
): Promise<PlayedNetwork> {
	const service = await api.get<KubeObject & { readonly spec: { readonly clusterIP: string } }>({
		...kinds.Service,
		namespace,
		name: injectorName,
	});
	return playNetwork(cluster, ({ host, port }) => (host === service.spec.clusterIP && port === 443 ? take : undefined));
}
