/**
 * Issues the authorities of a mesh from its root: that of this cluster by itself, those of others by what it gives their passes.
 * The key of the root is read when an authority is due, and stays in this process.
 */
import { parseDuration, timeText } from '../../../api/v1/index.ts';
import type { Owner } from '../../apply/identity.ts';
import { namespaceIn } from '../../apply/live.ts';
import { Writer, type WriterOptions } from '../../apply/writer.ts';
import {
	issueIntermediate,
	planRotation,
	type RootAuthority,
	type RotationPlan,
	readRootAuthority,
	rootFiles,
} from '../../certificates/index.ts';
import {
	type AuthorityFiles,
	type AuthorityWish,
	authorityReference,
	authoritySecret,
	authoritySetId,
	type NewAuthority,
	readAuthority,
} from '../../clusters/authority.ts';
import { defaultTrustDomain } from '../../clusters/checks/gather-mesh.ts';
import { notReadable } from '../../clusters/kubeconfig/may-read.ts';
import { KubeconfigSecrets } from '../../clusters/kubeconfig/secrets.ts';
import type { ClusterRecord } from '../../clusters/secret/record.ts';
import type { IssuedAuthorities } from '../../lines/index.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { InvalidError } from '../../runtime/errors.ts';
import { objectKey } from '../../runtime/object.ts';
import type { IssuingObservation } from '../../status/certificate-authority.ts';
import { renewalAt, type StoredHere, storedOf } from './stored-authority.ts';

export interface MeshAuthoritiesOptions {
	readonly api: ApiServer;
	readonly applier: Omit<WriterOptions, 'hooks'>;
	/** The root of this mesh came, changed or went. */
	readonly wake: (mesh: string, reason: string) => void;
	readonly onError: (error: unknown) => void;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
}

/** What issuing works with in one pass. */
export interface IssuingPass {
	readonly owner: Owner;
	/** Name of this cluster in the mesh. */
	readonly cluster: string;
	readonly paused: boolean;
	/** What is recorded of the clusters that have joined. */
	readonly records: readonly ClusterRecord[];
	readonly signal: AbortSignal;
}

interface Kept {
	stored: StoredHere | undefined;
	told: IssuingObservation | undefined;
	issue: { readonly basis: string; readonly by: NonNullable<AuthorityWish['issue']> } | undefined;
}

type Root = { readonly root: RootAuthority } | { readonly problem: string };

export class MeshAuthorities {
	readonly #options: MeshAuthoritiesOptions;
	readonly #secrets: KubeconfigSecrets;
	readonly #kept = new Map<string, Kept>();

