/**
 * The checks before a change of version, on a real API server: everything that stands against it at once, by the command line
 * and with the rights of the operator, and what is told where rights are missing.
 */
import test from 'ava';
import { upgradeDespiteAnnotation } from '../../api/v1/index.ts';
import { statusFieldManager } from '../../operator/apply/identity.ts';
import { lines } from '../../operator/lines/index.ts';
import { toInstallation } from '../../operator/mesh/installation.ts';
import { UpgradeLooks } from '../../operator/mesh/upgrade/looks.ts';
import { askUpgrade } from '../../operator/mesh/upgrade/question.ts';
import { targetOf } from '../../operator/mesh/upgrade/target.ts';
import { describeFinding } from '../../operator/plan/upgrade/insist.ts';
import { meshOf } from '../../operator/render/testing.ts';
import { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { loadKubeconfig } from '../../operator/runtime/credentials/credentials.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { meshwright } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { applyInstallation, readInstallation, untilCondition } from '../support/installation.ts';
import { type MeshCluster, makeNamespace, person, startMeshCluster } from '../support/mesh-cluster.ts';
import { startOperator } from '../support/operator.ts';

const [before, after] = ['1.3.8', '1.4.10'];
const clusters = [{ name: 'west', kubeconfigSecret: { namespace: 'meshwright-system', name: 'west' } }];
const spec = {
	version: before,
	profile: 'default',
	citadel: { enabled: true, caSecretName: 'cacerts' },
	multiCluster: { clusters },
	overlays: [{ target: { kind: 'Deployment', name: 'istio-nobody' }, mergePatch: { spec: { paused: true } } }],
};

/** Everything that stands against the change. Names of blockers that can be insisted on are what the test looks for. */
const expected = [
	'cluster-unreachable',
	'http-on-443',
	'limit-range',
	'no-room',
	'overlay-not-applicable',
	'proxies-behind',
	'quota-exceeded',
	'regex-not-re2',
	'root-ends-soon',
	'webhook-unanswered',
] as const;

let mesh: MeshCluster;

function object(apiVersion: string, kind: string, name: string, rest: object = {}, namespace?: string): KubeObject {
	return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) }, ...rest };
}

const virtualService = object(
	'networking.istio.io/v1alpha3',
	'VirtualService',
	'web',
	{
		spec: {
			hosts: ['web'],
			http: [{ match: [{ uri: { regex: '/(?!admin).*' } }], route: [{ destination: { host: 'web' } }] }],
		},
	},
	'shop',
);

const pod = {
	spec: {
		nodeName: 'small',
		containers: [
			{
				name: 'istio-proxy',
				image: 'docker.io/istio/proxyv2:1.2.10',
				args: ['proxy', '--discoveryAddress', 'istio-pilot.istio-system:15010'],
				resources: { requests: { cpu: '3900m' } },
			},
		],
	},
};

const webhook = {
	name: 'pilot.validation.istio.io',
	admissionReviewVersions: ['v1'],
	sideEffects: 'None',
	clientConfig: { service: { namespace: 'istio-system', name: 'istio-galley' } },
	rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }],
};

/** Kinds of which the table of kinds knows nothing are sent as they are. */
async function create(path: string, body: KubeObject, subresource = ''): Promise<void> {
	await mesh.cluster.request({ method: 'POST', path: `${path}${subresource}`, body: body as object });
}

test.before(async () => {
	mesh = await startMeshCluster({ name: 'upgrade-checks' });
	const { api } = mesh;
	for (const name of ['istio-system', 'shop']) await makeNamespace(api, name);
	const crds = lines.renderCrds(meshOf({ version: before, profile: 'default' }));
	await Promise.all(crds.map((crd) => api.apply(crd, { fieldManager: 'meshwright', force: true })));
	await create('/api/v1/namespaces/shop/serviceaccounts', object('v1', 'ServiceAccount', 'default', {}, 'shop'));
	const allocatable = { cpu: '4', memory: '16Gi', pods: '110' };
	await create('/api/v1/nodes', object('v1', 'Node', 'small', { status: { allocatable, capacity: allocatable } }));
	await create('/api/v1/namespaces/shop/pods', object('v1', 'Pod', 'web', pod, 'shop'));
	const service = { spec: { ports: [{ name: 'http-web', port: 443 }] } };
	await create('/api/v1/namespaces/shop/services', object('v1', 'Service', 'web', service, 'shop'));
	const system = '/api/v1/namespaces/istio-system';
	const hard = { pods: '0' };
	await create(`${system}/resourcequotas`, object('v1', 'ResourceQuota', 'tight', { spec: { hard } }, 'istio-system'));
	const limits = [{ type: 'Container', max: { cpu: '10m' } }];
	await create(`${system}/limitranges`, object('v1', 'LimitRange', 'tight', { spec: { limits } }, 'istio-system'));
	await eventually('VirtualServices are served', async () => {
		await create('/apis/networking.istio.io/v1alpha3/namespaces/shop/virtualservices', virtualService);
		return true;
	});
	const { apiVersion, kind } = kinds.ValidatingWebhookConfiguration;
	await api.apply(object(apiVersion, kind, 'istio-galley', { webhooks: [webhook] }), { fieldManager: person });
	await applyInstallation(api, 'default', spec);
	const status = { status: { observedGeneration: 1, version: before } };
	await api.apply(object('meshwright.io/v1', 'MeshInstallation', 'default', status), {
		fieldManager: statusFieldManager,
		subresource: 'status',
	});
});

