/** A cluster that runs already and that `MESHWRIGHT_TEST_KUBECONFIG` offers to the tests: used, but not started or stopped. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { requestToken } from './accounts.ts';
import { type ApiClient, ApiServerError, apiClient } from './api-client.ts';
import { accessTo } from './cluster-access.ts';
import type { Cluster, ClusterOptions, ServiceAccountName } from './cluster-types.ts';
import { removeWhenOrphaned } from './guard.ts';
import { readKubeconfig } from './kubeconfig.ts';

/** Options that only a cluster of one's own can meet. */
const ownOptions = ['own', 'nodes', 'serviceCIDR', 'podCIDR', 'apiServerFlags', 'auditLog', 'fsync'] as const;

const serviceRanges = z.object({ spec: z.object({ cidrs: z.array(z.string()).min(1) }) });

function needsItsOwn(what: string): Error {
	return new Error(`${what} needs a control plane of its own: unset MESHWRIGHT_TEST_KUBECONFIG`);
}

let inUse = false;

const accounts = '/api/v1/namespaces/kube-system/serviceaccounts';
const bindings = '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings';

/** A ServiceAccount in kube-system that may do everything. */
async function createAdministrator(owner: ApiClient, account: ServiceAccountName): Promise<void> {
	const metadata = { name: account.name };
	await owner.request({ method: 'POST', path: accounts, body: { metadata } });
	await owner.request({
		method: 'POST',
		path: bindings,
		body: {
			metadata,
			roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
			subjects: [{ kind: 'ServiceAccount', ...account }],
		},
	});
}

async function deleteAdministrator(owner: ApiClient, { name }: ServiceAccountName): Promise<void> {
	for (const path of [`${bindings}/${name}`, `${accounts}/${name}`]) {
		await owner.request({ method: 'DELETE', path }).catch((error: unknown) => {
			if (!(error instanceof ApiServerError && error.status === 404)) {
				throw error;
			}
		});
	}
}

/**
 * Takes the cluster of a kubeconfig for this process. An administrator's ServiceAccount is made in it for the time of its
 * use, in namespace kube-system. Throws where the options ask for what only an own cluster can give, or for a second one.
 */
export async function useExistingCluster(file: string, options: ClusterOptions): Promise<Cluster> {
	for (const option of ownOptions) {
		if (options[option] !== undefined) {
			throw needsItsOwn(`startCluster({ ${option} })`);
		}
	}
	if (inUse) {
		throw needsItsOwn('a second cluster');
	}
	const credentials = await readKubeconfig(file);
	const { url, ca } = credentials;
	const { name = 'meshwright' } = options;
	inUse = true;
	const owner = apiClient(credentials);
	const account = { namespace: 'kube-system', name: `meshwright-e2e-${randomBytes(4).toString('hex')}` };
	const directory = await mkdtemp(path.join(tmpdir(), `meshwright-${name}-`));
	const removed = await removeWhenOrphaned(directory);
	let stopped: Promise<void> | undefined;
	const stop = () => {
		stopped ??= (async () => {
			try {
				await deleteAdministrator(owner, account);
			} finally {
				await owner.close();
				await rm(directory, { recursive: true, force: true });
				removed();
				inUse = false;
			}
		})();
		return stopped;
	};
	try {
		await createAdministrator(owner, account);
		const adminToken = await requestToken(owner, account);
		const ranges = await owner.request({ path: '/apis/networking.k8s.io/v1/servicecidrs/kubernetes' });
		const [serviceCIDR = ''] = serviceRanges.parse(ranges).spec.cidrs;
		const place = { name, url, ca, adminToken, directory, serviceCIDR, podCIDR: undefined, egressSocket: undefined };
		const access = await accessTo(place, () => owner);
		const outage = () => {
			throw needsItsOwn('an outage of the API server');
		};
		return {
			...access,
			stopApiServer: async () => outage(),
			startApiServer: async () => outage(),
			restartApiServer: async () => outage(),
			pauseApiServer: outage,
			resumeApiServer: outage,
			auditEvents: async () => {
				throw needsItsOwn('an audit log');
			},
			stop,
			[Symbol.asyncDispose]: stop,
		};
	} catch (error) {
		await stop().catch((late: unknown) => {
			throw new AggregateError([error, late], `the cluster of ${file} cannot be used, nor left as it was`);
		});
		throw error;
	}
}
