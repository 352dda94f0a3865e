/** Says what in a classic mesh has to wait for what. Each function is one gate's rule. The list at the end has them all. */
import { hasNewPodsOnly } from '../../apply/child.ts';
import { componentLabel } from '../../apply/identity.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import type { ClassicFacts } from '../../render/classic/index.ts';
import {
	citadelInjectorSecret,
	injectorFilesName,
	injectorName,
	injectorWebhook,
	ownInjectorSecret,
} from '../../render/classic/injector-names.ts';
import { meshConfigMap } from '../../render/classic/mesh-config.ts';
import { mutualTlsComponent } from '../../render/classic/mtls.ts';
import { kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { Gate, GateContext } from '../gate.ts';
import { readable } from '../sight.ts';
import { problemForCitadel } from './certificate-authority.ts';
import { deploymentKey, injectorSecret, otherInjectorFiles, runsOn } from './facts.ts';

type Context = GateContext<ResolvedClassicMesh, ClassicFacts>;
type Rule = (context: Context) => readonly Gate[];

const policy = 'istio-policy';
const citadel = 'istio-citadel';

/** What time opens is looked at again after at most this time. */
const longestRecheckMs = 60 * 60_000;

/** What stays only for a while is looked at again after this time. */
const keptRecheckMs = 1_000;

/**
 * Proxies refuse requests that they can't have checked (unless `failOpen`). So they learn of `istio-policy` when it
 * answers. One that ran before may be down. Then a change of the configuration is the owner's way out.
 */
const policyBeforeConfiguration: Rule = ({ mesh, sight }) => {
	if (mesh.mixer.policy === undefined) return [];
	const configuration = objectKey({ ...kinds.ConfigMap, namespace: mesh.namespace, name: meshConfigMap });
	const isReady = sight.child(deploymentKey(mesh, policy))?.workload?.isRolledOut === true;
	if (sight.child(configuration) === undefined || isReady) return [];
	// When Pilot reads the configuration only once, its pods follow the ConfigMap and must not get ahead of it.
	const readers = mesh.release.pilot.reloadsMeshConfig ? [] : [deploymentKey(mesh, 'istio-pilot')];
	return [
		{
			name: 'policy-before-configuration',
			effect: 'held',
			objects: [configuration, ...readers],
			sentence: 'waiting for istio-policy to be ready, before proxies ask it',
		},
	];
};

/** The reverse: `istio-policy` goes when proxies no longer ask it. */
const configurationBeforePolicyGoes: Rule = ({ mesh, sight, configFollowedInMs }) => {
	const isGoing = mesh.mixer.policy === undefined && sight.child(deploymentKey(mesh, policy))?.workload !== undefined;
	if (!isGoing || configFollowedInMs === 0) return [];
	const { namespace } = mesh;
	// Objects that both of Mixer's services share go with the last of them.
	const shared = [policy, 'istio-mixer', 'istio-mixer-service-account'];
	const objects = [
		...[kinds.Deployment, kinds.Service, kinds.HorizontalPodAutoscaler, kinds.PodDisruptionBudget].map((kind) => ({
			...kind,
			namespace,
			name: policy,
		})),
		...[kinds.ServiceAccount, kinds.Role, kinds.RoleBinding].flatMap((kind) =>
			shared.map((name) => ({ ...kind, namespace, name })),
		),
		...[kinds.ClusterRole, kinds.ClusterRoleBinding].map((kind) => ({ ...kind, name: `istio-mixer-${namespace}` })),
	];
	return [
		{
			name: 'configuration-before-policy-goes',
			effect: 'kept',
			objects: objects.map(objectKey),
			sentence: 'istio-policy stays until no proxy asks it any more',
			againInMs: Math.max(configFollowedInMs, keptRecheckMs),
		},
	];
};

/** API servers send pods to a webhook as soon as it exists, so the injector has to answer before. */
const injectorBeforeWebhook: Rule = ({ mesh, facts, sight }) => {
	if (mesh.injector === undefined) return [];
	const webhook = objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook(mesh) });
	const deployment = deploymentKey(mesh, injectorName);
	const injector = sight.child(deployment);
	if (facts.injectorRoots === undefined) {
		return [
			{
				name: 'certificate-before-webhook',
				effect: 'held',
				// The first injector may wait for its Secret by itself. One that serves goes on with the Secret it has.
				objects: [webhook, ...(injector === undefined ? [] : [deployment])],
				sentence: `waiting for Secret ${mesh.namespace}/${injectorSecret(mesh)}, the certificate of the sidecar injector`,
			},
		];
	}
	if (sight.child(webhook) !== undefined || (injector?.workload?.available ?? 0) > 0) return [];
	return [
		{
			name: 'injector-before-webhook',
			effect: 'held',
			objects: [webhook],
			sentence: 'waiting for the sidecar injector to be ready, before API servers send pods to it',
		},
	];
};

