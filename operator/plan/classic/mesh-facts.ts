/**
 * What of a mesh depends on what the cluster shows at this moment: by which certificate authorities API servers know the
 * injector, and what has to wait for what. Pure: the pass that knows nothing of the one before decides the same.
 *
 * The injector's certificate comes from Citadel or, without it, from the operator, and both can change under a running
 * webhook. So its `caBundle` holds the authority to come before a pod serves with a certificate of it (a webhook that
 * stands is written first), and the one that goes until no pod does.
 */
import { type Child, hasNewPodsOnly } from '../../apply/child.ts';
import { componentLabel } from '../../apply/identity.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import { selfSignedCaSecret } from '../../render/classic/citadel.ts';
import {
	citadelInjectorSecret,
	injectorName,
	injectorWebhook,
	ownInjectorSecret,
} from '../../render/classic/injector-names.ts';
import { meshConfigMap } from '../../render/classic/mesh-config.ts';
import { mutualTlsComponent } from '../../render/classic/mtls.ts';
import type { ClusterFacts, ServingCertificate } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { ObjectName } from '../../runtime/object.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { SecretFacts } from '../secret-facts.ts';
import { missingForCitadel } from './certificate-authority.ts';

/** Reads the cluster. */
export interface Sight {
	/** Objects that the operator made, by `objectKey`. */
	readonly child: (key: string) => Child | undefined;
	/** Secrets in the namespace of the mesh that others make. */
	readonly secret: (name: string) => SecretFacts | 'unknown' | undefined;
}

/**
 * After so long (milliseconds) a changed ConfigMap is in the files of every pod, and Pilot has told the proxies: the kubelet
 * looks each minute, at a cache that may be as old again (kubernetes 1.36 `pkg/kubelet/kubelet.go`, `syncFrequency`).
 */
export const configFollowedAfterMs = 150_000;

/** The Secrets that this mesh depends on and rendering does not make. */
export function secretsOf(mesh: ResolvedMesh): readonly ObjectName[] {
	return [
		...(mesh.injector === undefined ? [] : [citadelInjectorSecret, ownInjectorSecret]),
		...(mesh.citadel === undefined ? [] : [mesh.citadel.caSecretName ?? selfSignedCaSecret]),
		...(mesh.pilotKubeconfig === undefined ? [] : [mesh.pilotKubeconfig.name]),
	].map((name) => ({ namespace: mesh.namespace, name }));
}

/** What a process remembers of the root (PEM) in Citadel's Secret for the injector. */
export interface RootMemory {
	readonly current?: string;
	/** Those before it, with when another one took their place, milliseconds. */
	readonly former: ReadonlyMap<string, number>;
}

/**
 * What pods may still serve with when Citadel has another authority: certificates of the one before stay in their files
 * until the kubelet has looked. Without a Secret they serve with the last one.
 * @param now milliseconds
 */
export function rememberRoots(mesh: ResolvedMesh, before: RootMemory, sight: Sight, now: number): RootMemory {
	if (mesh.injector === undefined || mesh.citadel === undefined) return { former: new Map() };
	const current = rootIn(sight, citadelInjectorSecret) ?? before.current;
	const replaced = before.current === undefined || before.current === current ? [] : [[before.current, now] as const];
	const former = [...before.former, ...replaced].filter(
		([, since]) => since <= now && now - since < configFollowedAfterMs,
	);
	return { ...(current === undefined ? {} : { current }), former: new Map(former) };
}

/**
 * @param own the certificate that the operator makes for the injector, where it does
 * @param remembered see `rememberRoots`
 */
export function factsOf(
	mesh: ResolvedMesh,
	own: ServingCertificate | undefined,
	sight: Sight,
	remembered: RootMemory = { former: new Map() },
): ClusterFacts {
	const injectorRoots = mesh.injector === undefined ? undefined : rootsOf(mesh, own, sight, remembered);
	const caSecret = mesh.citadel?.caSecretName;
	const ca = caSecret === undefined ? undefined : known(sight.secret(caSecret));
	const kubeconfig = mesh.pilotKubeconfig === undefined ? undefined : known(sight.secret(mesh.pilotKubeconfig.name));
	return {
		...(injectorRoots === undefined ? {} : { injectorRoots }),
		...(own === undefined ? {} : { injectorCertificate: own }),
		...(ca === undefined ? {} : { caSecretHash: ca.hash }),
		...(kubeconfig === undefined ? {} : { pilotKubeconfigHash: kubeconfig.hash }),
	};
}

