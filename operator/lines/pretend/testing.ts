/**
 * A line of releases that nobody publishes: two Deployments, one gate, one revision. It shows what a new line has to
 * define, and that the rest of the operator needs no change for it.
 */
import type { ReadRule, Release, ResolvedMesh, ResolvedWorkload } from '../../releases/index.ts';
import { resolveMultiCluster } from '../../releases/multi-cluster.ts';
import { resolveWorkload } from '../../releases/resolve-workload.ts';
import { revisionedName } from '../../render/index.ts';
import { renderNamespace } from '../../render/namespace.ts';
import { renderAccount } from '../../render/rbac.ts';
import { componentService } from '../../render/service.ts';
import { renderWorkload } from '../../render/workload.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { Line } from '../line.ts';

interface PretendMesh extends ResolvedMesh {
	readonly line: 'pretend';
	readonly image: string;
	readonly workload: ResolvedWorkload;
}

export const pretendVersion = '9.9.1';
/** The release that follows. */
export const laterVersion = '9.10.0';
export const pretendRevision = 'canary';

const releases: readonly Release[] = [pretendVersion, laterVersion].map((version) => ({
	line: 'pretend',
	version,
	kubernetes: { minimum: '1.31', tested: '1.36', upstream: 'Nobody publishes it.' },
	architectures: ['amd64'],
}));

const port = { port: 15012, container: 'grpc', service: 'grpc' };
const reads: readonly ReadRule[] = [{ group: '', resource: 'services', verbs: ['list', 'watch'] }];

function deploymentKey(mesh: PretendMesh, name: string): string {
	return objectKey({ ...kinds.Deployment, namespace: mesh.namespace, name: revisionedName(mesh, name) });
}

/** Renders a component: `brain`, or `mouth`, which has nothing to say until `brain` is ready. */
function component(mesh: PretendMesh, title: 'brain' | 'mouth'): readonly KubeObject[] {
	const name = revisionedName(mesh, title);
	const selector = { app: title, 'istio.io/rev': mesh.revision ?? 'default' };
	return [
		...renderAccount(mesh, { component: title, name, serviceAccount: name, cluster: reads, namespace: [] }),
		...renderWorkload(mesh, {
			component: title,
			name,
			serviceAccount: name,
			labels: selector,
			selector,
			annotations: {},
			container: { name: title, image: mesh.image, args: [], env: [], ports: [port], volumeMounts: [] },
			volumes: [],
			settings: mesh.workload,
		}),
		componentService(mesh, { component: title, name, selector, ports: [port] }),
	];
}

export const pretendLine: Line<PretendMesh, object, undefined> = {
	name: 'pretend',
	releases,
	ended: [{ minor: '9.8', remedy: `Install ${pretendVersion}.` }],
	exclusives: [],

	resolve(release, installation, { registry = 'example.com' }) {
		const { metadata, spec } = installation;
		if (spec.mixer !== undefined) {
			const message = 'spec.mixer is of the classic line';
			return {
				ok: false,
				problems: [{ path: 'spec.mixer', reason: 'FieldNotInRelease', message, remedy: 'Remove it.' }],
			};
		}
		return {
			ok: true,
			mesh: {
				line: 'pretend',
				name: metadata.name,
				namespace: spec.namespace,
				revision: pretendRevision,
				release,
				images: { pullPolicy: 'IfNotPresent', pullSecrets: [] },
				image: `${spec.images?.registry ?? registry}/pretend:${release.version}`,
				workload: resolveWorkload(spec.pilot ?? {}, { kind: 'fixed', count: 1 }, {}),
				overlays: spec.overlays ?? [],
				multiCluster: resolveMultiCluster(installation),
			},
		};
	},

	sees: (mesh) => ({
		children: [{ ...kinds.Deployment, namespace: mesh.namespace, name: revisionedName(mesh, 'brain') }],
		secrets: [],
	}),
	configurationHash: () => 'none',
	certificate: () => undefined,
	remember: () => undefined,
	facts: (_, { joined }) => joined,
	gates({ mesh, sight }) {
		const isReady = (sight.child(deploymentKey(mesh, 'brain'))?.workload?.available ?? 0) > 0;
		return isReady
			? []
			: [
					{
						name: 'brain-before-mouth',
						effect: 'held',
						objects: [deploymentKey(mesh, 'mouth')],
						sentence: 'waiting for the brain to be ready, before the mouth opens',
					},
				];
	},
	authority: () => 'none',

	crds: () => [],
	components: (mesh) => [renderNamespace(mesh), ...component(mesh, 'brain'), ...component(mesh, 'mouth')],
	copies: () => [],
	standIns: {},
	servedCluster: () => undefined,

	objectKinds: () => [],
	checkObject: () => ({ kind: 'other' }),
	upgradeRules: { kinds: () => [], object: () => [], mesh: () => [], release: () => [] },

	injection: () => undefined,
	injectedImages: () => [],
	byHand: { how: 'definition', injectPod: () => ({ kind: 'skipped', reason: 'nothing is injected' }) },
	multiCluster: {
		readsSecretsAgain: () => true,
		readers: { always: [], perhaps: [] },
		gateway: { service: 'gateway', port: 15443 },
		knowsNetworks: () => false,
		hasNetworks: () => false,
		noWayIn: () => undefined,
		takesAddress: () => true,
		readerRules: () => reads,
		dataPlane: {
			services: { brain: 'brain' },
			meshIn: (mesh) => mesh,
			check: () => [],
			render: () => [],
			charge: () => undefined,
			gates: () => [],
			notes: () => [],
			caSecretName: () => undefined,
		},
	},
	ownWords: () => [],
	// The brain decides, so it comes first.
	stageOf: ({ kind, metadata: { labels } }) => {
		if (kind === kinds.Namespace.kind) return 'Configuration';
		return labels?.['app.kubernetes.io/component'] === 'mouth' ? 'Gateways' : 'Pilot';
	},
};
