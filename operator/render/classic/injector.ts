/** The sidecar injector of the classic line: adds proxies to new pods of labelled namespaces. */
import { Buffer } from 'node:buffer';
import { posix } from 'node:path';
import { stringify } from 'yaml';
import { healthCheckFile, type ResolvedClassicMesh, type ResolvedInjector } from '../../releases/classic/index.ts';
import type { AccessRule } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { sidecarTemplate } from '../../sidecar/index.ts';
import type { ServingCertificate } from '../facts.ts';
import { asGiven } from '../finish.ts';
import { objectLabels } from '../labels.ts';
import { renderAccount } from '../rbac.ts';
import { componentService } from '../service.ts';
import { renderWorkload } from '../workload.ts';
import type { ClassicFacts } from './facts.ts';
import {
	citadelInjectorSecret,
	injectorFilesName,
	injectorName,
	injectorServiceAccount,
	injectorWebhook,
	ownInjectorSecret,
} from './injector-names.ts';
import { renderWebhook } from './injector-webhook.ts';

const component = 'injector';

/** The charts' selector since 1.2. Selectors can't be changed, so every release has this one. */
const selector = { istio: 'sidecar-injector' };

const probe = {
	exec: { command: ['/usr/local/bin/sidecar-injector', 'probe', `--probe-path=${healthCheckFile}`, '--interval=4s'] },
	initialDelaySeconds: 4,
	periodSeconds: 4,
	timeoutSeconds: 5,
} as const;

/**
 * The binary closes its port as soon as it is told to end (istio 1.0-1.4 `pkg/kube/inject/webhook.go`, `Run`), and an API
 * server that still has its address then refuses a pod.
 */
const goesOnSeconds = 5;

export function renderInjector(mesh: ResolvedClassicMesh, facts: ClassicFacts): readonly KubeObject[] {
	const { injector, release } = mesh;
	if (injector === undefined) {
		return [];
	}
	const reads = webhookReads(mesh);
	const files = injectorFilesName(release.version);
	return [
		...renderAccount(mesh, {
			component,
			name: injectorName,
			serviceAccount: injectorServiceAccount,
			cluster: reads,
			namespace: [],
		}),
		configMap(mesh, injector),
		service(mesh),
		...certificate(mesh, facts.injectorCertificate),
		renderWebhook(mesh, facts.injectorRoots),
		...renderWorkload(mesh, {
			component,
			name: injectorName,
			serviceAccount: injectorServiceAccount,
			...(reads.length === 0 ? { token: false } : {}),
			labels: { app: 'sidecarInjectorWebhook', ...selector },
			selector,
			annotations: { 'sidecar.istio.io/inject': 'false' },
			container: {
				name: 'sidecar-injector-webhook',
				image: mesh.images.sidecarInjector,
				args: [
					...release.injector.args,
					...(reads.length === 0 ? [] : [`--webhookConfigName=${injectorWebhook(mesh)}`]),
				],
				env: [],
				ports: release.injector.ports,
				readinessProbe: probe,
				livenessProbe: probe,
				goesOnSeconds,
				volumeMounts: [
					{ name: 'config-volume', mountPath: '/etc/istio/config', readOnly: true },
					{ name: 'inject-config', mountPath: '/etc/istio/inject', readOnly: true },
					{ name: 'certs', mountPath: '/etc/istio/certs', readOnly: true },
					{ name: 'health', mountPath: posix.dirname(healthCheckFile) },
				],
			},
			// The process itself notices changes of all three.
			volumes: [
				asGiven({ name: 'health', emptyDir: {} }),
				{ name: 'config-volume', configMap: { name: files, items: itemsOf('mesh') } },
				{
					name: 'inject-config',
					configMap: { name: files, items: itemsOf('config', ...(release.injector.values ? ['values'] : [])) },
				},
				{
					name: 'certs',
					secret: { secretName: mesh.citadel === undefined ? ownInjectorSecret : citadelInjectorSecret },
				},
			],
			settings: injector,
		}),
	];
}

function itemsOf(...files: readonly string[]): readonly { readonly key: string; readonly path: string }[] {
	return files.map((file) => ({ key: file, path: file }));
}

/**
 * Up to 1.3 the binary looks for its webhook through an API that Kubernetes 1.22 removed, and goes on without it. It may
 * see that one object, so that the answer is "no such API" and not "forbidden". It can change nothing.
 */
function webhookReads(mesh: ResolvedClassicMesh): readonly AccessRule[] {
	return mesh.release.injector.webhookReads.length === 0
		? []
		: [
				{
					group: 'admissionregistration.k8s.io',
					resource: 'mutatingwebhookconfigurations',
					verbs: mesh.release.injector.webhookReads,
					// Restricted to this name also for list and watch, because the binary asks for this name alone.
					names: [injectorWebhook(mesh)],
				},
			];
}

/**
 * The files that the binary reads as `--injectConfig`, and from 1.2 on as `--injectValues`: there are no values, but the
 * file must exist. `istioctl` reads this ConfigMap, the injector a copy of it (`injector-files.ts`).
 */
function configMap(mesh: ResolvedClassicMesh, { policy, neverInject, alwaysInject }: ResolvedInjector): KubeObject {
	const { selectors, values } = mesh.release.injector;
	const config = {
		policy,
		...(selectors ? { neverInjectSelector: neverInject, alwaysInjectSelector: alwaysInject } : {}),
		template: sidecarTemplate(mesh),
	};
	return {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: {
			name: injectorName,
			namespace: mesh.namespace,
			labels: objectLabels(mesh, 'ConfigMap', component, injectorName),
		},
		data: {
			config: stringify(config, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false }),
			...(values ? { values: '{}' } : {}),
		},
	};
}

function service(mesh: ResolvedClassicMesh): KubeObject {
	return componentService(mesh, {
		component,
		name: injectorName,
		selector,
		ports: mesh.release.injector.ports,
		// API servers call a webhook at 443 unless it names another port, and NetworkPolicies of users name that port.
		portOf: ({ port, container }) => (container === 'https-inject' ? 443 : port),
	});
}

/** The Secret has the keys that Citadel would write. */
function certificate(mesh: ResolvedClassicMesh, given: ServingCertificate | undefined): readonly KubeObject[] {
	if (given === undefined || mesh.citadel !== undefined) {
		return [];
	}
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	return [
		{
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: {
				name: ownInjectorSecret,
				namespace: mesh.namespace,
				labels: objectLabels(mesh, 'Secret', component, injectorName),
			},
			type: 'Opaque',
			data: {
				'cert-chain.pem': base64(given.certChain),
				'key.pem': base64(given.key),
				'root-cert.pem': base64(given.roots),
			},
		},
	];
}