/** Undefined while the authority of the certificate that is to be served is not known. */
function rootsOf(
	mesh: ResolvedMesh,
	own: ServingCertificate | undefined,
	sight: Sight,
	remembered: RootMemory,
): string | undefined {
	const wanted = mesh.citadel === undefined ? own?.roots : rootIn(sight, citadelInjectorSecret);
	if (wanted === undefined) return undefined;
	const injector = sight.child(deploymentKey(mesh, injectorName));
	const goesOn = injector !== undefined && !runsOn(injector, injectorSecret(mesh));
	const former = goesOn
		? rootIn(sight, mesh.citadel === undefined ? citadelInjectorSecret : ownInjectorSecret)
		: undefined;
	const certificates = [wanted, ...remembered.former.keys(), former ?? ''].flatMap(
		(bundle) => bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
	);
	return `${[...new Set(certificates)].join('\n')}\n`;
}

function rootIn(sight: Sight, secret: string): string | undefined {
	return known(sight.secret(secret))?.certificates['root-cert.pem'];
}

function known(secret: SecretFacts | 'unknown' | undefined): SecretFacts | undefined {
	return secret === 'unknown' ? undefined : secret;
}

/** The Secret that the injector is to serve with. */
function injectorSecret(mesh: ResolvedMesh): string {
	return mesh.citadel === undefined ? ownInjectorSecret : citadelInjectorSecret;
}

/** Whether all pods of a Deployment are of a template that mounts this Secret. */
function runsOn({ workload }: Child, secret: string): boolean {
	return workload?.secrets.includes(secret) === true && hasNewPodsOnly(workload);
}

/** What is not written yet, and what is not taken away yet. */
export interface Waiting {
	/** By key, with what it waits for. */
	readonly held: ReadonlyMap<string, string>;
	/** By key, with why it stays. */
	readonly kept: ReadonlyMap<string, string>;
}

/**
 * @param objects what was rendered with these facts
 * @param isConfigFollowed whether the mesh configuration among them has stood so long that every Pilot follows it
 */
export function waitingOf(
	mesh: ResolvedMesh,
	facts: ClusterFacts,
	objects: readonly KubeObject[],
	sight: Sight,
	isConfigFollowed: boolean,
): Waiting {
	const held = new Map<string, string>();
	const kept = new Map<string, string>();
	waitForPolicy(mesh, sight, isConfigFollowed, held, kept);
	if (mesh.injector !== undefined) waitForInjector(mesh, facts, sight, held, kept);
	if (mesh.citadel !== undefined) waitForCitadel(mesh, facts, objects, sight, held);
	waitForKubeconfig(mesh, facts, held);
	return { held, kept };
}

/**
 * Proxies refuse what they can't have checked (unless `failOpen`). So they hear of `istio-policy` when it answers, and it
 * goes when they do not ask it any more.
 */
