/**
 * What replaces pods and what does not: a change that the release reads by itself replaces none, any other replaces exactly
 * those that it concerns.
 */
import { isDeepStrictEqual } from 'node:util';
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import type { KubeObject } from '../operator/runtime/object.ts';
import { authoritySecret, makeAuthority } from './support/certificate-authority.ts';
import { playCitadel } from './support/citadel.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	type Spec,
	untilInstalled,
	untilReady,
	untilSaid,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type Observing, observe, type ReadyPods, watchReadyPods } from './support/observing.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { isMatrixWhole, leftOut, onDiagonal } from './support/whole-matrix.ts';
import { untilCalm } from './support/writes.ts';

const replicas = {
	'istio-pilot': 3,
	'istio-policy': 2,
	'istio-telemetry': 2,
	'istio-sidecar-injector': 2,
	'istio-ingressgateway': 2,
	'istio-citadel': 1,
} as const;
type WorkloadName = keyof typeof replicas;
const workloads = Object.keys(replicas) as readonly WorkloadName[];

const caSecret = 'cacerts';

interface Base extends Spec {
	readonly pilot: object;
	readonly mixer: { readonly policy: object; readonly telemetry: object };
	readonly gateways: { readonly ingress: Spec & { readonly service: object } };
	readonly sidecarInjector: object;
}

function base(version: string, namespace: string): Base {
	return {
		version,
		namespace,
		pilot: { replicas: 3 },
		mixer: { policy: { enabled: true, replicas: 2 }, telemetry: { enabled: true, replicas: 2 } },
		gateways: { ingress: { enabled: true, replicas: 2, service: { type: 'ClusterIP' } } },
		sidecarInjector: { enabled: true, replicas: 2 },
		citadel: { enabled: true, caSecretName: caSecret },
	};
}

interface Change {
	readonly title: string;
	readonly of: (spec: Base) => Base;
	/** The workloads whose pods are replaced. */
	readonly rolls: (version: string) => readonly WorkloadName[];
}

const nobody = () => [];

/** Each change is made to the result of the one before. */
const changes: readonly Change[] = [
	{
		title: 'a setting of the mesh that Pilot hands to proxies',
		of: (spec) => ({ ...spec, mesh: { accessLog: { file: '/dev/stdout' } } }),
		rolls: (version) => (version.startsWith('1.0.') ? ['istio-pilot'] : []),
	},
	{
		title: 'what becomes of pods that do not say whether they want a proxy',
		of: (spec) => ({ ...spec, sidecarInjector: { ...spec.sidecarInjector, policy: 'disabled' } }),
		rolls: nobody,
	},
	{
		title: 'the resources of sidecars',
		of: (spec) => ({ ...spec, proxy: { resources: { requests: { cpu: '50m' } } } }),
		rolls: nobody,
	},
	{
		title: 'which traffic goes through sidecars',
		of: (spec) => ({ ...spec, proxy: { includeIPRanges: ['10.0.0.0/8'], excludeInboundPorts: [9000] } }),
		rolls: nobody,
	},
	{
		title: 'the backends of Mixer',
		of: (spec) => ({ ...spec, mixer: { ...spec.mixer, adapters: [{ stdio: {} }] } }),
		rolls: nobody,
	},
	{
		title: 'the Service of a gateway',
		of: (spec) => ({
			...spec,
			gateways: {
				ingress: {
					...spec.gateways.ingress,
					service: { ...spec.gateways.ingress.service, annotations: { 'example.com/balancer': 'internal' } },
				},
			},
		}),
		rolls: nobody,
	},
	{
		title: 'a disruption budget',
		of: (spec) => ({ ...spec, pilot: { ...spec.pilot, disruptionBudget: { maxUnavailable: 1 } } }),
		rolls: nobody,
	},
	{
		title: 'how many requests start a trace, which Pilot takes from its environment',
		of: (spec) => ({ ...spec, mesh: { ...(spec.mesh as object), tracing: { sampling: 50 } } }),
		rolls: () => ['istio-pilot'],
	},
	{
		title: 'a variable of one of the two Mixers',
		of: (spec) => ({
			...spec,
			mixer: { ...spec.mixer, policy: { ...spec.mixer.policy, env: [{ name: 'EXAMPLE', value: '1' }] } },
		}),
		rolls: () => ['istio-policy'],
	},
	{
		title: 'how long proxies wait for a connection, which is a flag of gateways and a setting of the mesh',
		of: (spec) => ({ ...spec, proxy: { ...(spec.proxy as object), connectTimeout: '7s' } }),
		rolls: (version) =>
			version.startsWith('1.0.') ? ['istio-ingressgateway', 'istio-pilot'] : ['istio-ingressgateway'],
	},
];

