/**
 * What an injector makes of a pod, told anew from the sources of each release (`inject.go`, `webhook.go`, `app_probe.go`,
 * `concurrency.go` in `pkg/kube/inject`): whether it injects, the template's result, and how that is put into the pod.
 */
import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import type { Minor } from '../../operator/releases/index.ts';
import { minors } from '../../operator/releases/release.ts';
import { type Fields, toGo } from './go-values.ts';
import { istioFunctions } from './istio-functions.ts';
import { templateData, typedMesh, withMeshDefaults } from './istio-types.ts';
import { compileTemplate } from './template-run.ts';
import { invalidAnnotations } from './webhook-annotations.ts';

/** The files that an injector is started with, and what it is. */
export interface InjectorFiles {
	/** Of the injector's own image, which need not be the mesh's release. */
	readonly minor: Minor;
	/** Key `config` of its ConfigMap. */
	readonly config: string;
	/** Key `values`, from 1.2 on. */
	readonly values: string;
	/** Key `mesh` of ConfigMap `istio`. */
	readonly mesh: string;
}

/** A pod in an AdmissionReview. */
export interface PodRequest {
	readonly namespace: string;
	readonly pod: KubePod;
}

export interface KubePod extends Fields {
	readonly metadata: Fields & {
		readonly name?: string;
		readonly generateName?: string;
		readonly namespace?: string;
		readonly labels?: Readonly<Record<string, string>>;
		readonly annotations?: Readonly<Record<string, string>>;
		readonly ownerReferences?: readonly {
			readonly apiVersion: string;
			readonly kind: string;
			readonly name: string;
			readonly controller?: boolean;
		}[];
	};
	readonly spec: Fields & { readonly hostNetwork?: boolean; readonly containers: readonly Container[] };
}

interface Container extends Fields {
	readonly name: string;
	readonly args?: readonly string[];
	readonly env?: readonly Fields[];
	readonly ports?: readonly (Fields & { readonly name?: string; readonly containerPort: number })[];
	readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
	readonly readinessProbe?: Probe;
	readonly livenessProbe?: Probe;
}

interface Probe extends Fields {
	readonly httpGet?: Fields & { readonly port: number | string; readonly scheme?: string };
}

export type Answer =
	| { readonly kind: 'injected'; readonly pod: KubePod }
	/** Let in as it is. */
	| { readonly kind: 'skipped' }
	| { readonly kind: 'refused' };

interface Config {
	readonly policy?: string;
	readonly template: string;
	readonly neverInjectSelector?: readonly Selector[];
	readonly alwaysInjectSelector?: readonly Selector[];
	readonly injectedAnnotations?: Readonly<Record<string, string>>;
}

interface Selector {
	readonly matchLabels?: Readonly<Record<string, string>>;
	readonly matchExpressions?: readonly {
		readonly key: string;
		readonly operator: string;
		readonly values?: readonly string[];
	}[];
}

/** `SidecarInjectionSpec`. */
interface Injected {
	readonly rewriteAppHTTPProbe: boolean;
	readonly initContainers: readonly Container[];
	readonly containers: readonly Container[];
	readonly volumes: readonly Fields[];
	readonly imagePullSecrets: readonly Fields[];
	readonly dnsConfig: Fields | undefined;
}

function isFrom(minor: Minor, first: Minor): boolean {
	return minors.indexOf(minor) >= minors.indexOf(first);
}