function waitForPolicy(
	mesh: ResolvedMesh,
	sight: Sight,
	isConfigFollowed: boolean,
	held: Map<string, string>,
	kept: Map<string, string>,
): void {
	const { namespace } = mesh;
	const name = 'istio-policy';
	const policy = sight.child(deploymentKey(mesh, name))?.workload;
	if (mesh.mixer.policy === undefined) {
		if (policy === undefined || isConfigFollowed) return;
		const sentence = 'istio-policy stays until no proxy asks it any more';
		for (const kind of [kinds.Deployment, kinds.Service, kinds.HorizontalPodAutoscaler, kinds.PodDisruptionBudget])
			kept.set(objectKey({ ...kind, namespace, name }), sentence);
		// What both of Mixer's services have in common goes with the last of them.
		for (const kind of [kinds.ServiceAccount, kinds.Role, kinds.RoleBinding])
			for (const shared of [name, 'istio-mixer', 'istio-mixer-service-account'])
				kept.set(objectKey({ ...kind, namespace, name: shared }), sentence);
		for (const kind of [kinds.ClusterRole, kinds.ClusterRoleBinding])
			kept.set(objectKey({ ...kind, name: `istio-mixer-${namespace}` }), sentence);
		return;
	}
	const config = objectKey({ ...kinds.ConfigMap, namespace, name: meshConfigMap });
	// One that ran before may be down: then the configuration is how its owner gets out of that.
	if (sight.child(config) === undefined || policy?.isRolledOut === true) return;
	const sentence = 'waiting for istio-policy to be ready, before proxies ask it';
	held.set(config, sentence);
	// Where Pilot reads the configuration once, its pods follow the ConfigMap and must not be ahead of it.
	if (!mesh.release.pilot.reloadsMeshConfig) held.set(deploymentKey(mesh, 'istio-pilot'), sentence);
}

function waitForCitadel(
	mesh: ResolvedMesh,
	{ caSecretHash }: ClusterFacts,
	objects: readonly KubeObject[],
	sight: Sight,
	held: Map<string, string>,
): void {
	const deployment = deploymentKey(mesh, 'istio-citadel');
	const caSecret = mesh.citadel?.caSecretName;
	if (caSecret !== undefined) {
		// A pod that can't mount it, or can't sign with it, would be all that is left of one that runs.
		const where = `${mesh.namespace}/${caSecret}`;
		const secret = known(sight.secret(caSecret));
		const missing =
			secret === undefined || caSecretHash === undefined
				? `Secret ${where}, the certificate authority for Citadel`
				: missingForCitadel(secret, where);
		if (missing !== undefined) held.set(deployment, `waiting for ${missing}`);
	}
	if (mesh.mutualTls === 'STRICT' && (sight.child(deployment)?.workload?.available ?? 0) === 0) {
		for (const object of objects.filter(({ metadata }) => metadata.labels?.[componentLabel] === mutualTlsComponent))
			held.set(objectKey(object), 'waiting for Citadel to be ready, before mutual TLS is demanded');
	}
}

/** Pods that can't mount it would be all that is left of those that run. */
function waitForKubeconfig(mesh: ResolvedMesh, { pilotKubeconfigHash }: ClusterFacts, held: Map<string, string>): void {
	const { pilotKubeconfig, namespace } = mesh;
	if (pilotKubeconfig === undefined || pilotKubeconfigHash !== undefined) return;
	const sentence = `waiting for Secret ${namespace}/${pilotKubeconfig.name}, the kubeconfig of the cluster that Pilot serves`;
	for (const name of ['istio-pilot', 'istio-policy', 'istio-telemetry']) held.set(deploymentKey(mesh, name), sentence);
}

function waitForInjector(
	mesh: ResolvedMesh,
	facts: ClusterFacts,
	sight: Sight,
	held: Map<string, string>,
	kept: Map<string, string>,
): void {
	const webhook = objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook(mesh) });
	const deployment = deploymentKey(mesh, injectorName);
	const injector = sight.child(deployment);
	if (facts.injectorRoots === undefined) {
		const sentence = `waiting for Secret ${mesh.namespace}/${injectorSecret(mesh)}, the certificate of the sidecar injector`;
		held.set(webhook, sentence);
		// The first may wait for its Secret by itself; one that serves goes on with what it has.
		if (injector !== undefined) held.set(deployment, sentence);
	} else if (sight.child(webhook) === undefined && (injector?.workload?.available ?? 0) === 0) {
		held.set(webhook, 'waiting for the sidecar injector to be ready, before API servers send pods to it');
	}
	if (mesh.citadel !== undefined && injector !== undefined && !runsOn(injector, citadelInjectorSecret)) {
		const secret = objectKey({ ...kinds.Secret, namespace: mesh.namespace, name: ownInjectorSecret });
		kept.set(secret, `Secret ${ownInjectorSecret} stays until no injector serves with it`);
	}
}

function deploymentKey({ namespace }: ResolvedMesh, name: string): string {
	return objectKey({ ...kinds.Deployment, namespace, name });
}
