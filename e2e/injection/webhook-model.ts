/**
 * What an injector makes of a pod, told anew from the sources of each release (`inject.go`, `webhook.go`, `app_probe.go`,
 * `concurrency.go` in `pkg/kube/inject`): whether it injects, the template's result, and how that is put into the pod.
 */
import { parse } from 'yaml';
import type { Minor } from '../../operator/releases/classic/index.ts';
import { runTemplates, type TemplatePod, type TemplateResult } from './template-program.ts';
import { invalidAnnotations } from './webhook-annotations.ts';
import { patched } from './webhook-merge.ts';
import {
	type Answer,
	type Config,
	type Container,
	type Fields,
	type Injected,
	type InjectorFiles,
	isFrom,
	type KubePod,
	type PodRequest,
	type Selector,
} from './webhook-types.ts';

/** What an injector with these files answers to each of the requests. Throws where it could not read its template. */
export async function answersOf(files: InjectorFiles, requests: readonly PodRequest[]): Promise<readonly Answer[]> {
	const { minor } = files;
	const config = parse(files.config, { version: '1.1' }) as Config;
	const seen = requests.map(({ namespace, pod: sent }) => {
		const named = { ...sent, metadata: { ...sent.metadata, namespace: sent.metadata.namespace ?? namespace } };
		return { namespace, sent, pod: isFrom(minor, '1.1') ? named : sent };
	});
	const resultOf = await runFor(
		files,
		config,
		seen.map(({ namespace, pod }) => dataOf(minor, namespace, pod)),
	);
	return seen.map(({ sent, pod }, index) => {
		if (!isRequired(minor, config, pod)) {
			return { kind: 'skipped' };
		}
		const { text, error } = resultOf(index);
		const fragment = error === undefined ? decode(text) : undefined;
		if (fragment === undefined || invalidAnnotations(minor, pod.metadata.annotations ?? {}).length > 0) {
			return { kind: 'refused' };
		}
		return { kind: 'injected', pod: patched(minor, config, sent, injectedBy(minor, fragment)) };
	});
}

function isRequired(minor: Minor, config: Config, { metadata, spec }: KubePod): boolean {
	if (spec.hostNetwork === true || ['kube-system', 'kube-public'].includes(metadata.namespace ?? '')) {
		return false;
	}
	const wish = (metadata.annotations?.['sidecar.istio.io/inject'] ?? '').toLowerCase();
	if (wish !== '') {
		return ['y', 'yes', 'true', 'on'].includes(wish);
	}
	const matches = (selectors: readonly Selector[] = []): boolean =>
		isFrom(minor, '1.1') && selectors.some((selector) => matchesLabels(selector, metadata.labels ?? {}));
	if (matches(config.neverInjectSelector)) {
		return false;
	}
	return matches(config.alwaysInjectSelector) || config.policy === 'enabled';
}

/** An empty selector selects nothing here. */
function matchesLabels(
	{ matchLabels = {}, matchExpressions = [] }: Selector,
	labels: Readonly<Record<string, string>>,
): boolean {
	if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) {
		return false;
	}
	return (
		Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
		matchExpressions.every(({ key, operator, values = [] }) => {
			const value = labels[key];
			switch (operator) {
				case 'Exists':
					return value !== undefined;
				case 'DoesNotExist':
					return value === undefined;
				case 'In':
					return value !== undefined && values.includes(value);
				default:
					return value === undefined || !values.includes(value);
			}
		})
	);
}

/** Runs the template for all pods. The results are told by index. */
async function runFor(
	{ minor, ...files }: InjectorFiles,
	{ template }: Config,
	pods: readonly TemplatePod[],
): Promise<(index: number) => TemplateResult> {
	const mesh: unknown = parse(files.mesh, { version: '1.1' });
	const values: unknown = parse(files.values, { version: '1.1' });
	const [answer] = await runTemplates([{ minor, template, mesh, values, pods }]);
	return (index) => {
		const result = answer?.results?.[index];
		if (result === undefined) {
			throw new Error(`the template can't be run: ${answer?.unreadable ?? 'its result is missing'}`);
		}
		return result;
	};
}

