/**
 * A whole mesh changes its release in the same object, up and down: what differs goes and comes, and nothing else is made
 * anew.
 */
import test from 'ava';
import { upgradeDespiteAnnotation } from '../api/v1/index.ts';
import { classicReleases } from '../operator/releases/classic/index.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { playCitadel } from './support/citadel.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	liveChildren,
	readInstallation,
	renderedChildren,
	untilReady,
	warningEventsAbout,
} from './support/installation.ts';
import { type MeshCluster, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';

const name = 'moving';
const namespace = 'istio-moving';

let mesh: MeshCluster;
let operator: RunningOperator;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

/** Waits until the existing objects are the rendered ones, and returns them. */
async function untilStanding(rendered: readonly KubeObject[]): Promise<readonly KubeObject[]> {
	const keys = (objects: readonly KubeObject[]) => objects.map(objectKey).sort().join();
	return eventually('what is rendered is what stands', async () => {
		const live = await liveChildren(mesh.api, name);
		return keys(live) === keys(rendered) && live;
	});
}

/** The uid of each object, by key. */
function identities(objects: readonly KubeObject[]): ReadonlyMap<string, string | undefined> {
	return new Map(objects.map((object) => [objectKey(object), object.metadata.uid]));
}

test('from the oldest release to the newest and back: every step is as rendered, and what both releases have is the same object', async (t) => {
	const { api } = mesh;
	const endCitadel = playCitadel(api, namespace);
	const upwards = classicReleases.map(({ version }) => version);
	let before = identities([]);
	for (const version of [...upwards, upwards[0] ?? '']) {
		const spec = {
			version,
			profile: 'production',
			namespace,
			mesh: { mtls: { mode: 'STRICT' } },
			mixer: { adapters: [{ prometheus: {} }, { stdio: {} }] },
			gateways: { ingress: { enabled: true } },
		};
		// Nobody goes down, or over several minors, without saying so.
		const isDown = before.size > 0 && version === upwards[0];
		await applyInstallation(api, name, spec, isDown ? { [upgradeDespiteAnnotation]: 'downgrade' } : undefined);
		await untilReady(api, name);
		const { status } = await readInstallation(api, name);
		t.is(status?.version, version);

		const live = await untilStanding(renderedChildren(name, spec));
		const now = identities(live);
		for (const [key, uid] of now)
			t.true([undefined, uid].includes(before.get(key)), `${version}: ${key} was made anew`);
		before = now;
		const webhook = await api.get({
			...kinds.MutatingWebhookConfiguration,
			name: `istio-sidecar-injector-${namespace}`,
		});
		const { webhooks = [] } = webhook as {
			readonly webhooks?: readonly { readonly clientConfig: { caBundle?: string } }[];
		};
		t.true(webhooks.every(({ clientConfig }) => clientConfig.caBundle !== undefined));
	}
	endCitadel();
	t.deepEqual(await warningEventsAbout(api, name), []);
});
