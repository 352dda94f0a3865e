/** How an injector puts what its template gives into a pod (`webhook.go` createPatch, `app_probe.go`). */
import { createHash } from 'node:crypto';
import type { Minor } from '../../operator/releases/classic/index.ts';
import {
	type Config,
	type Container,
	type Fields,
	type Injected,
	isFrom,
	type KubePod,
	type Probe,
} from './webhook-types.ts';

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

export function patched(minor: Minor, config: Config, pod: KubePod, injected: Injected): KubePod {
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
