/**
 * Istio's own binaries start from what is rendered and work with nothing but the rights that are rendered. Runs where
 * `MESHWRIGHT_ISTIO` names a folder with `<version>/pilot-discovery`, `<version>/mixs` and `<version>/istio_ca`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import { renderedObjects } from '../support/installation.ts';
import { type MeshCluster, startMeshCluster, userOf } from '../support/mesh-cluster.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';
import { complaintsIn, excerpt, startComponent } from './component-process.ts';
import { applyAll, type Process, processes } from './processes.ts';
import { testWithBinaries } from './test-with-binaries.ts';
import { work } from './work.ts';

/** Each is watched this long after it has done its work, because it repeats a refused request within a second. */
const watchedMs = 3_000;

const namespace = 'istio-real';
const specs = {
	default: { profile: 'default' },
	production: { profile: 'production' },
	'mutual TLS of the control plane': {
		profile: 'default',
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
	},
};

for (const release of classicReleases) {
	const { version } = release;
	for (const [what, spec] of Object.entries(specs)) {
		const title = `${version}, ${what}: Istio's own binaries get ready, do their work, and nothing is refused to them`;
		testWithBinaries(version, title, async (t) => {
			await using mesh = await startMeshCluster({ crd: false });
			const objects = renderedObjects('real', { version, namespace, ...spec });
			await applyAll(mesh.api, objects);
			for (const [index, each] of processes(objects, release).entries()) {
				const { log, hasExited, refused } = await observed(mesh, each, `shop-${index}`);
				const about = `${each.deployment.metadata.name}: ${excerpt(log)}`;
				t.false(hasExited, about);
				t.deepEqual(complaintsIn(log), [], about);
				t.deepEqual(refused, [], about);
			}
		});
	}
}

interface Observed {
	readonly log: readonly string[];
	readonly hasExited: boolean;
	/** Requests of its account that the API server did not allow. */
	readonly refused: readonly string[];
}

/** Runs it while users do something in a namespace of theirs. Throws where it does not get ready or does not follow. */
async function observed(
	mesh: MeshCluster,
	{ deployment, name, binary, flags }: Process,
	users: string,
): Promise<Observed> {
	await using component = await startComponent(binary, flags, mesh, deployment);
	await mesh.api.create({ ...kinds.Namespace, metadata: { name: users } });
	await work[name]({ api: mesh.api, namespace, users }).catch((cause: unknown) => {
		throw new Error(`${deployment.metadata.name}: ${excerpt(component.lines)}`, { cause });
	});
	await sleep(watchedMs);
	const user = userOf({ namespace, name: deployment.spec.template.spec.serviceAccountName });
	const requests = await requestsOf(mesh.cluster, user);
	if (requests.length === 0) throw new Error(`the API server has not heard of ${user}`);
	return {
		log: component.lines,
		hasExited: component.hasExited(),
		refused: forbiddenIn(requests),
	};
}
