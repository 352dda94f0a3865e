/**
 * What is kept of a pod with a proxy. Pods of a workload that are alike share one object, so a pod itself costs a few bytes.
 * Pure.
 */
import { definedFields, isObject, managedByLabel, managedByValue, revisionLabel } from '../../../api/v1/index.ts';
import type { ProxyFacts, ProxyOwner } from '../../plan/proxies/count.ts';
import { askedByPod } from '../../plan/revisions/usage.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';

/**
 * The container of the proxy, in every release: an ordinary one, or since 1.22 of Istio one of the init containers that go on
 * (istio 1.0-1.4 and 1.22 `pkg/kube/inject`, `istio-proxy`).
 */
const proxyContainer = 'istio-proxy';

/** A tenant chooses the texts. */
const longestText = 256;

/**
 * Reads a pod. Undefined when it has no proxy, has ended, is about to end, or is one of the mesh's own components, which are
 * rolled out with the mesh. Whatever its fields hold, it throws nothing.
 */
export function readProxy({ metadata, spec, status }: KubeObject): ProxyFacts | undefined {
	if (metadata.deletionTimestamp !== undefined || metadata.labels?.[managedByLabel] === managedByValue)
		return undefined;
	if (!isRecord(spec) || (isRecord(status) && (status.phase === 'Succeeded' || status.phase === 'Failed')))
		return undefined;
	const container = [...recordsIn(spec.containers), ...recordsIn(spec.initContainers)].find(
		({ name }) => name === proxyContainer,
	);
	if (container === undefined) return undefined;
	return {
		namespace: metadata.namespace ?? '',
		image: textOf(container.image),
		controlPlane: controlPlaneOf(container.args),
		owner: ownerOf(metadata),
		...definedFields({ revision: revisionOf(metadata) }),
	};
}

/** Gives equal facts as the same object. */
export class SharedProxies {
	#shared = new Map<string, ProxyFacts>();

	get size(): number {
		return this.#shared.size;
	}

	read(pod: KubeObject): ProxyFacts | undefined {
		const facts = readProxy(pod);
		if (facts === undefined) return undefined;
		const { namespace, image, controlPlane = '', owner, revision = '' } = facts;
		const key = [namespace, image, controlPlane, owner?.kind ?? '', owner?.name ?? '', revision].join(' ');
		const shared = this.#shared.get(key);
		if (shared !== undefined) return shared;
		this.#shared.set(key, facts);
		return facts;
	}

	/** Forgets all but these. */
	keep(used: Iterable<ProxyFacts>): void {
		const kept = new Set(used);
		this.#shared = new Map([...this.#shared].filter(([, facts]) => kept.has(facts)));
	}
}

/** The namespace in `--discoveryAddress istio-pilot.istio-system:15010`, or in the longer names of that Service. */
function controlPlaneOf(args: unknown): string | undefined {
	if (!Array.isArray(args)) return undefined;
	const address: unknown = args[args.indexOf('--discoveryAddress') + 1];
	if (!args.includes('--discoveryAddress') || typeof address !== 'string') return undefined;
	return /^[a-z0-9-]+\.([a-z0-9-]{1,63})(\.svc(\.[a-z0-9.-]+)?)?(:\d+)?$/.exec(address)?.[1];
}

/** What the injector wrote (istio 1.30 `pkg/kube/inject/inject.go`): the revision that made the proxy. */
const injectedStatus = 'sidecar.istio.io/status';
/** A longer one is not read. */
const longestStatus = 16 * 1024;
/** The longest value of a label. */
const longestRevision = 63;

/** The revision that made the proxy, or else what the pod asks for. */
function revisionOf({ annotations = {}, labels = {} }: KubeObject['metadata']): string | undefined {
	const made = annotations[revisionLabel] ?? injectedBy(annotations[injectedStatus]);
	return (made ?? askedByPod(labels))?.slice(0, longestRevision);
}

function injectedBy(status: unknown): string | undefined {
	if (typeof status !== 'string' || status.length > longestStatus) return undefined;
	try {
		const value: unknown = JSON.parse(status);
		return isObject(value) && typeof value.revision === 'string' && value.revision !== '' ? value.revision : undefined;
	} catch {
		return undefined;
	}
}

/** Names of ReplicaSets are those of their Deployments with the hash of the template (`pkg/controller/deployment/sync.go`). */
function ownerOf({ ownerReferences, labels }: KubeObject['metadata']): ProxyOwner | undefined {
	const owner = ownerReferences?.find(({ controller }) => controller === true);
	if (owner === undefined) return undefined;
	const { kind, name } = owner;
	const hash = labels?.['pod-template-hash'];
	return kind === 'ReplicaSet' && hash !== undefined && name.endsWith(`-${hash}`)
		? { kind: 'Deployment', name: name.slice(0, -hash.length - 1) }
		: { kind, name };
}

function textOf(value: unknown): string {
	return typeof value === 'string' ? value.slice(0, longestText) : '';
}
