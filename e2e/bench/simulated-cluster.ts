/**
 * Simulates one cluster: the part of a Kubernetes API that joining, keeping and leaving use, with state. It has server-side
 * apply with managedFields, list and watch with bookmarks, metadata alone on request, and tokens that allow exactly what
 * their account was given. Hundreds of them need no more room than three API servers.
 */
import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, ManagedFieldsEntry } from '../../operator/runtime/object.ts';
import { matchesSelector } from '../../operator/runtime/watch/selector.ts';
import { type Resource, resourceOf } from './simulated-resource.ts';

export interface SimulatedRequest {
	readonly method: string;
	/** Path and query. */
	readonly url: string;
	readonly accept: string;
	readonly token: string;
	readonly body: unknown;
}

/** Takes the answer. A watch writes events until either side ends it. */
export interface SimulatedAnswer {
	json(status: number, body: unknown): void;
	/** Begins an answer that lasts. */
	stream(): { write(event: unknown): void; end(): void; onClosed(handler: () => void): void };
}

interface Watching {
	readonly resource: Resource;
	readonly query: URLSearchParams;
	readonly isMetadataOnly: boolean;
	readonly stream: ReturnType<SimulatedAnswer['stream']>;
	readonly endsAt: number;
	bookmarkAt: number;
}

type Stored = KubeObject & { readonly metadata: { readonly resourceVersion: string; readonly uid: string } };
type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

/** The same interval as kube-apiserver's. */
const bookmarkMs = 60_000;
const version = { major: '1', minor: '36', gitVersion: 'v1.36.0', platform: 'linux/amd64' };

interface Seed {
	readonly metadata: { readonly name: string; readonly uid?: string };
	readonly spec?: unknown;
}

export interface SimulatedClusterOptions {
	readonly podCIDR: string;
	readonly serviceCIDR: string;
}

export class SimulatedCluster {
	readonly id = randomUUID();
	/** Token of the administrator. */
	readonly token = randomUUID();
	/** Number of requests by method and resource: `GET nodes`, `WATCH serviceaccounts`. */
	readonly counts = new Map<string, number>();
	#version = 100;
	/** Objects by the path of the resource and the name. */
	readonly #objects = new Map<string, Stored>();
	readonly #events: { readonly type: EventType; readonly resource: Resource; readonly object: Stored }[] = [];
	readonly #watching = new Set<Watching>();
	/** Accounts, by token. */
	readonly #tokens = new Map<string, { readonly account: string; readonly endsAt: number }>();

