/** `istio-proxy`: Envoy with its agent. */
import { annotations } from './annotations.ts';
import { annotated, annotation, choose, digits, either, entries, type Fields, given, type Item } from './expression.ts';
import { type Definition, lightstepCa } from './parts.ts';
import { proxyArgs } from './proxy-args.ts';
import { proxyEnv } from './proxy-env.ts';

/** Port of Envoy's metrics, which bypasses the proxy (bootstrap of istio 1.0-1.4). */
const metricsPort = { name: 'http-envoy-prom', containerPort: 15090, protocol: 'TCP' } as const;

export function proxyContainer(definition: Definition): Fields {
	const { mesh, statusPort, hasStatusPort } = definition;
	return {
		name: 'istio-proxy',
		image: annotation(annotations.proxyImage, mesh.images.proxy),
		imagePullPolicy: mesh.images.pullPolicy,
		args: proxyArgs(definition),
		env: proxyEnv(definition),
		ports: [metricsPort],
		readinessProbe: choose(hasStatusPort, {
			httpGet: { path: '/healthz/ready', port: digits(statusPort) },
			initialDelaySeconds: digits(annotation(annotations.readinessInitialDelay, '1')),
			periodSeconds: digits(annotation(annotations.readinessPeriod, '2')),
			failureThreshold: digits(annotation(annotations.readinessFailures, '30')),
		}),
		resources: resources(definition),
		securityContext: securityContext(definition),
		volumeMounts: mounts(definition),
	};
}

/** A pod that asks for CPU or memory of its own gets exactly that. */
function resources({ mesh }: Definition): Fields[string] {
	const { requests, limits } = mesh.sidecar.resources;
	return choose(
		either(annotated(annotations.proxyCPU), annotated(annotations.proxyMemory)),
		{
			requests: {
				cpu: choose(annotated(annotations.proxyCPU), annotation(annotations.proxyCPU, '')),
				memory: choose(annotated(annotations.proxyMemory), annotation(annotations.proxyMemory, '')),
			},
		},
		{
			...(requests === undefined ? {} : { requests: { ...requests } }),
			...(limits === undefined ? {} : { limits: { ...limits } }),
		},
	);
}

/**
 * With TPROXY the proxy is root with NET_ADMIN, and its traffic is recognised by its group. Otherwise the proxy is a user
 * of its own, and its traffic is recognised by that user.
 */
function securityContext({ mesh, since, transparent }: Definition): Fields {
	const { uid } = mesh.sidecar;
	const netAdmin: Fields['add'] = choose(transparent, ['NET_ADMIN']);
	if (since('1.3')) {
		return {
			allowPrivilegeEscalation: false,
			capabilities: { add: netAdmin, drop: ['ALL'] },
			privileged: false,
			readOnlyRootFilesystem: true,
			runAsGroup: uid,
			runAsNonRoot: choose(transparent, false, true),
			runAsUser: choose(transparent, 0, uid),
		};
	}
	return {
		capabilities: choose(transparent, { add: ['NET_ADMIN'] }),
		privileged: false,
		readOnlyRootFilesystem: true,
		runAsGroup: choose(transparent, uid),
		runAsNonRoot: choose(transparent, false),
		runAsUser: choose(transparent, 0, uid),
	};
}

function mounts({ since }: Definition): readonly Item[] {
	return [
		...(since('1.1')
			? [
					entries(annotated(annotations.bootstrapOverride), [
						{ name: 'custom-bootstrap-volume', mountPath: '/etc/istio/custom-bootstrap' },
					]),
				]
			: []),
		{ name: 'istio-envoy', mountPath: '/etc/istio/proxy' },
		{ name: 'istio-certs', mountPath: '/etc/certs/', readOnly: true },
		...(since('1.1')
			? [
					entries(given(lightstepCa), [
						{ name: 'lightstep-certs', mountPath: { is: 'directory', path: lightstepCa }, readOnly: true },
					]),
					{ is: 'each', annotation: annotations.userVolumeMount, values: 'fields' } as const,
				]
			: []),
	];
}