test.after.always(() => mesh?.stop());

interface Planned {
	readonly blocked: boolean;
	readonly components: readonly { readonly name: string; readonly rolls: boolean }[];
	readonly findings: readonly {
		readonly name: string;
		readonly severity: string;
		readonly subject: string;
		readonly message: string;
	}[];
}

async function plan(...args: readonly string[]): Promise<Planned & { readonly exitCode: number }> {
	const kubeconfig = ['--kubeconfig', mesh.cluster.adminKubeconfig()];
	const { exitCode, stdout, stderr } = await meshwright([...args, ...kubeconfig, '-o', 'json']);
	if (exitCode > 1) throw new Error(stderr);
	const planned = JSON.parse(stdout) as Planned;
	return { ...planned, exitCode };
}

function named(findings: Planned['findings'], severity: string): readonly string[] {
	return [...new Set(findings.filter((one) => one.severity === severity).map(({ name }) => name))].toSorted();
}

test.serial('upgrade plan tells all blockers at once, and what would be replaced', async (t) => {
	const { exitCode, blocked, components, findings } = await plan('upgrade', 'plan', '--to', after);
	t.is(exitCode, 1);
	t.true(blocked);
	t.deepEqual(named(findings, 'Blocker'), expected);
	const gaps = findings.filter(({ name }) => name === 'not-looked-at').map(({ subject }) => subject);
	t.deepEqual(gaps, ['proxies in cluster west'], 'an administrator may see all of this cluster');
	t.true(components.some(({ name, rolls }) => name === 'istio-pilot' && rolls));
	const kubeconfig = ['--kubeconfig', mesh.cluster.adminKubeconfig()];
	const dry = await meshwright(['upgrade', 'default', '--to', after, '--dry-run', ...kubeconfig]);
	t.is(dry.exitCode, 3);
	for (const name of expected) t.true(dry.stdout.includes(`✘ ${name}: `), name);
	t.is((await readInstallation(mesh.api, 'default')).metadata.generation, 1);
});

test.serial('the annotation insists on what it names, and a word that is no blocker is told', async (t) => {
	const insisted = expected.filter((name) => name !== 'overlay-not-applicable' && name !== 'no-room');
	const annotations = { [upgradeDespiteAnnotation]: `${insisted.join(', ')},everything` };
	const { apiVersion, kind } = kinds.MeshInstallation;
	const owner = { fieldManager: 'owner', force: true };
	await mesh.api.apply({ apiVersion, kind, metadata: { name: 'default', annotations } }, owner);
	const { exitCode, findings } = await plan('upgrade', 'plan', 'default', '--to', after);
	t.is(exitCode, 1);
	t.deepEqual(named(findings, 'Blocker'), ['no-room', 'overlay-not-applicable']);
	t.deepEqual(named(findings, 'Insisted'), insisted);
	t.true(findings.some(({ name, message }) => name === 'insistence-unknown' && /everything/.test(message)));
	await mesh.api.apply({ apiVersion, kind, metadata: { name: 'default' } }, owner);
});

test.serial('precheck makes the same checks of a file, against the cluster', async (t) => {
	const file = { apiVersion: 'meshwright.io/v1', kind: 'MeshInstallation', metadata: { name: 'default' } };
	const input = JSON.stringify({ ...file, spec: { ...spec, overlays: [], version: after } });
	const kubeconfig = ['--kubeconfig', mesh.cluster.adminKubeconfig()];
	const { exitCode, stdout } = await meshwright(['precheck', '-f', '-', ...kubeconfig], input);
	t.is(exitCode, 1);
	t.regex(stdout, /^MeshInstallation default: 1\.3\.8 → 1\.4\.10\n/);
	for (const name of expected.filter((one) => one !== 'overlay-not-applicable'))
		t.true(stdout.includes(`✘ ${name}: `), name);
	t.regex(stdout, /ResourceQuota istio-system\/tight allows pods 0/);
	t.regex(stdout, /VirtualService shop\/web: spec\.http\[0\]\.match\[0\]\.uri\.regex has a lookahead/);
	t.regex(
		stdout,
		/ValidatingWebhookConfiguration istio-galley, webhook pilot\.validation\.istio\.io must be asked about Deployment istio-system\/istio-\S+ and \d+ more, and its Service istio-system\/istio-galley does not exist/,
	);
	t.regex(stdout, /1 pod, such as shop\/web, has a proxy of 1\.2\.10/);
});

