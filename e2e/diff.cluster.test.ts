/** `meshwright diff` against a mesh that the operator keeps: both see the same, certificates of the cluster included. */
import test from 'ava';
import { kinds } from '../operator/runtime/kinds.ts';
import { playCitadel } from './support/citadel.ts';
import { meshwright } from './support/cli.ts';
import { applyInstallation, installation, type Spec, untilReady } from './support/installation.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all', nodes: 1 });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

async function diff(name: string, spec: Spec) {
	const kubeconfig = mesh.cluster.adminKubeconfig();
	const file = JSON.stringify(installation(name, spec));
	return meshwright(['diff', '-f', '-', '--kubeconfig', kubeconfig], file);
}

test.serial(
	'before: every object would be created, the webhook waits for its injector, and no key is shown',
	async (t) => {
		const { exitCode, stdout } = await diff('grown', { profile: 'default', namespace: 'istio-grown' });
		t.is(exitCode, 1);
		for (const line of ['Deployment istio-grown/istio-policy', 'Secret istio-grown/istio-sidecar-injector-certs']) {
			t.true(stdout.includes(`+ ${line} would be created`), line);
		}
		t.regex(stdout, /= MutatingWebhookConfiguration \S+ would be left as it is: waiting for the sidecar injector/);
		t.notRegex(stdout, /PRIVATE KEY|LS0tLS1CRUdJTiBQUklW/);
	},
);

test.serial('after: nothing would change, without Citadel and with it', async (t) => {
	const withCitadel = { profile: 'production', namespace: 'istio-signed', mesh: { mtls: { mode: 'STRICT' } } };
	const meshes = { grown: { profile: 'default', namespace: 'istio-grown' }, signed: withCitadel };
	const stop = playCitadel(mesh.api, 'istio-signed');
	for (const [name, spec] of Object.entries(meshes)) await applyInstallation(mesh.api, name, spec);
	for (const [name, spec] of Object.entries(meshes)) {
		await untilReady(mesh.api, name);
		const { exitCode, stdout, stderr } = await diff(name, spec);
		t.is(stdout, 'Nothing would change.\n', stderr);
		t.is(exitCode, 0);
	}
	await stop();
});

test.serial(
	'a component that is switched off would be deleted, Istio’s own objects included; a foreign change is shown',
	async (t) => {
		await mesh.api.patch(
			{ ...kinds.MutatingWebhookConfiguration, name: 'istio-sidecar-injector-istio-grown' },
			{ metadata: { labels: { mine: 'stays' } } },
			{ type: 'merge', fieldManager: 'someone' },
		);
		const { exitCode, stdout } = await diff('grown', {
			profile: 'default',
			namespace: 'istio-grown',
			mixer: { telemetry: { enabled: false } },
		});
		t.is(exitCode, 1);
		t.regex(stdout, /^- Deployment istio-grown\/istio-telemetry would be deleted/m);
		t.regex(stdout, /^- handler istio-grown\/prometheus would be deleted/m);
		t.notRegex(stdout, /MutatingWebhookConfiguration|Secret/, 'labels of others are no difference');
	},
);
