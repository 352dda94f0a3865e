/**
 * Whether the operator may do what a mesh needs. A pass asks before it reads the first Secret and before the first write, so
 * that a right that is missing leaves nothing half done. And it asks when the API server has refused something.
 */
import type { ChildCaches } from '../../apply/child-caches.ts';
import { namespaceIn } from '../../apply/live.ts';
import { isAllowed } from '../../clusters/checks/permission-review.ts';
import type { ClusterRecord } from '../../clusters/secret/record.ts';
import type { Lines } from '../../lines/index.ts';
import {
	type NeededRight,
	partOf,
	type RightsPart,
	rightsToRestart,
	rightToKeepSecrets,
	rightToReadSecrets,
	rightToWrite,
} from '../../plan/rights.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { orAbsent, RequestError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, type ObjectReference, objectKey } from '../../runtime/object.ts';
import type { Finding } from '../../status/finding.ts';
import { HeldRights, type MissingRight, missingOf } from './held-rights.ts';
import { findingOfMissing, type MissingContext } from './missing.ts';
import { namespacesOfKubeconfigs, neededForAll, neededForPrimaries, neededToWrite } from './needed.ts';

/** While rights are missing, the operator asks again at most this much later. Nothing tells it when they come. */
const mostRecheckMs = 20_000;
/** An API server knows new roles only a moment after they were stored, so the first question is asked again soon. */
const firstRecheckMs = 1_000;

/**
 * When to ask again for rights that are missing.
 * @param refusals passes in a row that were given up before
 */
export function rightsRecheckMs(refusals: number): number {
	return Math.min(mostRecheckMs, firstRecheckMs * 2 ** refusals);
}

/** A Secret of this name need not exist: whether it may be read is told all the same. */
const askedFor = 'meshwright-may-read';

/** So many refused objects are asked about. */
const mostAsked = 3;

export interface AccessOptions {
	readonly api: ApiServer;
	readonly lines: Lines;
	readonly live: Pick<ChildCaches, 'get' | 'followNamespace'>;
	/** Namespace of the operator. */
	readonly operatorNamespace: string;
	/** Monotonic clock. */
	readonly now: () => number;
}

/** What a pass has come to when it looks at why something was refused. */
export interface Explained {
	readonly findings: readonly Finding[];
	/** The errors that no missing right explains. */
	readonly others: readonly unknown[];
}

export class Access {
	readonly #options: AccessOptions;
	readonly #held: HeldRights;
	/** Namespaces whose Secrets the API server has listed. */
	readonly #readable = new Set<string>();

	constructor(options: AccessOptions) {
		this.#options = options;
		this.#held = new HeldRights(options);
	}

	/**
	 * Begins to see the Secrets in the namespace of a mesh, and resolves when they are known. Or says what is missing for
	 * that, or to work on the clusters of the mesh, and then all that the mesh lacks.
	 * @param recordsOf the records that the mesh keeps itself, once its Secrets are seen
	 */
	async toLook(
		mesh: ResolvedMesh,
		recordsOf: (mesh: ResolvedMesh) => readonly ClusterRecord[],
		signal: AbortSignal,
	): Promise<Finding | undefined> {
		const unseen = await this.#follow(mesh.namespace, signal);
		const missing = unseen.length > 0 ? unseen : await this.#missingToJoin(mesh, recordsOf(mesh), signal);
		return missing.length === 0 ? undefined : this.#allMissing(mesh, missing, signal);
	}