/** What the template is told of a pod. */
function dataOf(minor: Minor, namespace: string, pod: KubePod): TemplatePod {
	const owner = isFrom(minor, '1.3') ? ownerOf(namespace, pod) : { metadata: pod.metadata, type: {} };
	return { objectMeta: pod.metadata, spec: pod.spec, deploymentMeta: owner.metadata, typeMeta: owner.type };
}

function injectedBy(minor: Minor, fragment: Fields): Injected {
	return {
		rewriteAppHTTPProbe: fragment.rewriteAppHTTPProbe === true,
		initContainers: (fragment.initContainers ?? []) as readonly Container[],
		containers: ((fragment.containers ?? []) as readonly Container[]).map((container) =>
			isFrom(minor, '1.1') && container.name === 'istio-proxy' ? withConcurrency(container) : container,
		),
		volumes: (fragment.volumes ?? []) as readonly Fields[],
		imagePullSecrets: (fragment.imagePullSecrets ?? []) as readonly Fields[],
		dnsConfig: fragment.dnsConfig as Fields | undefined,
	};
}

function ownerOf(namespace: string, { metadata }: KubePod): { readonly metadata: Fields; readonly type: Fields } {
	const controller = metadata.ownerReferences?.find((reference) => reference.controller === true);
	const pod = {
		metadata: { ...metadata, namespace, name: metadata.name ?? '' },
		type: { apiVersion: 'v1', kind: 'Pod' },
	};
	if ((metadata.generateName ?? '') === '' || controller === undefined) {
		return pod;
	}
	const hash = metadata.labels?.['pod-template-hash'] ?? '';
	const isDeployment = controller.kind === 'ReplicaSet' && controller.name.endsWith(hash);
	const name =
		isDeployment && controller.name.endsWith(`-${hash}`) ? controller.name.slice(0, -hash.length - 1) : controller.name;
	return {
		metadata: { ...metadata, namespace, name },
		type: { apiVersion: controller.apiVersion, kind: isDeployment ? 'Deployment' : controller.kind },
	};
}

/** YAML into Go's types: scalars become text where the field is text. Undefined for a text that is no YAML. */
function decode(text: string): Fields | undefined {
	try {
		const result: unknown = parse(text, { version: '1.1' });
		return (result === null ? {} : asTyped(result)) as Fields;
	} catch {
		return undefined;
	}
}

const textFields: ReadonlySet<string> = new Set([
	'args',
	'command',
	'image',
	'mountPath',
	'name',
	'path',
	'secretName',
	'value',
]);

function asTyped(value: unknown, field = ''): unknown {
	if (Array.isArray(value)) {
		return value.map((item) => asTyped(item, field));
	}
	if (typeof value === 'object' && value !== null) {
		return Object.fromEntries(
			Object.entries(value)
				.filter(([, entry]) => entry !== null)
				.map(([key, entry]) => [key, asTyped(entry, key)]),
		);
	}
	return textFields.has(field) ? String(value) : value;
}

/** `applyConcurrency`: as many threads as the proxy may use CPUs, when its arguments say nothing. */
function withConcurrency(container: Container): Container {
	const args = container.args ?? [];
	const index = args.findIndex((arg) => /^-{1,2}concurrency(=[0-9]+)?$/.test(arg.trim()));
	const given = index === -1 ? '' : (args[index]?.split('=')[1] ?? args[index + 1] ?? '');
	if (/^[0-9]+$/.test(given) && Number(given) > 0) {
		return container;
	}
	const resources = (container.resources ?? {}) as { readonly limits?: Fields; readonly requests?: Fields };
	const threads = [resources.limits?.cpu, resources.requests?.cpu].map(cpus).find((count) => count > 0);
	return threads === undefined ? container : { ...container, args: [...args, '--concurrency', String(threads)] };
}

/** Whole CPUs, rounded up. */
function cpus(amount: unknown): number {
	const [, number = '0', unit = ''] = /^([0-9.]+)([a-zA-Z]*)$/.exec(String(amount ?? 0)) ?? [];
	const factors: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3 };
	return Math.ceil(Math.ceil(Number(number) * (factors[unit] ?? 1) * 1000) / 1000);
}
