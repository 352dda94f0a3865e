/** Puts the proxy of a mesh into a pod, as the mesh's injector does (istio 1.0-1.4 `pkg/kube/inject`). */
import { createHash } from 'node:crypto';
import { compareMinor, type Minor, type ResolvedClassicMesh } from '../releases/classic/index.ts';
import { annotationProblem, annotations, checkAnnotations } from './annotations.ts';
import { withConcurrency } from './concurrency.ts';
import { defineSidecar } from './definition.ts';
import { AnnotationError, evaluateItems, type Json, proxyContainer, type Scope } from './evaluate.ts';
import { type Delimiters, printTemplate } from './go-template.ts';
import { injectorSettings } from './injector-settings.ts';
import { warnOfAnnotations } from './known-annotations.ts';
import type { Injection, InjectionContext, Named, Pod, PodContainer } from './pod.ts';
import { rewriteProbes, rewritesProbes } from './probes.ts';
import { reservedProblems } from './reserved.ts';
import { reasonToSkip } from './select.ts';
import { nothingInjected, printStatus, readStatus } from './status.ts';
import { tlsModeLabel, without } from './uninject.ts';

/** The `template` in the injector's configuration, from which it makes what it adds to a pod. */
export function sidecarTemplate(mesh: ResolvedClassicMesh): string {
	return printTemplate(defineSidecar(mesh), mesh.release.injector.delimiters satisfies Delimiters);
}

/** The additions to a pod, list by list. */
interface Added {
	readonly initContainers: readonly PodContainer[];
	readonly containers: readonly PodContainer[];
	readonly volumes: readonly Named[];
	readonly imagePullSecrets: readonly Named[];
}

/**
 * The pod with the mesh's proxy. A proxy that its annotation shows to be from an earlier injection is removed first, so
 * that injecting twice is injecting once. What is the pod's own under a name of Istio's is refused, where the webhook
 * would replace it. (The webhook looks at a pod that was injected by hand while the old proxy is still in it. So its new proxy is told
 * the old proxy's annotation and port, too.) Never changes its arguments.
 */
export function injectPod(mesh: ResolvedClassicMesh, given: Pod, context: InjectionContext = {}): Injection {
	const warnings = warnOfAnnotations(given.metadata, mesh.release.minor);
	const reason = reasonToSkip(mesh, given, context);
	if (reason !== undefined) {
		return { kind: 'skipped', reason, warnings };
	}
	const earlier = readStatus(given.metadata);
	const pod = without(given, earlier.is === 'named' ? earlier.status : nothingInjected);
	const { runs } = mesh.release.injector;
	const problems = checkAnnotations(pod.metadata, runs);
	if (problems.length > 0) {
		return { kind: 'refused', problems };
	}
	try {
		const added = evaluate(mesh, pod, context);
		const taken = reservedProblems(pod.spec, earlier, added);
		return taken.length > 0
			? { kind: 'refused', problems: taken }
			: { kind: 'injected', ...merge(mesh, pod, added), warnings };
	} catch (error) {
		if (error instanceof AnnotationError) {
			return { kind: 'refused', problems: [annotationProblem(error.annotation, error.message)] };
		}
		throw error;
	}
}

function evaluate(mesh: ResolvedClassicMesh, pod: Pod, context: InjectionContext): Added {
	const { runs } = mesh.release.injector;
	const scope: Scope = {
		pod,
		owner: ownerOf(pod, context, runs),
		settings: injectorSettings(mesh.meshConfig, runs),
		tcpPortsOnly: isSince(runs, '1.4'),
	};
	const { initContainers, containers, volumes, imagePullSecrets } = defineSidecar(mesh);
	const list = <Entry>(items: Parameters<typeof evaluateItems>[0]) =>
		evaluateItems(items, scope) as readonly Json[] as readonly unknown[] as readonly Entry[];
	return {
		initContainers: list<PodContainer>(initContainers),
		containers: list<PodContainer>(containers).map((container) =>
			// Every injector that runs for 1.1 and newer does this.
			isSince(runs, '1.1') ? withConcurrency(container) : container,
		),
		volumes: list<Named>(volumes),
		imagePullSecrets: list<Named>(imagePullSecrets),
	};
}

