/**
 * `meshwright remote-secret create`: prints the Secret by which a control plane reads a cluster, for those who keep sealed
 * Secrets in Git. It does once what the operator does again and again.
 */
import { isIP } from 'node:net';
import { apiVersion, kind } from '../../../api/v1/index.ts';
import { fieldManager, partOfLabel } from '../../apply/identity.ts';
import { clusterId } from '../../clusters/checks/gather.ts';
import { refusedAddress } from '../../clusters/kubeconfig/address-guard.ts';
import { type IssuedToken, issueToken, proveToken } from '../../clusters/secret/token.ts';
import { lines } from '../../lines/index.ts';
import { prepare } from '../../mesh/prepare.ts';
import type { ResolvedCluster, ResolvedMesh } from '../../releases/index.ts';
import { readerServiceAccount } from '../../render/index.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { isNotFound, orAbsent, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { describeObject, type KubeObject, referenceOf } from '../../runtime/object.ts';
import { CommandError } from '../command-error.ts';
import { readDesired } from '../desired.ts';
import { exitCodes } from '../exit-codes.ts';
import { formatValue } from '../output.ts';
import { note, printDocument } from '../terminal.ts';
import { type JoinAccess, type JoinAccessOptions, joinAccess } from './access.ts';
import { joinAccount } from './account.ts';
import { remoteSecret } from './remote-secret-content.ts';

export interface RemoteSecretOptions extends JoinAccessOptions {
	readonly name: string;
	readonly mesh: string;
	readonly namespace: string;
	/** Milliseconds. */
	readonly lifetime: number;
	readonly version?: string;
	readonly filename?: string;
	readonly readBy?: string;
	/** False by `--no-create-account`. */
	readonly createAccount: boolean;
	readonly output: 'yaml' | 'json';
}

/** The granted lifetime may differ this much from the one asked for, without anybody having shortened it. */
const roundingMs = 60_000;

interface Subject {
	readonly mesh: ResolvedMesh;
	readonly readBy: string | undefined;
	/** What the file says of the cluster. */
	readonly entry: ResolvedCluster | undefined;
}

export async function remoteSecretCreate(options: RemoteSecretOptions): Promise<number> {
	const { name, lifetime } = options;
	const { mesh, readBy, entry } = await subjectOf(options);
	if (readBy === undefined) {
		throw new CommandError(
			'it is not said which cluster reads: the account is named after it',
			'name it with --read-by, or give a file whose spec.multiCluster.clusterName is set with -f',
		);
	}
	const server = options.server ?? entry?.server;
	await using there = await joinAccess({ ...options, ...(server === undefined ? {} : { server }) });
	warnOfAddress(there.server);
	const account = { namespace: mesh.namespace, name: readerServiceAccount(readBy) };
	if (options.createAccount) {
		await createReader(there.api, name, lines.renderReader(mesh, { readBy, applySet: '' }));
	}
	const issued = await issue(there, account, lifetime, options.createAccount);
	await prove(there, issued.token, name);
	const { apiVersion, kind } = kinds.ServiceAccount;
	const { uid } = (await there.api.getMetadata({ apiVersion, kind, ...account })).metadata;
	const { issuedAt, lifetimeMs } = issued.issued;
	const end = new Date(issuedAt + lifetimeMs).toISOString();
	if (lifetimeMs < lifetime - roundingMs) {
		note(`The API server of ${name} grants ${hours(lifetimeMs)} instead of ${hours(lifetime)}.`);
	}
	note(
		`Nobody renews this token: it ends at ${end}. Make a new Secret before that, and replace the pods of a classic Pilot and Mixer.`,
	);
	note(
		'An operator that keeps this mesh takes the Secret of a cluster that spec.multiCluster.clusters does not list for one that leaves.',
	);
	const secret = remoteSecret({
		mesh: { name: mesh.name, namespace: mesh.namespace },
		cluster: name,
		role: entry?.role ?? 'Remote',
		dataPlane: entry?.dataPlane !== undefined,
		id: await clusterId(there.api),
		kubeconfig: entry?.kubeconfig ?? {
			namespace: joinAccount.namespace,
			name: `${name}-kubeconfig`,
			key: 'kubeconfig',
		},
		source: {
			account: { ...account, uid },
			access: { server: there.server, ca: there.ca, tlsServerName: there.tlsServerName },
		},
		token: issued.token,
		issued: issued.issued,
	});
	await printDocument(formatValue(secret, options.output));
	return exitCodes.ok;
}