	constructor({ podCIDR, serviceCIDR }: SimulatedClusterOptions) {
		this.#seed('/api/v1/namespaces', { metadata: { name: 'kube-system', uid: this.id } });
		this.#seed('/api/v1/namespaces', { metadata: { name: 'default' } });
		this.#seed('/api/v1/nodes', { metadata: { name: 'node-1' }, spec: { podCIDR, podCIDRs: [podCIDR] } });
		this.#seed('/apis/networking.k8s.io/v1/servicecidrs', {
			metadata: { name: 'kubernetes' },
			spec: { cidrs: [serviceCIDR] },
		});
		for (const kind of ['services', 'endpoints'])
			this.#seed(`/api/v1/namespaces/default/${kind}`, { metadata: { name: 'kubernetes' } });
	}

	handle(request: SimulatedRequest, answer: SimulatedAnswer): void {
		const url = new URL(request.url, 'https://simulated');
		const resource = resourceOf(url.pathname);
		const isWatch = url.searchParams.get('watch') === 'true';
		const what = `${isWatch ? 'WATCH' : request.method} ${resource?.plural ?? url.pathname}`;
		this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
		const refusal = this.#refusalOf(request, resource);
		if (refusal !== undefined) refuse(answer, ...refusal);
		else if (url.pathname === '/version') answer.json(200, version);
		else if (resource === undefined) refuse(answer, 404, 'NotFound');
		else if (isWatch) this.#watch(resource, url.searchParams, request.accept, answer);
		else this.#serve(request, resource, url.searchParams, answer);
	}

	/** Sends bookmarks and ends watches. Call it every second or so. */
	tick(now: number): void {
		for (const watching of this.#watching) {
			if (now >= watching.endsAt) {
				this.#watching.delete(watching);
				watching.stream.end();
			} else if (now >= watching.bookmarkAt) {
				watching.bookmarkAt = now + bookmarkMs;
				const { apiVersion, kind } = watching.resource;
				watching.stream.write({
					type: 'BOOKMARK',
					object: { apiVersion, kind, metadata: { resourceVersion: String(this.#version) } },
				});
			}
		}
	}

	/**
	 * Why a request is refused, if it is. The administrator may do everything, an account what a ClusterRoleBinding gives
	 * Pilot.
	 */
	#refusalOf({ token, method }: SimulatedRequest, resource: Resource | undefined): [number, string] | undefined {
		if (token === this.token) return undefined;
		const issued = this.#tokens.get(token);
		if (issued === undefined || issued.endsAt < Date.now()) return [401, 'Unauthorized'];
		const isBound = [...this.#objects.values()].some(
			({ kind, subjects }) =>
				kind === 'ClusterRoleBinding' &&
				Array.isArray(subjects) &&
				subjects.some(({ namespace, name }) => `${namespace}/${name}` === issued.account),
		);
		const isRead = method === 'GET' && ['services', 'endpoints', 'pods', 'nodes'].includes(resource?.plural ?? '');
		return isBound && isRead ? undefined : [403, 'Forbidden'];
	}

	#serve(request: SimulatedRequest, resource: Resource, query: URLSearchParams, answer: SimulatedAnswer): void {
		const { method, accept, body } = request;
		const { name, plural, subresource } = resource;
		if (plural === 'selfsubjectaccessreviews') {
			// The user of the kubeconfig is no administrator. It has the rights that its owner was asked for, and the operator
			// asks about each.
			const { spec } = body as { readonly spec: { readonly resourceAttributes: { readonly verb: string } } };
			answer.json(201, { ...(body as object), status: { allowed: spec.resourceAttributes.verb !== '*' } });
		} else if (subresource === 'token' && method === 'POST') {
			this.#issue(resource, body, answer);
		} else if (method === 'GET' && name === undefined) {
			this.#list(resource, query, accept, answer);
		} else if (method === 'PATCH' && name !== undefined && subresource === undefined) {
			this.#apply(resource, query, accept, body as KubeObject, answer);
		} else {
			const stored = this.#objects.get(keyOf(resource));
			if (stored === undefined) refuse(answer, 404, 'NotFound');
			else if (method === 'GET') answer.json(200, shape(stored, accept));
			else if (method === 'DELETE') this.#delete(resource, stored, answer);
			else refuse(answer, 405, 'MethodNotAllowed');
		}
	}

	#list(resource: Resource, query: URLSearchParams, accept: string, answer: SimulatedAnswer): void {
		const all = this.#matching(resource, query);
		const from = Number(query.get('continue') ?? 0);
		const limit = Number(query.get('limit') ?? 0) || all.length;
		const items = all.slice(from, from + limit);
		const rest = all.length - from - items.length;
		const isMetadata = isMetadataOnly(accept);
		answer.json(200, {
			apiVersion: isMetadata ? 'meta.k8s.io/v1' : resource.apiVersion,
			kind: isMetadata ? 'PartialObjectMetadataList' : `${resource.kind}List`,
			metadata: {
				resourceVersion: String(this.#version),
				...(rest > 0 ? { continue: String(from + items.length), remainingItemCount: rest } : {}),
			},
			items: items.map((item) => shape(item, accept)),
		});
	}

	#watch(resource: Resource, query: URLSearchParams, accept: string, answer: SimulatedAnswer): void {
		const now = Date.now();
		const watching: Watching = {
			resource,
			query,
			isMetadataOnly: isMetadataOnly(accept),
			stream: answer.stream(),
			endsAt: now + Number(query.get('timeoutSeconds') ?? 300) * 1_000,
			bookmarkAt: now + bookmarkMs * (0.5 + Math.random() / 2),
		};
		const since = Number(query.get('resourceVersion') ?? 0);
		for (const event of this.#events)
			if (Number(event.object.metadata.resourceVersion) > since)
				tell(watching, event.type, event.resource, event.object);
		this.#watching.add(watching);
		watching.stream.onClosed(() => this.#watching.delete(watching));
	}

	/** Who applies an object owns all of it: an object has one manager here. */
	#apply(resource: Resource, query: URLSearchParams, accept: string, body: KubeObject, answer: SimulatedAnswer): void {
		const { namespace, apiVersion } = resource;
		if (namespace !== undefined && !this.#objects.has(`/api/v1/namespaces ${namespace}`)) {
			refuse(answer, 404, 'NotFound');
			return;
		}
		const before = this.#objects.get(keyOf(resource));
		const { metadata, ...rest } = body;
		const time = `${new Date().toISOString().slice(0, 19)}Z`;
		const entry: ManagedFieldsEntry = {
			manager: query.get('fieldManager') ?? '',
			operation: 'Apply',
			apiVersion,
			time,
			fieldsType: 'FieldsV1',
			fieldsV1: fieldsOf(withoutIdentity(body)),
		};
		const wanted = withoutServerFields({ ...rest, metadata });
		if (before !== undefined && isDeepStrictEqual(withoutServerFields(before), wanted)) {
			answer.json(200, shape(before, accept));
			return;
		}
		const stored = this.#store(before === undefined ? 'ADDED' : 'MODIFIED', resource, {
			...body,
			metadata: {
				...metadata,
				uid: before?.metadata.uid ?? randomUUID(),
				creationTimestamp: before?.metadata.creationTimestamp ?? time,
				managedFields: [entry],
			},
		});
		answer.json(before === undefined ? 201 : 200, shape(stored, accept));
	}

	#delete(resource: Resource, stored: Stored, answer: SimulatedAnswer): void {
		this.#store('DELETED', resource, stored);
		answer.json(200, { apiVersion: 'v1', kind: 'Status', status: 'Success' });
	}

	/** Tokens have no signature: who checks tokens here knows them. */
	#issue(resource: Resource, body: unknown, answer: SimulatedAnswer): void {
		const { namespace, name } = resource;
		if (!this.#objects.has(keyOf({ ...resource, subresource: undefined }))) {
			refuse(answer, 404, 'NotFound');
			return;
		}
		const { spec } = body as { readonly spec: { readonly expirationSeconds: number } };
		const iat = Math.floor(Date.now() / 1_000);
		const exp = iat + spec.expirationSeconds;
		const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
		const token = `${encode({ alg: 'none' })}.${encode({ iat, exp, sub: `${namespace}/${name}` })}.${randomUUID()}`;
		this.#tokens.set(token, { account: `${namespace}/${name}`, endsAt: exp * 1_000 });
		answer.json(201, {
			...(body as object),
			status: { token, expirationTimestamp: new Date(exp * 1_000).toISOString() },
		});
	}

	#matching(resource: Resource, query: URLSearchParams): readonly Stored[] {
		return [...this.#objects]
			.filter(([key, object]) => isIn(resource, key) && isSelected(query, object))
			.map(([, object]) => object);
	}

	#seed(path: string, object: Seed): void {
		const resource = resourceOf(`${path}/${object.metadata.name}`);
		if (resource === undefined) throw new Error(`nothing is served at ${path}`);
		const { apiVersion, kind, namespace } = resource;
		const metadata = { uid: randomUUID(), ...(namespace === undefined ? {} : { namespace }), ...object.metadata };
		this.#store('ADDED', resource, { apiVersion, kind, ...object, metadata });
	}

	#store(type: EventType, resource: Resource, object: KubeObject): Stored {
		this.#version++;
		const { uid = '' } = object.metadata;
		const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(this.#version) } };
		if (type === 'DELETED') this.#objects.delete(keyOf(resource));
		else this.#objects.set(keyOf(resource), stored);
		this.#events.push({ type, resource, object: stored });
		for (const watching of this.#watching) tell(watching, type, resource, stored);
		return stored;
	}
}

