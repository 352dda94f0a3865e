/** For tests of the policy: everything that is rendered, and a judge that shares no code with the policy. */
import { render } from '../../lines/testing.ts';
import { classicReleases } from '../../releases/classic/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import type { ClassicFacts } from '../classic/index.ts';
import { meshOf } from '../testing.ts';

const facts: ClassicFacts = {
	injectorRoots: 'the roots\n',
	injectorCertificate: { certChain: 'the certificate\n', key: 'the key\n', roots: 'the roots\n' },
};

/** Every object of a mesh of this version in which everything is switched on. */
export function everythingOf(version: string): readonly KubeObject[] {
	const mesh = meshOf({
		version,
		profile: 'production',
		citadel: { enabled: true },
		mesh: { mtls: { mode: 'STRICT', controlPlane: true } },
		mixer: { adapters: [{ prometheus: {} }, { stdio: {} }, { statsd: { address: 'statsd:8125' } }] },
		gateways: { ingress: { enabled: true }, egress: { enabled: true } },
		pilot: { autoscaling: { minReplicas: 2, maxReplicas: 5 } },
	});
	return render(mesh, facts);
}

/** The objects of all releases. */
export const everything: readonly KubeObject[] = classicReleases.flatMap(({ version }) => everythingOf(version));

type Loose = Readonly<Record<string, unknown>>;

const isLoose = (value: unknown): value is Loose => typeof value === 'object' && value !== null;
const get = (value: unknown, ...path: readonly string[]): unknown =>
	path.reduce<unknown>((at, part) => (isLoose(at) ? at[part] : undefined), value);
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const json = (value: unknown): string =>
	JSON.stringify(value, (_, entry: unknown) =>
		isLoose(entry) && !Array.isArray(entry)
			? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
			: entry,
	) ?? 'absent';

/** Why the second object is more powerful than the first. Empty when it is not. */
export function escalations(before: KubeObject, after: KubeObject): readonly string[] {
	const same = (...path: readonly string[]): readonly string[] =>
		json(get(before, ...path)) === json(get(after, ...path)) ? [] : [`${before.kind} ${path.join('.')} changed`];
	switch (before.kind) {
		case 'DaemonSet':
		case 'Deployment':
			return podEscalations(get(before, 'spec', 'template'), get(after, 'spec', 'template'));
		case 'ClusterRole':
		case 'Role':
			return [...roleEscalations(before, after), ...same('aggregationRule'), ...same('metadata', 'labels')];
		case 'ClusterRoleBinding':
		case 'RoleBinding':
			return [...same('subjects'), ...same('roleRef')];
		case 'ConfigMap':
			return [...same('data'), ...same('binaryData')];
		case 'MutatingWebhookConfiguration':
			return webhookEscalations(before, after);
		case 'Namespace':
			return same('metadata');
		case 'Service':
			return ['externalIPs', 'externalName', 'selector', 'type', 'ports', 'clusterIP'].flatMap((f) => same('spec', f));
		case 'ServiceAccount':
			return ['secrets', 'imagePullSecrets', 'automountServiceAccountToken']
				.flatMap((field) => same(field))
				.concat(same('metadata', 'annotations'));
		case 'HorizontalPodAutoscaler':
			return same('spec', 'scaleTargetRef');
		case 'PodDisruptionBudget':
			return same('spec', 'selector');
		default:
			return same('spec');
	}
}

function webhookEscalations(before: unknown, after: unknown): readonly string[] {
	const bare = (object: unknown): string =>
		json(
			listOf(get(object, 'webhooks'))
				.map((hook) => ({ ...(hook as Loose), timeoutSeconds: 0 }))
				.sort((a, b) => (json(a) < json(b) ? -1 : 1)),
		);
	return bare(before) === bare(after) ? [] : ['the webhook changed'];
}

/** Every (verb, group, resource, name) that the values of both roles can form is asked of both, as an authorizer asks. */
function roleEscalations(before: unknown, after: unknown): readonly string[] {
	const [old, now] = [listOf(get(before, 'rules')), listOf(get(after, 'rules'))];
	const values = (field: string): readonly string[] => [
		...new Set([...old, ...now].flatMap((rule) => listOf(get(rule, field)).map(String))),
		'something-else',
	];
	const allows = (rules: readonly unknown[], verb: string, group: string, resource: string, name: string): boolean =>
		rules.some((rule) => {
			const has = (field: string, value: string): boolean =>
				listOf(get(rule, field)).some((entry) => entry === '*' || entry === value);
			const names = listOf(get(rule, 'resourceNames'));
			return (
				has('verbs', verb) &&
				has('apiGroups', group) &&
				has('resources', resource) &&
				(names.length === 0 || names.includes(name))
			);
		});
	return values('verbs').flatMap((verb) =>
		values('apiGroups').flatMap((group) =>
			values('resources').flatMap((resource) =>
				values('resourceNames').flatMap((name) =>
					allows(now, verb, group, resource, name) && !allows(old, verb, group, resource, name)
						? [`${verb} ${resource}.${group} ${name}`]
						: [],
				),
			),
		),
	);
}