/** When Citadel is new, the Secret of the operator's own certificate goes when no pod serves with it. */
const injectorBeforeSecretGoes: Rule = ({ mesh, sight }) => {
	if (mesh.injector === undefined || mesh.citadel === undefined) return [];
	const injector = sight.child(deploymentKey(mesh, injectorName));
	if (injector === undefined || runsOn(injector, citadelInjectorSecret)) return [];
	return [
		{
			name: 'injector-before-secret-goes',
			effect: 'kept',
			objects: [objectKey({ ...kinds.Secret, namespace: mesh.namespace, name: ownInjectorSecret })],
			sentence: `Secret ${ownInjectorSecret} stays until no injector serves with it`,
			againInMs: keptRecheckMs,
		},
	];
};

/** The files of another version stay as long as a pod of it may run, or start again: it can't without them. */
const injectorBeforeFilesGo: Rule = ({ mesh, sight }) => {
	const stand = otherInjectorFiles(mesh)
		.map(objectKey)
		.filter((key) => sight.child(key) !== undefined);
	const workload = sight.child(deploymentKey(mesh, injectorName))?.workload;
	if (stand.length === 0 || workload === undefined) return [];
	const isFollowed = workload.configMaps.includes(injectorFilesName(mesh.release.version)) && hasNewPodsOnly(workload);
	if (isFollowed) return [];
	return [
		{
			name: 'injector-before-files-go',
			effect: 'kept',
			objects: stand,
			sentence: 'the ConfigMap of the injector of another version stays until no pod mounts it',
			againInMs: keptRecheckMs,
		},
	];
};

/** A new pod of Citadel that can't mount its authority, or can't sign with it, would replace one that works. */
const authorityBeforeCitadel: Rule = ({ mesh, facts, sight, nowMs }) => {
	const caSecret = mesh.citadel?.caSecretName;
	if (caSecret === undefined) return [];
	const where = `${mesh.namespace}/${caSecret}`;
	const secret = readable(sight.secret(caSecret));
	const held = { name: 'authority-before-citadel', effect: 'held', objects: [deploymentKey(mesh, citadel)] } as const;
	if (secret === undefined || facts.caSecretHash === undefined) {
		return [{ ...held, sentence: `waiting for Secret ${where}, the certificate authority for Citadel` }];
	}
	const { problem, untilMs } = problemForCitadel(secret, nowMs);
	if (problem === undefined) return [];
	return [
		{
			...held,
			sentence: `waiting for a certificate authority that Citadel can use in Secret ${where}: its ${problem.file} ${problem.reason}`,
			// One that begins later opens the gate by time alone.
			againInMs: Math.min(untilMs - nowMs, longestRecheckMs),
		},
	];
};

/** Workloads get certificates before others demand them. */
const citadelBeforeMutualTls: Rule = ({ mesh, objects, sight }) => {
	if (mesh.citadel === undefined || mesh.mutualTls !== 'STRICT') return [];
	if ((sight.child(deploymentKey(mesh, citadel))?.workload?.available ?? 0) > 0) return [];
	return [
		{
			name: 'citadel-before-mutual-tls',
			effect: 'held',
			objects: objects
				.filter(({ metadata }) => metadata.labels?.[componentLabel] === mutualTlsComponent)
				.map(objectKey),
			sentence: 'waiting for Citadel to be ready, before mutual TLS is demanded',
		},
	];
};

/** New pods that can't mount the kubeconfig would replace those that work. */
const kubeconfigBeforePilot: Rule = ({ mesh, facts }) => {
	const { pilotKubeconfig, namespace } = mesh;
	if (pilotKubeconfig === undefined || facts.pilotKubeconfigHash !== undefined) return [];
	return [
		{
			name: 'kubeconfig-before-pilot',
			effect: 'held',
			objects: ['istio-pilot', policy, 'istio-telemetry'].map((name) => deploymentKey(mesh, name)),
			sentence: `waiting for Secret ${namespace}/${pilotKubeconfig.name}, the kubeconfig of the cluster that Pilot serves`,
		},
	];
};

/** The rules of all gates. When two hold one object, the later rule's sentence is told. */
export const classicGates: readonly Rule[] = [
	policyBeforeConfiguration,
	configurationBeforePolicyGoes,
	injectorBeforeWebhook,
	injectorBeforeSecretGoes,
	injectorBeforeFilesGo,
	authorityBeforeCitadel,
	citadelBeforeMutualTls,
	kubeconfigBeforePilot,
];

/**
 * A further gate in a joined cluster. A cluster that has joined goes on when its mesh gets a Citadel without an authority
 * for all clusters. But no Citadel is made there, because it would have an authority of its own, and give certificates that
 * nobody else accepts.
 */
export function sharedAuthorityBeforeCitadel(mesh: ResolvedClassicMesh): readonly Gate[] {
	return mesh.citadel === undefined || mesh.citadel.caSecretName !== undefined
		? []
		: [
				{
					name: 'shared-authority-before-citadel',
					effect: 'held',
					objects: [deploymentKey(mesh, citadel)],
					sentence: 'waiting for spec.citadel.caSecretName: a Citadel with an authority of its own is not made there',
				},
			];
}
