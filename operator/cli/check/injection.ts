/** Whether pods get their proxy: the webhook is asked about a pod that is never stored. */
import { randomBytes } from 'node:crypto';
import { meshLabel } from '../../../api/v1/index.ts';
import { partOfLabel } from '../../apply/identity.ts';
import { readCertificates } from '../../certificates/index.ts';
import { lines, type NamespaceInjection } from '../../lines/index.ts';
import { closedNamespaces, type ResolvedMesh } from '../../releases/index.ts';
import { applySetId } from '../../render/index.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import { RequestError, TransientError } from '../../runtime/errors.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { isRecord, recordsIn } from '../../runtime/object-shape.ts';
import { mayDo } from './kubernetes.ts';
import { type CheckResult, check, lacking, type Verdict } from './result.ts';

export interface InjectionPlace {
	/** Wall clock of the API server, milliseconds since 1970. */
	readonly nowMs: number;
	readonly signal: AbortSignal | undefined;
}

export async function checkInjection(
	api: ApiServer,
	mesh: ResolvedMesh,
	{ nowMs, signal }: InjectionPlace,
): Promise<readonly CheckResult[]> {
	const injection = lines.of(mesh).injection(mesh);
	if (injection === undefined) return [];
	return [await checkWebhook(api, mesh, injection, nowMs, signal), await checkAnswer(api, mesh, injection, signal)];
}

/** The namespaces that ask for proxies of this mesh, by the label that its webhook reads. Sorted. */
export async function injectedNamespaces(
	api: ApiServer,
	{ name, namespace, limits }: ResolvedMesh,
	{ label }: NamespaceInjection,
	signal: AbortSignal | undefined,
): Promise<readonly string[]> {
	const options = { labelSelector: `${label.name}=${label.value}`, metadataOnly: true, signal } as const;
	const { items } = await api.list<KubeObject>(kinds.Namespace, options);
	// The webhook leaves these out, whatever their labels.
	const closed = [...closedNamespaces(limits), namespace];
	return items
		.filter(({ metadata }) => {
			const of = metadata.labels?.[meshLabel];
			const isOurs = of === undefined || of === name;
			return isOurs && metadata.deletionTimestamp === undefined && !closed.includes(metadata.name);
		})
		.map(({ metadata }) => metadata.name)
		.sort();
}

const sentence = 'the injector puts the proxy into a pod, asked by a dry run';

async function checkAnswer(
	api: ApiServer,
	mesh: ResolvedMesh,
	injection: NamespaceInjection,
	signal: AbortSignal | undefined,
): Promise<CheckResult> {
	return check('injector-answers', sentence, { verb: 'list', kind: kinds.Namespace }, async () => {
		const [namespace] = await injectedNamespaces(api, mesh, injection, signal);
		if (namespace === undefined) {
			const { name, value } = injection.label;
			return { state: 'skipped', detail: `no namespace has the label ${name}=${value}` };
		}
		const right = { verb: 'create', kind: kinds.Pod, namespace } as const;
		if (!(await mayDo(api, right, signal))) return lacking(right);
		return tryPod(api, mesh, namespace, signal);
	});
}

async function tryPod(
	api: ApiServer,
	mesh: ResolvedMesh,
	namespace: string,
	signal: AbortSignal | undefined,
): Promise<Verdict> {
	const hint = `kubectl -n ${mesh.namespace} logs deployment/istio-sidecar-injector; \`meshwright status ${mesh.name}\` says what the mesh waits for`;
	try {
		const { object } = await api.create(podFor(namespace), { dryRun: true, fieldManager: 'meshwright-cli', signal });
		return judgePod(object, lines.of(mesh).injectedImages(mesh), namespace, hint);
	} catch (error) {
		// The right to make pods is there, so this is the word of somebody at admission.
		if (error instanceof RequestError || error instanceof TransientError)
			return { state: 'failed', detail: `in namespace ${namespace}: ${error.message}`, hint };
		throw error;
	}
}

/** Judges the pod that came back. Pure. */
export function judgePod(pod: KubeObject, images: readonly string[], namespace: string, hint: string): Verdict {
	const { containers, initContainers } = isRecord(pod.spec) ? pod.spec : {};
	const found = [containers, initContainers].flatMap(recordsIn);
	const added = found.filter(({ name }) => name !== podContainer);
	if (added.some(({ image }) => images.includes(String(image))))
		return { state: 'ok', detail: `in namespace ${namespace}` };
	return added.length === 0
		? { state: 'failed', detail: `a pod in namespace ${namespace} came back as it was`, hint }
		: {
				state: 'failed',
				detail: `a pod in namespace ${namespace} came back with ${added.map(({ image }) => String(image)).join(', ')}, and not with ${images.join(', ')}`,
				hint,
			};
}

const podContainer = 'meshwright-check';

/** A pod that every namespace admits, and that no kubelet ever sees. */
function podFor(namespace: string): KubeObject {
	const { apiVersion, kind } = kinds.Pod;
	return {
		apiVersion,
		kind,
		metadata: { name: `meshwright-check-${randomBytes(4).toString('hex')}`, namespace },
		spec: {
			automountServiceAccountToken: false,
			securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
			containers: [
				{
					name: podContainer,
					image: 'meshwright.invalid/check',
					securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
					resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { cpu: '1m', memory: '1Mi' } },
				},
			],
		},
	};
}

/** The operator renews what API servers trust the injector by, long before it ends. */
const mostLeftMs = 7 * 24 * 3_600_000;

async function checkWebhook(
	api: ApiServer,
	mesh: ResolvedMesh,
	{ webhook }: NamespaceInjection,
	nowMs: number,
	signal: AbortSignal | undefined,
): Promise<CheckResult> {
	const right = { verb: 'list', kind: kinds.MutatingWebhookConfiguration } as const;
	return check('webhook-certificate', 'API servers know the injector by an authority that lasts', right, async () => {
		const labelSelector = `${partOfLabel}=${applySetId(mesh.name)}`;
		const { items } = await api.list<KubeObject>(kinds.MutatingWebhookConfiguration, { labelSelector, signal });
		return judgeWebhook(
			items.find((item) => objectKey(item) === webhook),
			nowMs,
			mesh.name,
		);
	});
}

/** Judges the authority in a webhook. Pure. */
export function judgeWebhook(configuration: KubeObject | undefined, nowMs: number, mesh: string): Verdict {
	const hint = `\`meshwright status ${mesh}\` says what the webhook waits for`;
	if (configuration === undefined) return { state: 'failed', detail: 'the webhook is not there', hint };
	const ends = recordsIn(configuration.webhooks).map(({ clientConfig }) => {
		const bundle = isRecord(clientConfig) ? clientConfig.caBundle : undefined;
		const text = Buffer.from(typeof bundle === 'string' ? bundle : '', 'base64').toString('utf8');
		return Math.max(0, ...(readCertificates(text) ?? []).map(({ validToDate }) => validToDate.getTime()));
	});
	const endsAt = Math.min(...ends);
	if (ends.length === 0 || endsAt === 0)
		return { state: 'failed', detail: 'it has no authority that can be read', hint };
	const detail = `until ${new Date(endsAt).toISOString().slice(0, 10)}`;
	if (endsAt <= nowMs) return { state: 'failed', detail: `it ended at ${new Date(endsAt).toISOString()}`, hint };
	return endsAt - nowMs < mostLeftMs
		? { state: 'warning', detail, hint: 'the operator should have renewed it: look at its log' }
		: { state: 'ok', detail };
}
