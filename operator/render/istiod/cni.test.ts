import test from 'ava';
import { parse } from 'yaml';
import { istiodMeshOf, problemsOf, renderIstiod } from '../../lines/istiod-testing.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { at, only } from '../testing.ts';
import { cniChanges } from './cni-testing.ts';

const version = '1.31.4';
const on = { enabled: true };

function rendered(cni: object, more: object = {}, options = {}): readonly KubeObject[] {
	return renderIstiod(
		istiodMeshOf({ version, profile: 'default', cni: { ...on, ...cni }, ...more }, 'default', options),
	);
}

function agentOf(cni: object, more: object = {}): KubeObject {
	return only(rendered(cni, more), 'DaemonSet');
}

function foldersOf(agent: KubeObject): Readonly<Record<string, unknown>> {
	const volumes = at(agent, 'spec', 'template', 'spec', 'volumes') as readonly { readonly name: string }[];
	return Object.fromEntries(volumes.map((volume) => [volume.name, at(volume, 'hostPath', 'path')]));
}

function sidecarOf(objects: readonly KubeObject[]): string {
	const config = objects.find(({ metadata }) => metadata.name.startsWith('istio-sidecar-injector'));
	return parse(String(at(config, 'data', 'config'))).templates.sidecar;
}

for (const [field, fields] of Object.entries(cniChanges)) {
	test(`spec.cni.${field} changes what is rendered`, (t) => {
		t.notDeepEqual(rendered(fields), rendered({}));
	});
}

test('a digest of the plugin is that of its image', (t) => {
	const cni = `sha256:${'a'.repeat(64)}`;
	const image = (agent: KubeObject) => at(agent, 'spec', 'template', 'spec', 'containers', 0, 'image');
	t.is(image(agentOf({}, { images: { digests: { cni } } })), `docker.io/istio/install-cni@${cni}`);
	t.is(image(agentOf({})), `docker.io/istio/install-cni:${version}`);
});

test('folders are those of the platform, or those that are named', (t) => {
	const folders = (cni: object) => {
		const { 'cni-bin-dir': bin, 'cni-net-dir': conf } = foldersOf(agentOf(cni));
		return [bin, conf];
	};
	t.deepEqual(folders({}), ['/opt/cni/bin', '/etc/cni/net.d']);
	t.deepEqual(folders({ platform: 'gke' }), ['/home/kubernetes/bin', '/etc/cni/net.d']);
	t.deepEqual(folders({ platform: 'k3s' }), [
		'/var/lib/rancher/k3s/data/cni',
		'/var/lib/rancher/k3s/agent/etc/cni/net.d',
	]);
	t.deepEqual(folders({ platform: 'k3d', confDir: '/own' }), ['/bin', '/own']);
	t.deepEqual(folders({ platform: 'minikube' }), ['/opt/cni/bin', '/etc/cni/net.d']);
	t.deepEqual(folders({ platform: 'microk8s', binDir: '/own' }), [
		'/own',
		'/var/snap/microk8s/current/args/cni-network',
	]);
});

test('a quota allows the priority of the pods where the platform asks for it', (t) => {
	const quotas = (cni: object) => rendered(cni).filter(({ kind }) => kind === 'ResourceQuota').length;
	t.is(quotas({}), 0);
	t.is(quotas({ platform: 'gke' }), 1);
});

test('with the plugin pods change nothing of their network: they find out whether it has, and need no right for it', (t) => {
	const [without, by] = [
		sidecarOf(renderIstiod(istiodMeshOf({ version, profile: 'default' }))),
		sidecarOf(rendered({})),
	];
	t.regex(without, /name: istio-init\n/);
	t.regex(without, /NET_RAW/);
	t.regex(by, /name: istio-validation\n/);
	t.regex(by, /- "--run-validation"\n {4}- "--skip-rule-apply"\n/);
	t.notRegex(by, /NET_RAW|istio-init|runAsGroup: 0/);
	t.regex(by, /traffic\.sidecar\.istio\.io\/includeInboundPorts: \{\{ .* \| quote \}\}\n/);
	t.notRegex(without, /run-validation|^ {4}traffic\.sidecar\.istio\.io/m);
});

test('all revisions have one agent: another revision changes nothing of it', (t) => {
	const revisions = [{ name: 'canary', version, isActive: true }];
	const agents = (options: object) =>
		rendered({}, {}, options).filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === 'cni');
	t.is(agents({}).length, 4);
	t.deepEqual(agents({ revisions }), agents({}));
});

test('what can’t be had is refused by name', (t) => {
	const refusals = (spec: object) => problemsOf({ version, profile: 'default', ...spec }).map(({ path }) => path);
	t.deepEqual(refusals({ cni: { ...on, platform: 'openshift' } }), ['spec.cni.platform']);
	t.deepEqual(refusals({ cni: { enabled: false, platform: 'openshift' } }), []);
	const clusters = [{ name: 'far', kubeconfigSecret: { name: 'far', namespace: 'meshwright-system' } }];
	t.deepEqual(refusals({ cni: on, multiCluster: { clusters } }), ['spec.cni.enabled']);
	const primaries = clusters.map((cluster) => ({ ...cluster, role: 'Primary' }));
	t.deepEqual(refusals({ cni: on, multiCluster: { clusters: primaries } }), []);
	const env = ['CHAINED_CNI_PLUGIN', 'SKIP_TLS_VERIFY', 'NODE_NAME', 'LD_PRELOAD'].map((name) => ({
		name,
		value: 'x',
	}));
	t.deepEqual(
		refusals({ cni: { ...on, env } }),
		env.map((_, index) => `spec.cni.env[${index}].name`),
	);
	t.deepEqual(refusals({ cni: { ...on, extraArgs: ['--skip-tls-verify', '--no-such-flag'] } }), [
		'spec.cni.extraArgs[0]',
		'spec.cni.extraArgs[1]',
	]);
	t.deepEqual(refusals({ version: '1.4.10', cni: on, images: { digests: { cni: `sha256:${'a'.repeat(64)}` } } }), [
		'spec.cni',
		'spec.images.digests.cni',
	]);
	t.deepEqual(refusals({ version: '1.4.10', cni: { enabled: false } }), []);
});