const podFieldsThatStay = [
	'serviceAccountName',
	'serviceAccount',
	'hostNetwork',
	'hostPID',
	'hostIPC',
	'shareProcessNamespace',
	'runtimeClassName',
	'nodeName',
	'imagePullSecrets',
	'initContainers',
	'ephemeralContainers',
	'priorityClassName',
	'resourceClaims',
] as const;

const containerFieldsThatStay = [
	'command',
	'args',
	'env',
	'envFrom',
	'lifecycle',
	'volumeDevices',
	'workingDir',
] as const;

function podEscalations(before: unknown, after: unknown): readonly string[] {
	const [old, now] = [get(before, 'spec'), get(after, 'spec')];
	const found: string[] = podFieldsThatStay.filter((field) => json(get(old, field)) !== json(get(now, field)));
	if (get(now, 'hostUsers') === true) found.push('hostUsers');
	if (get(now, 'automountServiceAccountToken') !== get(old, 'automountServiceAccountToken')) {
		if (get(now, 'automountServiceAccountToken') !== false) found.push('automountServiceAccountToken');
	}
	const volumes = new Set(listOf(get(old, 'volumes')).map(json));
	for (const volume of listOf(get(now, 'volumes'))) {
		const type = Object.keys(volume as Loose).filter((key) => key !== 'name');
		if (!volumes.has(json(volume)) && json(type) !== '["emptyDir"]') found.push(`volume ${json(volume)}`);
	}
	if (json(get(now, 'securityContext', 'sysctls')) !== json(get(old, 'securityContext', 'sysctls')))
		found.push('sysctls');
	for (const field of ['seLinuxOptions', 'appArmorProfile', 'windowsOptions', 'supplementalGroups', 'procMount']) {
		if (get(now, 'securityContext', field) !== undefined) found.push(field);
	}
	if (get(now, 'securityContext', 'seccompProfile', 'type') !== 'RuntimeDefault') found.push('seccomp');
	if (get(now, 'securityContext', 'runAsUser') === 0) found.push('root');
	const names = (spec: unknown): string =>
		json(
			listOf(get(spec, 'containers'))
				.map((one) => get(one, 'name'))
				.sort(),
		);
	if (names(old) !== names(now)) found.push('containers');
	for (const container of listOf(get(now, 'containers'))) {
		const was = listOf(get(old, 'containers')).find((one) => get(one, 'name') === get(container, 'name'));
		found.push(...containerEscalations(was, container));
	}
	const labels = get(after, 'metadata', 'labels');
	for (const [key, value] of Object.entries((get(before, 'metadata', 'labels') ?? {}) as Loose)) {
		if (get(labels, key) !== value) found.push(`label ${key}`);
	}
	const keys = [labels, get(after, 'metadata', 'annotations')].flatMap((map) => Object.keys((map ?? {}) as Loose));
	found.push(...keys.filter((key) => /apparmor|seccomp|crio|iam|eks|vault/.test(key)));
	return found;
}

function containerEscalations(was: unknown, now: unknown): readonly string[] {
	const found: string[] = containerFieldsThatStay.filter((field) => json(get(was, field)) !== json(get(now, field)));
	const context = get(now, 'securityContext');
	if (get(context, 'privileged') === true) found.push('privileged');
	if (get(context, 'allowPrivilegeEscalation') !== false) found.push('allowPrivilegeEscalation');
	if (get(context, 'runAsUser') === 0) found.push('root');
	for (const field of ['procMount', 'seLinuxOptions', 'appArmorProfile', 'windowsOptions']) {
		if (get(context, field) !== undefined) found.push(field);
	}
	if (![undefined, 'RuntimeDefault'].includes(get(context, 'seccompProfile', 'type') as string | undefined)) {
		found.push('seccomp');
	}
	const capabilities = (container: unknown, list: string): readonly unknown[] =>
		listOf(get(container, 'securityContext', 'capabilities', list));
	if (capabilities(now, 'add').some((one) => !capabilities(was, 'add').includes(one))) found.push('capabilities');
	if (capabilities(was, 'drop').some((one) => !capabilities(now, 'drop').includes(one)))
		found.push('capabilities kept');
	if (listOf(get(now, 'ports')).some((port) => get(port, 'hostPort') !== undefined)) found.push('hostPort');
	for (const probe of ['readinessProbe', 'livenessProbe', 'startupProbe']) {
		if (json(get(now, probe, 'exec')) !== json(get(was, probe, 'exec'))) found.push('exec');
		if (get(now, probe, 'httpGet', 'host') !== undefined || get(now, probe, 'tcpSocket', 'host') !== undefined) {
			found.push('host of a probe');
		}
	}
	const mounts = new Map(listOf(get(was, 'volumeMounts')).map((mount) => [get(mount, 'mountPath'), mount]));
	for (const mount of listOf(get(now, 'volumeMounts'))) {
		const before = mounts.get(get(mount, 'mountPath'));
		if (before !== undefined && get(before, 'name') !== get(mount, 'name')) found.push('another volume at a path');
		if (get(mount, 'mountPropagation') !== undefined || get(mount, 'subPathExpr') !== undefined) found.push('mount');
	}
	return found;
}
