/**
 * Keeps the authority of a cluster that has a control plane of its own. What it has been given is recorded here, in the first
 * cluster, and nothing that is said there is believed: what is not as it was written is made anew.
 */
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import {
	type AuthorityFiles,
	type AuthorityWish,
	authorityReference,
	authoritySecret,
	authoritySetId,
	filesHash,
	type IssuedAuthority,
	readAuthority,
	renewalOfAuthority,
} from '../authority.ts';
import type { KeeperContext } from './context.ts';
import { ClusterFailure, inCluster } from './failure.ts';
import { failureContextOf } from './source.ts';
import type { VisitThere } from './visit.ts';

/** Makes the Secret there as it should be. Returns what the record has to say of it. */
export async function keepAuthority(context: KeeperContext, visit: VisitThere): Promise<IssuedAuthority | undefined> {
	const { cell, mesh, entry, there, signal } = visit;
	// What is not recorded yet is known all the same.
	const before = cell.authority ?? context.recordOf(mesh, entry.name)?.authority;
	if (mesh.authority === undefined || entry.role !== 'Primary') return before;
	const wish = mesh.authority;
	const failures = failureContextOf(there.access);
	return inCluster(failures, signal, () => keep(context, visit, wish, before));
}

async function keep(
	context: KeeperContext,
	visit: VisitThere,
	wish: AuthorityWish,
	before: IssuedAuthority | undefined,
): Promise<IssuedAuthority> {
	const { entry } = visit;
	const now = context.wallClock();
	const stored = await storedThere(visit, wish, before);
	const isDue = before === undefined || stored === undefined || now >= renewalOfAuthority(before);
	const isOther = before?.root !== wish.root || before.roots.join() !== wish.roots.join();
	if (before !== undefined && !isDue && !isOther) return before;
	if (wish.issue !== undefined) {
		const { files, until } = await wish.issue(entry.name);
		return write(context, visit, wish, { files, root: wish.root, until });
	}
	const files = stored === undefined ? undefined : await stored();
	if (before !== undefined && files !== undefined && before.root === wish.root && isOther) {
		// The same authority, with one more root in trust.
		const { root, until } = before;
		return write(context, visit, wish, { files: { ...files, 'root-cert.pem': wish.rootsPem }, root, until });
	}
	throw new ClusterFailure(
		{ reason: 'AuthorityNotIssued', message: wish.problem ?? 'no authority can be made' },
		false,
	);
}

/** How to read what is there. Undefined when it is not what was written. */
async function storedThere(
	{ cell, mesh, there, signal }: VisitThere,
	{ secretName }: AuthorityWish,
	before: IssuedAuthority | undefined,
): Promise<(() => Promise<AuthorityFiles | undefined>) | undefined> {
	const reference = authorityReference(mesh.namespace, secretName);
	const of = { name: mesh.name };
	const read = async (): Promise<AuthorityFiles | undefined> => {
		const files = (await readAuthority(there.api, reference, of, { signal }))?.files;
		return files !== undefined && filesHash(files) === before?.content ? files : undefined;
	};
	const live = there.live.get(objectKey({ ...kinds.Secret, ...reference }));
	const isOurs = live?.partOf === authoritySetId(mesh.name);
	if (isOurs && live.fingerprint === cell.authorityFingerprint) return read;
	const files = await read();
	if (files === undefined || !isOurs) return undefined;
	cell.authorityFingerprint = live.fingerprint;
	return async () => files;
}

async function write(
	context: KeeperContext,
	{ cell, mesh, there, signal }: VisitThere,
	{ secretName, roots }: AuthorityWish,
	{ files, root, until }: { readonly files: AuthorityFiles; readonly root: string; readonly until: number },
): Promise<IssuedAuthority> {
	const at = context.wallClock();
	const secret = authoritySecret({ name: mesh.name, namespace: mesh.namespace }, secretName, files, at);
	const writer = there.writer({ onOutcome: context.onApply }, signal);
	if (cell.authorityFingerprint !== undefined) {
		// Does not answer somebody there who keeps changing it: each answer is an authority more.
		writer.assertMayRepair(authoritySetId(mesh.name), secret, there.live.get(objectKey(secret)));
	}
	const { fingerprint } = await writer.apply(secret, true);
	cell.authorityFingerprint = fingerprint;
	cell.authority = { root, roots, content: filesHash(files), at, until };
	return cell.authority;
}