/** What somebody finds with the rights of an account. */
async function askedAs(kubeconfig: string) {
	await using api = new ApiServer(await loadKubeconfig({ path: kubeconfig }));
	const stored = toInstallation(await readInstallation(mesh.api, 'default'), () => undefined);
	const wanted = { ...stored, spec: { ...(stored.spec as object), version: after } };
	const { findings } = await askUpgrade(
		{
			from: { version: before, mesh: meshOf({ version: before, profile: 'default' }) },
			to: { version: after, ...targetOf(wanted, { lines }) },
			status: stored.status,
		},
		{ lines, api, now: new Date(), signal: AbortSignal.timeout(60_000) },
	);
	return findings;
}

test.serial("the operator's rights suffice for all of it", async (t) => {
	const findings = await askedAs(mesh.kubeconfig);
	t.deepEqual(
		[...new Set(findings.filter(({ severity }) => severity === 'blocker').map(({ name }) => name))].toSorted(),
		[...expected],
	);
	t.deepEqual(
		findings.filter(({ name }) => name === 'not-looked-at').map(({ subject }) => subject),
		['proxies in cluster west'],
	);
});

test.serial('without rights nothing passes in silence: each is named', async (t) => {
	await mesh.api.apply(object('v1', 'ServiceAccount', 'nobody', {}, 'shop'), { fieldManager: person });
	const findings = await askedAs(await mesh.cluster.kubeconfigFor({ namespace: 'shop', name: 'nobody' }));
	const gaps = findings.filter(({ name }) => name === 'not-looked-at').map(describeFinding);
	for (const right of [
		/the right to list customresourcedefinitions is missing/,
		/objects of .*networking\.istio\.io.* could not be looked at, since the right to list them is missing/,
		/the right to get secrets in namespace istio-system is missing/,
		/the right to list nodes is missing/,
		/the right to list pods in all namespaces is missing/,
		/the right to list resourcequotas in namespace istio-system is missing/,
		/the right to list limitranges in namespace istio-system is missing/,
		/the right to list webhook configurations, namespaces and endpointslices is missing/,
	]) {
		t.true(
			gaps.some((gap) => right.test(gap)),
			`${right.source}: ${gaps.join('\n')}`,
		);
	}
});

test.serial('the operator tells the same in the status, with what is insisted on', async (t) => {
	const { api } = mesh;
	await using operator = await startOperator(mesh);
	await operator.started;
	const { overlays: _, ...rest } = spec;
	const blockers = expected.filter((name) => name !== 'overlay-not-applicable');
	const told = async (severity: string) => {
		const { status } = await readInstallation(api, 'default');
		return named((status?.upgrade?.findings ?? []) as Planned['findings'], severity);
	};
	await applyInstallation(api, 'default', { ...rest, version: after });
	await untilCondition(api, 'default', 'Stalled', 'True', 'UpgradeBlocked');
	t.deepEqual(await told('Blocker'), blockers);
	const { status } = await readInstallation(api, 'default');
	t.like(status?.upgrade, { from: before, to: after, state: 'Blocked' });
	for (const { message } of status?.upgrade?.findings ?? []) t.regex(message, /: /);

	const insisted = blockers.filter((name) => name !== 'no-room');
	const annotations = { [upgradeDespiteAnnotation]: `${insisted.join(',')},everything` };
	const owner = { fieldManager: 'owner', force: true };
	await api.apply(
		object('meshwright.io/v1', 'MeshInstallation', 'default', { metadata: { name: 'default', annotations } }),
		owner,
	);
	await eventually('what is insisted on is told', async () => (await told('Insisted')).length === insisted.length);
	t.deepEqual(await told('Insisted'), insisted);
	t.deepEqual(await told('Blocker'), ['no-room']);
	t.true((await told('Warning')).includes('insistence-unknown'));
});

test.serial('what was mended is told no more at the next look, and nobody looks once nobody asks', async (t) => {
	const woken: string[] = [];
	const stored = toInstallation(await readInstallation(mesh.api, 'default'), () => undefined);
	const { mesh: next } = targetOf({ ...stored, spec: { ...spec, overlays: [], version: after } }, { lines });
	if (next === undefined) return t.fail('the spec can be used');
	const looks = new UpgradeLooks({
		api: mesh.api,
		lines,
		wallClock: Date.now,
		onChange: (name) => woken.push(name),
		onError: (error) => t.log(error),
		everyMs: 100,
	});
	const subject = { from: before, to: after, former: undefined, next: { mesh: next } };
	const names = () => {
		const found = looks.of(stored, subject);
		return found === 'looking' ? [] : found.map(({ name }) => name);
	};
	try {
		t.is(looks.of(stored, subject), 'looking');
		await eventually('the first look is over', () => names().includes('regex-not-re2'));
		const path = '/apis/networking.istio.io/v1alpha3/namespaces/shop/virtualservices/web';
		await mesh.cluster.request({ method: 'DELETE', path });
		await eventually('a look without it is over', () => !names().includes('regex-not-re2'));
		t.deepEqual(woken, ['default', 'default']);
		t.is(looks.of(stored, { ...subject, from: '1.3.7' }), 'looking', 'another change is looked at anew');
	} finally {
		looks.stop();
	}
	t.is(looks.of(stored, subject), 'looking');
});
