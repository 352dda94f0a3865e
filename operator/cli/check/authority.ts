/** Whether the authority of a mesh lasts, and whether workloads have certificates that go with it. */
import { readCertificates } from '../../certificates/index.ts';
import { lines } from '../../lines/index.ts';
import { type SecretFacts, toSecretFacts } from '../../plan/secret-facts.ts';
import type { ResolvedMesh } from '../../releases/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { kinds } from '../../runtime/kinds.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { InstallationView } from '../status-view.ts';
import { injectedNamespaces } from './injection.ts';
import { type CheckResult, check, type Verdict } from './result.ts';

/** An authority that ends sooner is told: every workload needs a certificate of the next one by then. */
const mostLeftMs = 60 * 24 * 3_600_000;

export interface AuthorityPlace {
	/** Wall clock of the API server, milliseconds since 1970. */
	readonly nowMs: number;
	readonly signal: AbortSignal | undefined;
}

export async function checkAuthority(
	api: ApiServer,
	mesh: ResolvedMesh,
	{ status }: Pick<InstallationView, 'status'>,
	place: AuthorityPlace,
): Promise<readonly CheckResult[]> {
	const authority = status.certificateAuthority;
	if (authority === undefined) return [];
	return [
		{
			name: 'authority-lasts',
			sentence: 'its certificate authority lasts for 60 days and more',
			...judgeEnd(authority.notAfter, place.nowMs),
		},
		await checkWorkloads(api, mesh, authority.secretName, place),
	];
}

/** Pure. */
export function judgeEnd(notAfter: string | undefined, nowMs: number): Verdict {
	const endsAt = Date.parse(notAfter ?? '');
	if (Number.isNaN(endsAt)) return { state: 'unknown', detail: 'the operator has not read it yet' };
	const hint = 'give the mesh a new one in time (spec.citadel.caSecretName), and let workloads get certificates of it';
	if (endsAt <= nowMs) return { state: 'failed', detail: `it ended at ${notAfter ?? ''}`, hint };
	const detail = `until ${notAfter ?? ''}`;
	return endsAt - nowMs < mostLeftMs ? { state: 'warning', detail, hint } : { state: 'ok', detail };
}

/** Citadel's Secrets for workloads have this type (istio 1.0-1.4 `security/pkg/k8s/controller/workloadsecret.go`). */
const workloadSecretType = 'istio.io/key-and-cert';

/** More is not looked at. */
const mostNamespaces = 20;
const mostSecrets = 200;
const mostNamed = 5;

/** The certificates of a workload, as its Secret holds them. */
export interface WorkloadSecret {
	/** `shop/istio.default` */
	readonly title: string;
	readonly facts: SecretFacts;
}

async function checkWorkloads(
	api: ApiServer,
	mesh: ResolvedMesh,
	secretName: string,
	{ nowMs, signal }: AuthorityPlace,
): Promise<CheckResult> {
	const sentence = 'workloads have certificates that last, of the authority that signs now';
	const { namespace } = mesh;
	return check('workload-certificates', sentence, { verb: 'get', kind: kinds.Secret, namespace }, async () => {
		const injection = lines.of(mesh).injection(mesh);
		const authority = toSecretFacts(await api.get({ ...kinds.Secret, namespace, name: secretName }, { signal }));
		const namespaces = injection === undefined ? [] : await injectedNamespaces(api, mesh, injection, signal);
		const found: WorkloadSecret[] = [];
		for (const name of namespaces.slice(0, mostNamespaces)) {
			const options = { namespace: name, fieldSelector: `type=${workloadSecretType}`, limit: mostSecrets, signal };
			// Keys are dropped before the next one is read.
			const read = (secret: KubeObject): WorkloadSecret => ({
				title: `${name}/${secret.metadata.name}`,
				facts: toSecretFacts(secret),
			});
			found.push(...(await api.listPage<WorkloadSecret>(kinds.Secret, { ...options, read })).items);
		}
		return judgeWorkloads(authority, found, nowMs);
	});
}

/** Compares workloads with the authority. Pure. */
export function judgeWorkloads(authority: SecretFacts, workloads: readonly WorkloadSecret[], nowMs: number): Verdict {
	if (workloads.length === 0) return { state: 'skipped', detail: 'no namespace of the mesh has any yet' };
	const roots = fingerprintsOf(authority.certificates['root-cert.pem'] ?? authority.certificates['ca-cert.pem']);
	if (roots.length === 0) return { state: 'unknown', detail: 'the authority can not be read' };
	const strangers = workloads.filter(({ facts }) => {
		const trusted = fingerprintsOf(facts.certificates['root-cert.pem']);
		return !roots.some((root) => trusted.includes(root));
	});
	const ended = workloads.filter(({ facts }) => {
		const [leaf] = readCertificates(facts.certificates['cert-chain.pem'] ?? '') ?? [];
		return leaf !== undefined && leaf.validToDate.getTime() <= nowMs;
	});
	const detail = [
		...(strangers.length === 0 ? [] : [`not of it: ${named(strangers)}`]),
		...(ended.length === 0 ? [] : [`ended: ${named(ended)}`]),
	].join('; ');
	return detail === ''
		? { state: 'ok', detail: `${workloads.length} of them` }
		: {
				state: 'failed',
				detail,
				hint: 'Citadel makes a Secret anew when it is deleted; restart the pods that use it. `meshwright status` says whether Citadel runs',
			};
}

function named(secrets: readonly WorkloadSecret[]): string {
	const more = secrets.length - mostNamed;
	const names = secrets.slice(0, mostNamed).map(({ title }) => title);
	return `Secrets ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function fingerprintsOf(pem: string | undefined): readonly string[] {
	return (readCertificates(pem ?? '') ?? []).map(({ fingerprint256 }) => fingerprint256);
}