function hours(ms: number): string {
	return `${Math.round(ms / 360_000) / 10}h`;
}

async function subjectOf({ filename, version, mesh, namespace, name, readBy }: RemoteSecretOptions): Promise<Subject> {
	if (filename !== undefined) {
		const [desired, ...others] = await readDesired([filename]);
		if (desired === undefined || others.length > 0) {
			throw new CommandError(`there are several MeshInstallations in ${filename}`, 'give a file with one');
		}
		const { clusterName, clusters } = desired.mesh.multiCluster;
		return {
			mesh: desired.mesh,
			readBy: readBy ?? clusterName,
			entry: clusters.find((one) => one.name === name),
		};
	}
	const object = {
		apiVersion,
		kind,
		metadata: { name: mesh },
		spec: { version: version ?? lines.releases.at(-1)?.version, namespace },
	};
	const prepared = prepare(object, { lines });
	if (!prepared.ok) {
		throw new CommandError(prepared.problems.map(({ message, remedy }) => `${message}. ${remedy}`));
	}
	return { mesh: prepared.mesh, readBy, entry: undefined };
}

/** Only warns of an address, because the user may know better. */
function warnOfAddress(server: string): void {
	const { hostname } = new URL(server);
	const why = refusedAddress(hostname, { allowLoopback: false, allowProxies: false });
	if (why !== undefined) {
		const what = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) === 0 ? 'name' : 'address';
		note(
			`The ${what} ${hostname} is ${why}: from inside of a cluster it leads somewhere else. Name another with --server.`,
		);
	}
}

/**
 * Makes the account that reads, as the operator's field manager and in no set. So an operator that joins the cluster later
 * takes it over. Existing objects stay as they are, because an operator may keep them.
 */
async function createReader(api: ApiServer, cluster: string, objects: readonly KubeObject[]): Promise<void> {
	const order = ['Namespace', 'ServiceAccount', 'ClusterRole', 'ClusterRoleBinding'];
	for (const object of objects.toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))) {
		const isThere = (await orAbsent(api.getMetadata(referenceOf(object)))) !== undefined;
		if (!isThere) await api.apply(inNoSet(object), { fieldManager, fieldValidation: 'Strict', metadataOnly: true });
		note(`${cluster}: ${describeObject(object)} ${isThere ? 'is there' : 'was made'}`);
	}
}

function inNoSet(object: KubeObject): KubeObject {
	const { [partOfLabel]: _, ...labels } = object.metadata.labels ?? {};
	return { ...object, metadata: { ...object.metadata, labels } };
}

async function issue(
	{ api }: JoinAccess,
	account: { readonly namespace: string; readonly name: string },
	lifetimeMs: number,
	isMade: boolean,
): Promise<IssuedToken> {
	try {
		return await issueToken(api, account, lifetimeMs, Date.now(), {});
	} catch (error) {
		if (isMade || !isNotFound(error)) throw error;
		throw new CommandError(
			`there is no ServiceAccount ${account.namespace}/${account.name}`,
			'let this command make it, without --no-create-account, or name who reads with --read-by',
			error,
		);
	}
}

/**
 * Tries the token at the address where it is to be used, or, when this machine does not reach that, at the user's address.
 * Rejects when it reads nothing.
 */
async function prove({ server, url, ca, tlsServerName }: JoinAccess, token: string, cluster: string): Promise<void> {
	const at = async (address: string) => {
		await using reader = new ApiServer(
			{ url: address, ca, servername: tlsServerName, token },
			{ timeoutMs: 20_000, connectTimeoutMs: 5_000 },
		);
		await proveToken(reader, {});
	};
	try {
		await at(server);
	} catch (error) {
		if (server === url || !(error instanceof TransientError)) throw error;
		await at(url);
		note(
			`${cluster} is not reached at ${new URL(server).host} from here (${error.message}); the token was tried at ${new URL(url).host}.`,
		);
	}
}