function isSince(minor: Minor, first: Minor): boolean {
	return compareMinor(minor, first) >= 0;
}

/**
 * The object that the user wrote, or since 1.3 what a controller's pod says of its owner. A ReplicaSet's name tells the
 * Deployment.
 */
function ownerOf({ metadata }: Pod, { ownerName, typeMeta }: InjectionContext, runs: Minor): Scope['owner'] {
	if (ownerName !== undefined || typeMeta !== undefined) {
		return { name: ownerName ?? metadata.name ?? '', ...(typeMeta ?? podType) };
	}
	const references = Array.isArray(metadata.ownerReferences) ? (metadata.ownerReferences as readonly Owner[]) : [];
	const controller = references.find(({ controller }) => controller === true);
	if (controller === undefined || (metadata.generateName ?? '') === '' || !isSince(runs, '1.3')) {
		return { name: metadata.name ?? '', ...podType };
	}
	const { apiVersion, kind, name } = controller;
	const hash = metadata.labels?.['pod-template-hash'] ?? '';
	return kind === 'ReplicaSet' && name.endsWith(hash)
		? { apiVersion, kind: 'Deployment', name: name.endsWith(`-${hash}`) ? name.slice(0, -hash.length - 1) : name }
		: { apiVersion, kind, name };
}

interface Owner {
	readonly apiVersion: string;
	readonly kind: string;
	readonly name: string;
	readonly controller?: boolean;
}

const podType = { apiVersion: 'v1', kind: 'Pod' } as const;

/** Path at which the API server's own admission has mounted the token. Webhooks come after it. */
const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';

function merge(mesh: ResolvedClassicMesh, { metadata, spec }: Pod, added: Added): Pod {
	const { runs } = mesh.release.injector;
	const own = spec.containers ?? [];
	const token = isSince(runs, '1.1')
		? own.flatMap(({ volumeMounts = [] }) => volumeMounts).findLast(({ mountPath }) => mountPath === tokenPath)
		: undefined;
	let applications = own;
	const containers = added.containers.map((container) => {
		if (container.name !== proxyContainer) {
			return container;
		}
		let proxy = container;
		if (isSince(runs, '1.2') && rewritesProbes(metadata)) {
			({ applications, proxy } = rewriteProbes(own, proxy));
		}
		return token === undefined ? proxy : { ...proxy, volumeMounts: [...(proxy.volumeMounts ?? []), token] };
	});
	const securityContext = securityContextOf(mesh, spec.securityContext);
	const hash = createHash('sha256').update(sidecarTemplate(mesh)).digest('hex');
	return {
		metadata: {
			...metadata,
			...(isSince(runs, '1.4')
				? {
						labels: {
							...metadata.labels,
							[tlsModeLabel.name]: metadata.labels?.[tlsModeLabel.name] || tlsModeLabel.value,
						},
					}
				: {}),
			annotations: { ...metadata.annotations, [annotations.status]: printStatus(hash, added) },
		},
		spec: {
			...spec,
			...(securityContext === undefined ? {} : { securityContext }),
			...after('initContainers', spec.initContainers, added.initContainers),
			containers: [...applications, ...containers],
			...after('volumes', spec.volumes, added.volumes),
			...after('imagePullSecrets', spec.imagePullSecrets, added.imagePullSecrets),
		},
	};
}

function after<Entry>(
	name: string,
	own: readonly Entry[] | undefined,
	added: readonly Entry[],
): { readonly [name: string]: readonly Entry[] } {
	return added.length === 0 ? {} : { [name]: [...(own ?? []), ...added] };
}

/** Makes the socket and tokens of a node agent readable to the proxy. Before 1.4 this replaces the pod's own setting. */
function securityContextOf(
	{ meshConfig, release }: ResolvedClassicMesh,
	own: Pod['spec']['securityContext'],
): Pod['spec']['securityContext'] {
	const { runs } = release.injector;
	const needed =
		isSince(runs, '1.1') &&
		typeof meshConfig.sdsUdsPath === 'string' &&
		meshConfig.sdsUdsPath !== '' &&
		(isSince(runs, '1.3') || meshConfig.enableSdsTokenMount === true);
	if (!needed) {
		return own;
	}
	return isSince(runs, '1.4') ? { ...own, fsGroup: 1337 } : { fsGroup: 1337 };
}