function tell(watching: Watching, type: EventType, resource: Resource, object: Stored): void {
	if (!isIn(watching.resource, keyOf(resource)) || !isSelected(watching.query, object)) return;
	watching.stream.write({ type, object: watching.isMetadataOnly ? headerOf(object) : object });
}

function keyOf({ path, name = '' }: Resource): string {
	return `${path} ${name}`;
}

/** Whether a key belongs to a collection of one namespace, or of all. */
function isIn({ path, namespace, plural }: Resource, key: string): boolean {
	const [own = ''] = key.split(' ');
	return own === path || (namespace === undefined && own.endsWith(`/${plural}`) && own.includes('/namespaces/'));
}

function isSelected(query: URLSearchParams, { metadata }: KubeObject): boolean {
	const [, name] = /^metadata\.name=(.*)$/.exec(query.get('fieldSelector') ?? '') ?? [];
	return (
		(name === undefined || name === metadata.name) &&
		matchesSelector(query.get('labelSelector') ?? undefined, metadata.labels)
	);
}

function isMetadataOnly(accept: string): boolean {
	return accept.includes('as=PartialObjectMetadata');
}

function shape(object: KubeObject, accept: string): unknown {
	return isMetadataOnly(accept) ? headerOf(object) : object;
}

function headerOf({ metadata }: KubeObject): unknown {
	return { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata };
}

function withoutServerFields({ metadata, ...rest }: KubeObject): unknown {
	const { uid: _, resourceVersion: __, creationTimestamp: ___, managedFields: ____, ...own } = metadata;
	return { ...rest, metadata: own };
}

/** Leaves out what identifies an object, because nobody owns it. */
function withoutIdentity({ apiVersion: _, kind: __, metadata, ...rest }: KubeObject): object {
	const { name: ___, namespace: ____, ...own } = metadata;
	return { ...rest, metadata: own };
}

/** The owned fields of a value. A list is owned as a whole. */
function fieldsOf(value: object): Record<string, unknown> {
	return Object.fromEntries(
		Object.entries(value).map(([key, field]) => [
			`f:${key}`,
			field !== null && typeof field === 'object' && !Array.isArray(field) ? fieldsOf(field) : {},
		]),
	);
}

function refuse(answer: SimulatedAnswer, code: number, reason: string): void {
	answer.json(code, { apiVersion: 'v1', kind: 'Status', status: 'Failure', reason, code, message: reason });
}