	constructor(options: MeshAuthoritiesOptions) {
		this.#options = options;
		const { api, wake, onError } = options;
		this.#secrets = new KubeconfigSecrets(api, {
			onChange: ({ namespace, name }, interested) => {
				for (const mesh of interested) wake(mesh, `Secret ${namespace}/${name}`);
			},
			onError,
		});
	}

	/** Keeps the authority here, and returns what others are to have. Undefined when nothing is known of any root. */
	async keep(mesh: ResolvedMesh, wanted: IssuedAuthorities, pass: IssuingPass): Promise<AuthorityWish | undefined> {
		const kept = this.#kept.get(mesh.name) ?? { stored: undefined, told: undefined, issue: undefined };
		this.#kept.set(mesh.name, kept);
		const nowMs = this.#options.wallClock();
		const root = await this.#rootOf(mesh, wanted, pass.signal, nowMs);
		try {
			kept.stored = await this.#read(mesh, wanted, pass, kept.stored);
		} catch (error) {
			if (!(error instanceof InvalidError)) throw error;
			kept.told = { rootSecret: nameOf(wanted), problem: error.message, isUrgent: true };
			return undefined;
		}
		const found = 'root' in root ? root.root : undefined;
		const plan = planRotation({
			root: found?.id,
			here: kept.stored && { ...kept.stored, roots: [...kept.stored.roots.keys()] },
			elsewhere: pass.records.flatMap(({ cluster, role, state, authority }) =>
				role === 'Primary' && state !== 'Leaving' && authority !== undefined ? [{ cluster, ...authority }] : [],
			),
			workloadTtlMs: parseDuration(wanted.workloadCertTTL),
			nowMs,
		});
		const problem = 'problem' in root ? root.problem : undefined;
		if (plan === undefined) {
			kept.told = { rootSecret: nameOf(wanted), problem, isUrgent: true };
			return undefined;
		}
		const pems = new Map(kept.stored?.roots);
		if (found !== undefined) pems.set(found.id, found.certificate);
		const wish: AuthorityWish = {
			secretName: wanted.secretName,
			root: plan.root,
			roots: plan.roots,
			rootsPem: plan.roots.map((id) => pems.get(id) ?? '').join(''),
			issue: plan.root === found?.id ? this.#issuer(mesh, wanted, found, plan, pems, kept) : undefined,
			...(problem === undefined && plan.root !== found?.id
				? { problem: `an authority is issued when every cluster trusts the new root in Secret ${nameOf(wanted)}` }
				: problem === undefined
					? {}
					: { problem }),
		};
		const isMade = pass.paused || (await this.#make(mesh, wanted, pass, wish, kept));
		const isDue = kept.stored === undefined || nowMs >= renewalAt(kept.stored);
		kept.told = {
			rootSecret: nameOf(wanted),
			...(wish.issue === undefined && wish.problem !== undefined && (problem !== undefined || !isMade)
				? { problem: wish.problem, isUrgent: !isMade || isDue }
				: {}),
			...(kept.stored === undefined ? {} : { renewalAt: timeText(renewalAt(kept.stored)) }),
			...rotationTold(plan),
		};
		return wish;
	}

	/** What is told of the mesh. Undefined when nothing is issued in it. */
	toldOf(mesh: string): IssuingObservation | undefined {
		return this.#kept.get(mesh)?.told;
	}

	forget(mesh: string): void {
		this.#kept.delete(mesh);
		this.#secrets.setInterest(mesh, undefined);
	}

	relist(): void {
		this.#secrets.relist();
	}

	stop(): void {
		this.#secrets.stop();
	}

	async #rootOf(
		mesh: ResolvedMesh,
		{ rootSecret, lifetimeMs }: IssuedAuthorities,
		signal: AbortSignal,
		nowMs: number,
	): Promise<Root> {
		const interest = { name: rootSecret, reader: { mesh: mesh.name, namespace: mesh.namespace } };
		this.#secrets.setInterest(mesh.name, interest);
		const secret = await this.#secrets.read(interest, signal);
		const absent = [rootFiles.certificate, rootFiles.key].find((key) => secret?.has(key) !== true);
		if (secret === undefined || absent !== undefined) {
			return { problem: notReadable(interest.reader, { ...rootSecret, key: absent ?? rootFiles.certificate }) };
		}
		const text = (key: string) => secret.get(key)?.toString('utf8');
		const files = { certificate: text(rootFiles.certificate), key: text(rootFiles.key) };
		const read = readRootAuthority(files, { now: new Date(nowMs), lifetimeMs });
		return 'root' in read
			? read
			: {
					problem: `${read.problem.file} of Secret ${rootSecret.namespace}/${rootSecret.name} ${read.problem.reason}; correct it`,
				};
	}

	/** Reads the authority here, unless it is what was read or written last. */
	async #read(
		mesh: ResolvedMesh,
		{ secretName }: IssuedAuthorities,
		{ owner, signal }: IssuingPass,
		before: StoredHere | undefined,
	): Promise<StoredHere | undefined> {
		const { api, applier, wallClock } = this.#options;
		if (namespaceIn(applier.live, mesh.namespace) === undefined) return undefined;
		const reference = authorityReference(mesh.namespace, secretName);
		const live = applier.live.get(objectKey(reference));
		const fingerprint = live?.partOf === authoritySetId(mesh.name) ? live.fingerprint : undefined;
		if (before !== undefined && fingerprint !== undefined && fingerprint === before.fingerprint) return before;
		const found = await readAuthority(api, reference, { name: mesh.name, owner }, { signal });
		return found === undefined
			? undefined
			: storedOf(found.files, { ...found, fingerprint, changedAt: found.changedAt ?? wallClock() });
	}

	/** Writes the authority here where it is not as it should be. False when it should be written and can't. */
	async #make(
		mesh: ResolvedMesh,
		{ secretName }: IssuedAuthorities,
		{ owner, cluster, signal }: IssuingPass,
		wish: AuthorityWish,
		kept: Kept,
	): Promise<boolean> {
		const { api, applier, wallClock } = this.#options;
		// The pass makes it, and comes back.
		if (namespaceIn(applier.live, mesh.namespace) === undefined) return true;
		const { stored } = kept;
		const now = wallClock();
		const hasRoots = [...(stored?.roots.keys() ?? [])].join() === wish.roots.join();
		const isGood = stored?.isIntact === true && stored.fingerprint !== undefined && now < renewalAt(stored);
		if (isGood && hasRoots && stored.root === wish.root) return true;
		const write = async (files: AuthorityFiles) => {
			const secret = authoritySecret({ name: mesh.name, namespace: mesh.namespace, owner }, secretName, files, now);
			const writer = new Writer(applier, signal);
			const live = applier.live.get(objectKey(secret));
			if (stored?.fingerprint !== undefined) writer.assertMayRepair(authoritySetId(mesh.name), secret, live);
			const { fingerprint } = await writer.apply(secret, true);
			kept.stored = storedOf(files, { fingerprint, isIntact: true, changedAt: now });
		};
		if (wish.issue !== undefined) {
			await write((await wish.issue(cluster)).files);
			return true;
		}
		if (stored?.isIntact !== true) return false;
		if (hasRoots && stored.fingerprint !== undefined) return now < stored.until;
		const reference = authorityReference(mesh.namespace, secretName);
		const found = await readAuthority(api, reference, { name: mesh.name, owner }, { signal });
		if (found !== undefined) await write({ ...found.files, 'root-cert.pem': wish.rootsPem });
		return found !== undefined;
	}

	/** Stays the same function while it makes the same. */
	#issuer(
		mesh: ResolvedMesh,
		{ lifetimeMs }: IssuedAuthorities,
		root: RootAuthority,
		{ roots }: RotationPlan,
		pems: ReadonlyMap<string, string>,
		kept: Kept,
	): NonNullable<AuthorityWish['issue']> {
		const trustDomain = mesh.trustDomain ?? defaultTrustDomain;
		const basis = [root.id, lifetimeMs, trustDomain, ...roots].join(' ');
		if (kept.issue?.basis === basis) return kept.issue.by;
		const rootsPem = roots.map((id) => pems.get(id) ?? '').join('');
		const by = async (cluster: string): Promise<NewAuthority> => {
			const now = new Date(this.#options.wallClock());
			const { certificate, key, notAfter } = await issueIntermediate(root, { cluster, trustDomain, lifetimeMs, now });
			return {
				files: {
					'ca-cert.pem': certificate,
					'ca-key.pem': key,
					'cert-chain.pem': certificate,
					'root-cert.pem': rootsPem,
				},
				until: notAfter.getTime(),
			};
		};
		kept.issue = { basis, by };
		return by;
	}
}

function nameOf({ rootSecret: { namespace, name } }: IssuedAuthorities): string {
	return `${namespace}/${name}`;
}

/** At most this many clusters are named. */
const mostNamed = 8;

function rotationTold({ stage, roots, waitsFor, nextAt }: RotationPlan): Pick<IssuingObservation, 'rotation'> {
	if (stage === 'Steady') return {};
	return {
		rotation: {
			stage,
			roots: roots.length,
			...(nextAt === undefined ? {} : { nextAt: timeText(nextAt) }),
			...(waitsFor.length === 0 ? {} : { waitsFor: waitsFor.slice(0, mostNamed) }),
		},
	};
}