	/** As `toLook`, for a mesh that goes, however invalid its spec is. A namespace that is gone holds nothing to look at. */
	async toRemove(namespace: string, signal: AbortSignal): Promise<Finding | undefined> {
		const missing = await this.#follow(namespace, signal);
		if (missing.length === 0) return undefined;
		const found = namespaceIn(this.#options.live, namespace);
		return found === undefined || found.metadata.deletionTimestamp !== undefined
			? undefined
			: findingOfMissing(missing, this.#context(namespace));
	}

	/** What is missing to write these objects. */
	async toWrite(mesh: ResolvedMesh, objects: readonly KubeObject[], signal: AbortSignal): Promise<Finding | undefined> {
		const { lines, live } = this.#options;
		const needed = [neededToWrite(lines, mesh, objects), this.#neededForNamespace(mesh, objects, live)];
		const missing = (await Promise.all(needed.map((rights) => this.#held.missing(rights, signal)))).flat();
		return missing.length === 0 ? undefined : findingOfMissing(missing, this.#context(mesh.namespace));
	}

	/** What is missing to restart users' workloads. */
	async toRestart(namespace: string, signal: AbortSignal): Promise<Finding | undefined> {
		const missing = await this.#held.missing(rightsToRestart, signal);
		return missing.length === 0 ? undefined : findingOfMissing(missing, this.#context(namespace));
	}

	/** Finds out which of these errors are because of a missing right. */
	async explain(
		errors: readonly unknown[],
		mesh: ResolvedMesh,
		objects: readonly KubeObject[],
		signal: AbortSignal,
	): Promise<Explained> {
		const refused = errors.filter(isRefused);
		if (refused.length === 0) return { findings: [], others: errors };
		this.forget();
		const missing = await this.#held.missing(neededToWrite(this.#options.lines, mesh, objects), signal);
		const all = missing.length > 0 ? missing : await this.#askAbout(refused, objects, signal);
		if (all.length === 0) return { findings: [], others: errors };
		return {
			findings: [findingOfMissing(all, this.#context(mesh.namespace))],
			others: errors.filter((error) => !isRefused(error)),
		};
	}

	/** Asks anew next time: something is not seen any more. */
	forget(): void {
		this.#held.forget();
		this.#readable.clear();
	}

	async #follow(namespace: string, signal: AbortSignal): Promise<readonly MissingRight[]> {
		const missing = await this.#cantRead('mesh', namespace, signal);
		if (missing.length > 0) return missing;
		const { live } = this.#options;
		const isListed = live.followNamespace(namespace);
		if (namespaceIn(live, namespace) !== undefined) await isListed;
		// Nothing can be in a namespace that is not there, and a list takes up to 100 ms: the API server first asks etcd whether
		// it has seen all (kubernetes `apiserver/pkg/storage/cacher/progress`, progressRequestPeriod). Once the namespace is there,
		// a pass waits and tells.
		else isListed.catch(() => undefined);
		return [];
	}

	async #missingToJoin(
		mesh: ResolvedMesh,
		records: readonly ClusterRecord[],
		signal: AbortSignal,
	): Promise<readonly MissingRight[]> {
		const kubeconfigs = namespacesOfKubeconfigs(mesh, records);
		const unread = await Promise.all(kubeconfigs.map((namespace) => this.#cantRead('clusters', namespace, signal)));
		return [...unread.flat(), ...(await this.#held.missing(neededForPrimaries(mesh), signal))];
	}

	/**
	 * The right to read Secrets in a namespace, if it is missing. Unless it is given in the whole cluster, two requests show
	 * that, whatever the authorizer.
	 */
	async #cantRead(part: RightsPart, namespace: string, signal: AbortSignal): Promise<readonly MissingRight[]> {
		if (this.#readable.has(namespace)) return [];
		const { api } = this.#options;
		if (!(await this.#held.surelyHas([rightToReadSecrets(part, namespace)], signal))) {
			try {
				await Promise.all([
					api.listPage(kinds.Secret, { namespace, metadataOnly: true, limit: 1, signal }),
					// Citadel's rights are to list all Secrets, and to get none.
					orAbsent(api.getMetadata({ ...kinds.Secret, namespace, name: askedFor }, { signal })),
				]);
			} catch (error) {
				if (isRefused(error))
					return missingOf([], [part === 'mesh' ? rightToKeepSecrets(namespace) : rightToReadSecrets(part, namespace)]);
				throw error;
			}
		}
		this.#readable.add(namespace);
		return [];
	}

	/** All that a mesh lacks, so that one command mends it. */
	async #allMissing(mesh: ResolvedMesh, found: readonly MissingRight[], signal: AbortSignal): Promise<Finding> {
		const missing = await this.#held.missing(neededForAll(this.#options.lines, mesh), signal);
		return findingOfMissing([...found, ...missing], this.#context(mesh.namespace));
	}

	/** The namespace of the mesh, when it has to be made. */
	#neededForNamespace(
		{ namespace }: ResolvedMesh,
		objects: readonly KubeObject[],
		live: Pick<ChildCaches, 'get'>,
	): readonly NeededRight[] {
		const own = objects.find(({ kind, metadata }) => kind === kinds.Namespace.kind && metadata.name === namespace);
		return own === undefined || live.get(objectKey(own)) !== undefined ? [] : [rightToWrite(own)];
	}

	/** Asks about each verb by itself (SelfSubjectAccessReview): authorizers that list no rights answer that too. */
	async #askAbout(
		refused: readonly RequestError[],
		objects: readonly KubeObject[],
		signal: AbortSignal,
	): Promise<readonly MissingRight[]> {
		const references = refused.flatMap(({ object }) => object ?? []).slice(0, mostAsked);
		const rights = references.flatMap((reference) => {
			const rendered = objects.find((object) => objectKey(object) === objectKey(reference));
			const { namespace, rule } = rightToWrite(rendered ?? headerOf(reference));
			const part = rendered === undefined ? 'mesh' : partOf(rendered);
			return missingOf([], [{ part, ...(namespace === undefined ? {} : { namespace }), rule }]);
		});
		const answers = await Promise.all(
			rights.map(async (missing) => {
				const { right, namespace } = missing;
				if ('url' in right) return [];
				const where = namespace === undefined ? {} : { namespace };
				return (await isAllowed(this.#options.api, { ...right, ...where }, signal)) ? [] : [missing];
			}),
		);
		return answers.flat();
	}

	#context(namespace: string): MissingContext {
		return { namespace, operatorNamespace: this.#options.operatorNamespace };
	}
}

/** Whether an authorizer, or an admission plugin, has refused the request. */
function isRefused(error: unknown): error is RequestError {
	return error instanceof RequestError && error.status === 403;
}

function headerOf({ apiVersion, kind, name, namespace }: ObjectReference): KubeObject {
	return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}
