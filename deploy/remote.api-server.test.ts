/**
 * The manifests for clusters that join, on a real API server: with them no right is missing, and without them every right
 * is.
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { parseAllDocuments } from 'yaml';
import { type Cluster, startCluster } from '../e2e/control-plane/cluster.ts';
import { untilGranted, untilRevoked } from '../e2e/support/rights.ts';
import { reviewPermissions } from '../operator/clusters/checks/permission-review.ts';
import { describePermissions, type PermissionsFor, permissionsFor } from '../operator/clusters/checks/permissions.ts';
import { watchedThere } from '../operator/clusters/keep/connection.ts';
import { readerServiceAccount } from '../operator/render/index.ts';
import { ApiServer } from '../operator/runtime/client/api-server.ts';
import { loadKubeconfig } from '../operator/runtime/credentials/credentials.ts';
import { RequestError } from '../operator/runtime/errors.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { joinAccount, type RemotePart, remoteFiles, remoteObjects, writtenFor } from './remote.ts';
import { renderJoined } from './samples.ts';

const fieldManager = 'meshwright-test';
const joined = { classic: renderJoined('classic'), istiod: renderJoined('istiod') };
/** The owner of the cluster makes it before the rights in it. */
const meshNamespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: writtenFor } };

let cluster: Cluster;
let admin: ApiServer;
let account: ApiServer;

test.before(async () => {
	cluster = await startCluster({ name: 'remote' });
	admin = new ApiServer({ url: cluster.url, ca: cluster.ca, token: cluster.adminToken });
	await admin.apply(meshNamespace, { fieldManager });
	for (const file of ['namespace.yaml', 'service-account.yaml']) {
		for (const object of await documents(`remote/base/${file}`)) {
			await admin.apply(object, { fieldManager, fieldValidation: 'Strict' });
		}
	}
	account = new ApiServer(await loadKubeconfig({ path: await cluster.kubeconfigFor(joinAccount) }));
});

test.after.always(async () => {
	await Promise.all([admin?.close(), account?.close()]);
	await cluster?.stop();
});

