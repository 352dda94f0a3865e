/**
 * Computes the facts of a classic mesh from what the cluster shows: the certificate authorities by which API servers know
 * the injector, and the contents of Secrets that pods read only once. Pure: a pass that knows nothing of the one before
 * decides the same.
 *
 * The injector's certificate comes from Citadel or, without it, from the operator, and both can change under a running
 * webhook. So its `caBundle` contains a new authority before a pod serves with a certificate of it (an existing webhook is
 * written first), and the old one until no pod uses it.
 */
import { definedFields } from '../../../api/v1/index.ts';
import { type Child, hasNewPodsOnly } from '../../apply/child.ts';
import { classicReleases, type ResolvedClassicMesh } from '../../releases/classic/index.ts';
import { selfSignedCaSecret } from '../../render/classic/citadel.ts';
import type { ClassicFacts } from '../../render/classic/index.ts';
import {
	citadelInjectorSecret,
	injectorDnsNames,
	injectorFilesName,
	injectorName,
	injectorWebhook,
	ownInjectorSecret,
} from '../../render/classic/injector-names.ts';
import { meshConfigMap } from '../../render/classic/mesh-config.ts';
import type { JoinedFacts, ServingCertificate } from '../../render/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type ObjectReference, objectKey } from '../../runtime/object.ts';
import { configFollowedAfterMs, readable, type Seen, type Sight } from '../sight.ts';

/** What the facts and gates of a mesh are decided from. */
export function seenBy(mesh: ResolvedClassicMesh): Seen {
	const { namespace } = mesh;
	return {
		children: [
			...['istio-pilot', injectorName, 'istio-citadel', 'istio-policy'].map((name) => ({
				...kinds.Deployment,
				namespace,
				name,
			})),
			{ ...kinds.ConfigMap, namespace, name: meshConfigMap },
			...otherInjectorFiles(mesh),
			{ ...kinds.MutatingWebhookConfiguration, name: injectorWebhook(mesh) },
		],
		secrets: [
			...(mesh.injector === undefined ? [] : [citadelInjectorSecret, ownInjectorSecret]),
			...(mesh.citadel === undefined ? [] : [mesh.citadel.caSecretName ?? selfSignedCaSecret]),
			...(mesh.pilotKubeconfig === undefined ? [] : [mesh.pilotKubeconfig.name]),
		],
	};
}

/** The ConfigMaps of injectors of all other versions. Those that are there have been mounted by the pods before. */
export function otherInjectorFiles({ injector, namespace, release }: ResolvedClassicMesh): readonly ObjectReference[] {
	return injector === undefined
		? []
		: classicReleases
				.filter(({ version }) => version !== release.version)
				.map(({ version }) => ({ ...kinds.ConfigMap, namespace, name: injectorFilesName(version) }));
}

/** The certificate that the operator makes for the injector, without Citadel. */
export function injectorCertificateOf(
	mesh: ResolvedClassicMesh,
): { readonly secret: string; readonly dnsNames: readonly string[] } | undefined {
	return mesh.injector === undefined || mesh.citadel !== undefined
		? undefined
		: { secret: ownInjectorSecret, dnsNames: injectorDnsNames(mesh) };
}

/** What a process remembers about the root (PEM) in Citadel's Secret for the injector. */
export interface RootMemory {
	readonly current?: string;
	/** Earlier roots, each with the time at which another one replaced it, in milliseconds since 1970. */
	readonly former: ReadonlyMap<string, number>;
}

const noRoots: RootMemory = { former: new Map() };

/**
 * Remembers the roots of certificates that pods may still serve with when Citadel has another authority: old certificates
 * stay in the pods' files until the kubelet has looked. Without a Secret pods serve with the last one.
 * @param nowMs wall clock, milliseconds since 1970
 */
export function rememberRoots(
	mesh: ResolvedClassicMesh,
	before: RootMemory = noRoots,
	sight: Sight,
	nowMs: number,
): RootMemory {
	if (mesh.injector === undefined || mesh.citadel === undefined) return noRoots;
	const current = rootIn(sight, citadelInjectorSecret) ?? before.current;
	const replaced = before.current === undefined || before.current === current ? [] : [[before.current, nowMs] as const];
	const former = [...before.former, ...replaced].filter(
		([, since]) => since <= nowMs && nowMs - since < configFollowedAfterMs,
	);
	return { ...(current === undefined ? {} : { current }), former: new Map(former) };
}

/** The input of a classic mesh's facts. */
export interface Known {
	/** The certificate that the operator makes for the injector, if it does. */
	readonly certificate?: ServingCertificate | undefined;
	readonly sight: Sight;
	/** See `rememberRoots`. */
	readonly memory?: RootMemory;
	readonly joined?: JoinedFacts;
}

export function factsOf(mesh: ResolvedClassicMesh, known: Known): ClassicFacts {
	const { certificate: own, sight, memory = noRoots, joined = {} } = known;
	const injectorRoots = mesh.injector === undefined ? undefined : rootsOf(mesh, own, sight, memory);
	const caSecret = mesh.citadel?.caSecretName;
	const ca = caSecret === undefined ? undefined : readable(sight.secret(caSecret));
	const kubeconfig = mesh.pilotKubeconfig === undefined ? undefined : readable(sight.secret(mesh.pilotKubeconfig.name));
	const hashes = { caSecretHash: ca?.hash, pilotKubeconfigHash: kubeconfig?.hash };
	return { ...joined, ...definedFields({ injectorRoots, injectorCertificate: own, ...hashes }) };
}

/** The roots for the webhook. Undefined while the authority of the certificate to be served is not known. */
function rootsOf(
	mesh: ResolvedClassicMesh,
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
	return readable(sight.secret(secret))?.certificates['root-cert.pem'];
}

/** The Secret that the injector has to serve with. */
export function injectorSecret(mesh: ResolvedClassicMesh): string {
	return mesh.citadel === undefined ? ownInjectorSecret : citadelInjectorSecret;
}

/** Whether all pods of a Deployment follow a template that mounts this Secret. */
export function runsOn({ workload }: Child, secret: string): boolean {
	return workload?.secrets.includes(secret) === true && hasNewPodsOnly(workload);
}

/** Key of a Deployment of the control plane. */
export function deploymentKey({ namespace }: ResolvedClassicMesh, name: string): string {
	return objectKey({ ...kinds.Deployment, namespace, name });
}