/** An injector that has read its files: from a request to its answer. */
export function startModel(files: InjectorFiles): (request: PodRequest) => Answer {
	const { minor } = files;
	const config = parse(files.config, { version: '1.1' }) as Config;
	const fragmentOf = fragments(files, config);
	return ({ namespace, pod: sent }) => {
		const { metadata } = sent;
		const pod = isFrom(minor, '1.1')
			? { ...sent, metadata: { ...metadata, namespace: metadata.namespace ?? namespace } }
			: sent;
		if (!isRequired(minor, config, pod)) {
			return { kind: 'skipped' };
		}
		if (invalidAnnotations(minor, pod.metadata.annotations ?? {}).length > 0) {
			return { kind: 'refused' };
		}
		try {
			return { kind: 'injected', pod: patched(minor, config, sent, fragmentOf(namespace, pod)) };
		} catch (error) {
			if (error instanceof TypeError) {
				return { kind: 'refused' };
			}
			throw error;
		}
	};
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

/** What the template gives for a pod, as it is decoded. */
function fragments(
	{ minor, values, mesh }: InjectorFiles,
	{ template }: Config,
): (namespace: string, pod: KubePod) => Injected {
	const meshConfig = withMeshDefaults(minor, (parse(mesh, { version: '1.1' }) ?? {}) as Fields);
	const delimiters = isFrom(minor, '1.2') ? { left: '{{', right: '}}' } : { left: '[[', right: ']]' };
	const run = compileTemplate(template, { delimiters, functions: istioFunctions(minor) });
	const type = templateData(minor);
	const settings = {
		proxyConfig: typedMesh(meshConfig.defaultConfig),
		meshConfig: typedMesh(meshConfig),
		values: isFrom(minor, '1.2') ? parse(values, { version: '1.1' }) : undefined,
	};
	return (namespace, pod) => {
		const owner = isFrom(minor, '1.3') ? ownerOf(namespace, pod) : { metadata: pod.metadata, type: {} };
		const data = {
			...settings,
			objectMeta: pod.metadata,
			spec: pod.spec,
			deploymentMeta: owner.metadata,
			typeMeta: owner.type,
		};
		const result = decode(run(toGo({ struct: () => type }, data)));
		return {
			rewriteAppHTTPProbe: result.rewriteAppHTTPProbe === true,
			initContainers: (result.initContainers ?? []) as readonly Container[],
			containers: ((result.containers ?? []) as readonly Container[]).map((container) =>
				isFrom(minor, '1.1') && container.name === 'istio-proxy' ? withConcurrency(container) : container,
			),
			volumes: (result.volumes ?? []) as readonly Fields[],
			imagePullSecrets: (result.imagePullSecrets ?? []) as readonly Fields[],
			dnsConfig: result.dnsConfig as Fields | undefined,
		};
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

/** YAML into Go's types: scalars become text where the field is text. A text that is no YAML ends injection. */
function decode(text: string): Fields {
	let result: unknown;
	try {
		result = parse(text, { version: '1.1' });
	} catch (error) {
		throw new TypeError(`the template gives no YAML: ${text}`, { cause: error });
	}
	return (result === null ? {} : asTyped(result)) as Fields;
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

/** What is removed from a pod before anything is added: what its status names, or else what injectors of old have put in. */
interface Earlier {
	readonly initContainers: readonly string[];
	readonly containers: readonly string[];
	readonly volumes: readonly string[];
	readonly imagePullSecrets: readonly string[];
}

function earlier(annotations: Readonly<Record<string, string>>): Earlier {
	const legacy: Earlier = {
		initContainers: ['istio-init', 'enable-core-dump'],
		containers: ['istio-proxy'],
		volumes: ['istio-certs', 'istio-envoy'],
		imagePullSecrets: [],
	};
	try {
		const status = JSON.parse(annotations['sidecar.istio.io/status'] ?? '') as Partial<
			Record<keyof Earlier, readonly string[] | null>
		> | null;
		const read = {
			initContainers: status?.initContainers ?? [],
			containers: status?.containers ?? [],
			volumes: status?.volumes ?? [],
			imagePullSecrets: status?.imagePullSecrets ?? [],
		};
		return Object.values(read).some((names) => names.length > 0) ? read : legacy;
	} catch (error) {
		if (error instanceof SyntaxError) {
			return legacy;
		}
		throw error;
	}
}

const tokenPath = '/var/run/secrets/kubernetes.io/serviceaccount';

function patched(minor: Minor, config: Config, pod: KubePod, injected: Injected): KubePod {
	const { metadata, spec } = pod;
	const annotations = metadata.annotations ?? {};
	const before = earlier(annotations);
	const isRewritten = rewritesProbes(minor, annotations, injected);
	const statusPort = isRewritten ? statusPortOf(injected) : undefined;
	const added = injected.containers.map((container) => {
		const env =
			isRewritten && container.name === 'istio-proxy'
				? [{ name: 'ISTIO_KUBE_APP_PROBERS', value: probers(spec.containers) }]
				: [];
		return env.length === 0 ? container : { ...container, env: [...(container.env ?? []), ...env] };
	});
	const rewritten = (container: Container): Container =>
		statusPort === undefined || container.name === 'istio-proxy' ? container : withProbes(minor, container, statusPort);
	const list = (
		field: keyof Earlier,
		additions: readonly Fields[],
		own: readonly Fields[] = (spec[field] ?? []) as readonly Fields[],
	): readonly Fields[] => [...own.filter(({ name }) => !before[field].includes(String(name))), ...additions];
	const withToken = (target: unknown, additions: readonly Container[]): readonly Container[] => {
		const mount = ((target ?? []) as readonly Container[])
			.flatMap(({ volumeMounts = [] }) => volumeMounts)
			.findLast(({ mountPath }) => mountPath === tokenPath);
		return mount === undefined || minor === '1.0'
			? additions
			: additions.map((container) =>
					container.name === 'istio-proxy'
						? { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] }
						: container,
				);
	};
	return {
		...pod,
		metadata: {
			...metadata,
			annotations: {
				...annotations,
				'sidecar.istio.io/status': statusText(config.template, injected),
				...(minor === '1.4' ? (config.injectedAnnotations ?? {}) : {}),
			},
			...(minor === '1.4' ? { labels: withTlsMode(metadata.labels ?? {}) } : {}),
		},
		spec: {
			...spec,
			initContainers: list('initContainers', withToken(spec.initContainers, injected.initContainers)),
			containers: list(
				'containers',
				withToken(spec.containers, added),
				spec.containers.map(rewritten),
			) as readonly Container[],
			volumes: list('volumes', injected.volumes),
			imagePullSecrets: list('imagePullSecrets', injected.imagePullSecrets),
			...(injected.dnsConfig === undefined ? {} : { dnsConfig: injected.dnsConfig }),
		},
	};
}

function withTlsMode(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
	const name = 'security.istio.io/tlsMode';
	return (labels[name] ?? '') === '' ? { ...labels, [name]: 'istio' } : labels;
}

function statusText(template: string, injected: Injected): string {
	const names = (list: readonly Fields[]): readonly unknown[] | null =>
		list.length === 0 ? null : list.map(({ name }) => name);
	return JSON.stringify({
		version: createHash('sha256').update(template).digest('hex'),
		initContainers: names(injected.initContainers),
		containers: names(injected.containers),
		volumes: names(injected.volumes),
		imagePullSecrets: names(injected.imagePullSecrets),
	});
}

function rewritesProbes(minor: Minor, annotations: Readonly<Record<string, string>>, injected: Injected): boolean {
	const wish = isFrom(minor, '1.2') ? annotations['sidecar.istio.io/rewriteAppHTTPProbers'] : undefined;
	// strconv.ParseBool: another word counts as none.
	if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(wish ?? '')) {
		return true;
	}
	return (
		!['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(wish ?? '') &&
		isFrom(minor, '1.1') &&
		injected.rewriteAppHTTPProbe
	);
}

function statusPortOf({ containers }: Injected): number | undefined {
	const args = containers.find(({ name }) => name === 'istio-proxy')?.args ?? [];
	const index = args.findIndex((arg) => /^-{1,2}statusPort(=[0-9]+)?$/.test(arg.trim()));
	const text = index === -1 ? '' : (args[index]?.split('=')[1] ?? args[index + 1] ?? '');
	return /^[+-]?[0-9]+$/.test(text) && Number(text) !== -1 ? Number(text) : undefined;
}

function probers(containers: readonly Container[]): string {
	const found = containers
		.filter(({ name }) => name !== 'istio-proxy')
		.flatMap(({ name, ports = [], readinessProbe, livenessProbe }) =>
			(
				[
					['readyz', readinessProbe],
					['livez', livenessProbe],
				] as const
			).flatMap(([path, probe]) => {
				const get = probe?.httpGet;
				const port =
					typeof get?.port === 'string'
						? ports.findLast((candidate) => candidate.name === get.port)?.containerPort
						: get?.port;
				// The order of the fields is that of HTTPGetAction.
				return get === undefined || port === undefined
					? []
					: [
							[
								`/app-health/${name}/${path}`,
								{
									...pick(get, 'path'),
									port,
									...pick(get, 'host'),
									...pick(get, 'scheme'),
									...pick(get, 'httpHeaders'),
								},
							] as const,
						];
			}),
		);
	return JSON.stringify(Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1))));
}

function pick(fields: Fields, name: string): Fields {
	return fields[name] === undefined || fields[name] === '' ? {} : { [name]: fields[name] };
}

function withProbes(minor: Minor, container: Container, statusPort: number): Container {
	const rewritten = (probe: Probe | undefined, path: string): Probe | undefined => {
		if (probe?.httpGet === undefined) {
			return probe;
		}
		const { scheme } = probe.httpGet;
		const plain = scheme === 'HTTPS' && isFrom(minor, '1.2') ? { scheme: 'HTTP' } : {};
		return {
			...probe,
			httpGet: { ...probe.httpGet, ...plain, path: `/app-health/${container.name}/${path}`, port: statusPort },
		};
	};
	const readinessProbe = rewritten(container.readinessProbe, 'readyz');
	const livenessProbe = rewritten(container.livenessProbe, 'livez');
	return {
		...container,
		...(readinessProbe === undefined ? {} : { readinessProbe }),
		...(livenessProbe === undefined ? {} : { livenessProbe }),
	};
}