interface DeploymentObject extends KubeObject {
	readonly spec: {
		readonly replicas: number;
		readonly strategy: object;
		readonly template: {
			readonly spec: {
				readonly affinity?: {
					readonly podAntiAffinity?: {
						readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly {
							readonly podAffinityTerm: { readonly topologyKey: string };
						}[];
					};
				};
			};
		};
	};
	readonly status?: Readonly<Record<string, number>>;
}

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all', nodes: 3 });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

/** Stores a CA as its owner would. */
async function giveAuthority(namespace: string): Promise<void> {
	const authority = await makeAuthority({ organisation: 'authority.example.com' });
	await mesh.api.apply(authoritySecret(namespace, caSecret, authority), {
		fieldManager: 'owner-of-the-authority',
		force: true,
	});
}

/** The first reads by itself less than all later ones. `npm test` makes each change in it, and in one of the later ones. */
const versions = ['1.0.9', '1.1.17', '1.4.10'];

function isTried(change: number, version: number): boolean {
	return isMatrixWhole() || version === 0 || onDiagonal(change, version - 1, versions.length - 1);
}

for (const [column, version] of versions.entries()) {
	const name = `rolling-${version.replaceAll('.', '-')}`;
	const namespace = `istio-${name}`;
	let spec = base(version, namespace);
	let pods: ReadyPods;
	let deployments: Observing;
	const live = new Map<string, DeploymentObject>();
	let endCitadel: () => void = () => undefined;

	const read = (workload: WorkloadName): DeploymentObject => {
		const found = live.get(workload);
		if (found === undefined) throw new Error(`there is no Deployment ${workload}`);
		return found;
	};

	/** Waits until everything that was applied exists and is rolled out, the old pods are gone, and the operator is done. */
	const untilSettled = async () => {
		for (const workload of workloads) {
			await eventually(`${workload} has rolled out`, () => {
				const { metadata, status = {} } = read(workload);
				const count = replicas[workload];
				return (
					status.observedGeneration === metadata.generation &&
					status.updatedReplicas === count &&
					status.replicas === count &&
					status.availableReplicas === count &&
					(status.terminatingReplicas ?? 0) === 0 &&
					pods.count(workload) === count
				);
			});
		}
		await untilReady(mesh.api, name);
		await untilCalm(mesh.cluster, operatorUser);
		await Promise.all([pods.caughtUp(), deployments.caughtUp()]);
	};

	test.serial(`${version}: installed, waiting for the certificate authority that it is promised`, async (t) => {
		await mesh.api.create({ ...kinds.Namespace, metadata: { name: namespace } });
		endCitadel = playCitadel(mesh.api, namespace);
		pods = await watchReadyPods(mesh.api, namespace);
		deployments = await observe<DeploymentObject>(mesh.api, kinds.Deployment, namespace, ({ type, object }) => {
			if (type === 'present') live.set(object.metadata.name, object);
			else live.delete(object.metadata.name);
		});
		await applyInstallation(mesh.api, name, spec);
		t.truthy(await untilSaid(mesh.api, name, 'Installed', `Secret ${namespace}/${caSecret}`));
		await giveAuthority(namespace);
		await untilInstalled(mesh.api, name);
		await untilSettled();
		t.deepEqual([...live.keys()].sort(), [...workloads].sort());
	});

	test.serial(
		`${version}: a new pod is ready before an old one goes, but for Citadel, which is never there twice`,
		(t) => {
			for (const workload of workloads) {
				const { strategy, template } = read(workload).spec;
				const { preferredDuringSchedulingIgnoredDuringExecution: apart = [] } =
					template.spec.affinity?.podAntiAffinity ?? {};
				const spread = apart.map(({ podAffinityTerm: { topologyKey } }) => topologyKey);
				if (workload === 'istio-citadel') {
					t.deepEqual(strategy, { type: 'Recreate' });
					t.deepEqual(spread, [], 'one pod has nothing to spread');
				} else {
					t.deepEqual(strategy, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, workload);
					t.deepEqual(spread, ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'], workload);
				}
			}
		},
	);

	for (const [row, { title, of, rolls }] of changes.entries()) {
		const rolling = rolls(version);
		const what = rolling.length === 0 ? 'no pod is replaced' : `replaces the pods of ${rolling.join(' and ')} alone`;
		const sentence = `${version}: ${title}: ${what}`;
		if (!isTried(row, column)) {
			test.skip(leftOut(sentence), () => undefined);
			continue;
		}
		test.serial(sentence, async (t) => {
			const before = new Map(
				workloads.map((workload) => [workload, { pods: pods.of(workload), template: read(workload).spec.template }]),
			);
			pods.forget();
			spec = of(spec);
			await applyInstallation(mesh.api, name, spec);
			await untilInstalled(mesh.api, name);
			await deployments.caughtUp();
			await untilSettled();
			for (const [workload, former] of before) {
				const isReplaced = !isDeepStrictEqual(read(workload).spec.template, former.template);
				t.is(isReplaced, rolling.includes(workload), `pods of ${workload}`);
				const kept = pods.of(workload).filter((pod) => former.pods.includes(pod));
				t.deepEqual(kept, isReplaced ? [] : former.pods);
				t.true(pods.fewest(workload) >= replicas[workload], `${workload}: ${pods.fewest(workload)} pods at least`);
				if (!isReplaced) t.is(pods.most(workload), replicas[workload], `${workload}: not one more`);
			}
		});
	}

	test.serial(
		`${version}: another authority replaces Citadel alone, the old one gone before the new one comes`,
		async (t) => {
			const before = new Map(workloads.map((workload) => [workload, pods.of(workload)]));
			pods.forget();
			await giveAuthority(namespace);
			await eventually('another Citadel is ready', () => {
				const [now] = pods.of('istio-citadel');
				return now !== undefined && !before.get('istio-citadel')?.includes(now);
			});
			await untilSettled();
			t.is(pods.most('istio-citadel'), 1);
			t.is(pods.fewest('istio-citadel'), 0);
			for (const [workload, former] of before) {
				if (workload !== 'istio-citadel') t.deepEqual(pods.of(workload), former, workload);
			}
		},
	);

	test.serial(`${version}: the same spec again changes nothing`, async (t) => {
		const before = new Map(workloads.map((workload) => [workload, read(workload).metadata.resourceVersion]));
		await applyInstallation(mesh.api, name, spec);
		await untilSettled();
		for (const [workload, resourceVersion] of before) t.is(read(workload).metadata.resourceVersion, resourceVersion);
	});

	test.serial(`${version}: gone again, for the next one`, async (t) => {
		await deleteInstallation(mesh.api, name);
		await eventually('all pods are gone', () => workloads.every((workload) => pods.count(workload) === 0));
		await deployments.caughtUp();
		t.is(live.size, 0);
		endCitadel();
		pods.stop();
		deployments.stop();
	});
}