async function documents(file: string): Promise<readonly KubeObject[]> {
	const text = await readFile(new URL(file, import.meta.url), 'utf8');
	return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** The permissions that the operator checks before it joins. */
function wanted(part: RemotePart): PermissionsFor {
	const dataPlane = part === 'data-plane' || part === 'istiod';
	const kept = joined[part === 'istiod' ? 'istiod' : 'classic'];
	return {
		namespace: writtenFor,
		role: part === 'primary' ? 'Primary' : 'Remote',
		rendered: dataPlane ? kept.dataPlane : kept.reader,
		watched: watchedThere(writtenFor, { dataPlane, secrets: part === 'primary' }),
		account: readerServiceAccount('sample'),
		labelledNamespaces: dataPlane ? ['shop'] : [],
		hasPodCIDRs: false,
		hasServiceCIDRs: false,
	};
}

function rolesOf(parts: readonly RemotePart[]): readonly KubeObject[] {
	return parts.flatMap((part) => remoteObjects(part) as readonly object[] as readonly KubeObject[]);
}

/** The rights that a part still needs with the roles of these parts and no others. */
async function missingWith(parts: readonly RemotePart[], part: RemotePart) {
	const roles = rolesOf(parts);
	for (const role of roles) {
		await admin.apply(role, { fieldManager, fieldValidation: 'Strict' });
	}
	try {
		await untilGranted(account, roles);
		return await reviewPermissions(account, permissionsFor(wanted(part)));
	} finally {
		for (const { apiVersion, kind, metadata } of roles) {
			await admin.delete({ apiVersion, kind, ...metadata });
		}
		await untilRevoked(account, roles);
	}
}

test('the files are what the generator writes', async (t) => {
	for (const [path, text] of Object.entries(remoteFiles())) {
		t.is(await readFile(new URL(path, import.meta.url), 'utf8'), text);
	}
});

test('there is no wildcard, and no verb that makes an administrator', (t) => {
	for (const text of Object.values(remoteFiles())) {
		t.notRegex(text, /["']?\*|escalate|impersonate|deletecollection|- bind\b|cluster-admin/);
	}
});

test('Secrets are read and written in the namespace of the mesh alone, but for what Citadel is handed on', (t) => {
	for (const part of ['base', 'data-plane', 'primary', 'istiod'] as const) {
		const inCluster = remoteObjects(part).filter(
			({ kind, metadata, rules = [] }) =>
				kind === 'ClusterRole' &&
				!metadata.name.endsWith('-grants') &&
				rules.some(({ resources }) => resources.includes('secrets')),
		);
		t.deepEqual(inCluster, []);
	}
	const grants = remoteObjects('data-plane').find(({ metadata }) => metadata.name.endsWith('-grants'));
	t.false(
		grants?.rules?.some(({ resources, verbs }) => resources.includes('secrets') && verbs.includes('get')) ?? true,
		'Citadel itself reads none by name',
	);
});

test.serial('without a role everything is missing, each by its name', async (t) => {
	const permissions = permissionsFor(wanted('data-plane'));
	const { needed, optional } = await missingWith([], 'data-plane');
	t.deepEqual(
		[...needed, ...optional].toSorted(),
		[
			...describePermissions(permissions.filter(({ isOptional }) => isOptional !== true)),
			...describePermissions(permissions.filter(({ isOptional }) => isOptional === true)),
		].toSorted(),
	);
	t.true(needed.includes('create serviceaccounts/token istio-reader-sample in namespace istio-system'));
	t.true(needed.includes('get namespaces kube-system'));
	t.true(optional.includes('list servicecidrs.networking.k8s.io'));
});

for (const [part, parts] of [
	['base', ['base']],
	['data-plane', ['base', 'data-plane']],
	['primary', ['base', 'primary']],
	['istiod', ['base', 'istiod']],
] as const) {
	test.serial(`with the roles of ${part} nothing is missing for it`, async (t) => {
		t.deepEqual(await missingWith(parts, part), { needed: [], optional: [] });
	});
}

test.serial('what is only read is not enough for a data plane', async (t) => {
	const { needed } = await missingWith(['base'], 'data-plane');
	t.true(needed.some((sentence) => sentence.includes('deployments.apps in namespace istio-system')));
	t.false(needed.some((sentence) => sentence.includes('serviceaccounts/token')));
});

test.serial('the account may apply and delete everything that is kept in a joined cluster', async (t) => {
	const roles = rolesOf(['base', 'data-plane', 'istiod']);
	for (const role of roles) {
		await admin.apply(role, { fieldManager });
	}
	await untilGranted(account, roles);
	const first = ['Namespace', 'Role', 'ClusterRole'];
	const kept = [...joined.classic.dataPlane, ...joined.istiod.dataPlane];
	const all = new Map(kept.map((object) => [objectKey(object), object]));
	const objects = [
		...first.flatMap((kind) => [...all.values()].filter((object) => object.kind === kind)),
		...[...all.values()].filter(({ kind }) => !first.includes(kind)),
	];
	for (const object of objects) {
		await account.apply(object, { fieldManager, force: true });
	}
	for (const { apiVersion, kind, metadata } of objects.filter(({ kind }) => kind !== 'Namespace')) {
		await account.delete({ ...metadata, apiVersion, kind });
	}
	const error = await t.throwsAsync(account.delete({ ...kinds.Namespace, name: writtenFor }), {
		instanceOf: RequestError,
	});
	t.is((error as RequestError).status, 403);
	const other = await t.throwsAsync(account.list(kinds.ConfigMap, { namespace: 'kube-system' }), {
		instanceOf: RequestError,
	});
	t.is((other as RequestError).status, 403);
});

test('kustomize builds each part from its files', async (t) => {
	for (const [folder, parts] of [
		['remote', ['base', 'data-plane']],
		['remote/base', ['base']],
		['remote/primary', ['base', 'primary']],
		['remote/istiod', ['base', 'istiod']],
	] as const) {
		let output: string;
		try {
			const path = new URL(folder, import.meta.url).pathname;
			output = (await promisify(execFile)('kubectl', ['kustomize', path], { maxBuffer: 2 ** 24 })).stdout;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
			t.pass('kubectl is not installed here');
			return;
		}
		const files = ['remote/base/namespace.yaml', 'remote/base/service-account.yaml'];
		const expected = await Promise.all(
			[...files, ...parts.map((part) => `remote/${part}/rbac.generated.yaml`)].map(documents),
		);
		const keys = (objects: readonly KubeObject[]) => objects.map(objectKey).sort();
		t.deepEqual(
			keys(parseAllDocuments(output).map((document) => document.toJS() as KubeObject)),
			keys(expected.flat()),
		);
	}
});
