/** Certificates in a data plane: Citadel with an authority of the same root, and without it the injector's own, which is renewed. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { injectorDnsNames, ownInjectorSecret } from '../../operator/render/classic/injector-names.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { authoritySecret, makeAuthority } from '../support/certificate-authority.ts';
import { playCitadel } from '../support/citadel.ts';
import {
	joinUser,
	keptThere,
	namespace,
	type Pair,
	renderedThere,
	startPair,
	untilClusterSays,
	untilKept,
	withDataPlane,
} from '../support/data-plane.ts';
import { eventually, orAbsent } from '../support/eventually.ts';
import { handshake, readCertificate, trustedRoots, webhookReference } from '../support/injector.ts';
import { applyInstallation, type Spec, untilReady } from '../support/installation.ts';
import { startJoiningOperator, untilCluster } from '../support/joined.ts';
import type { RunningOperator } from '../support/operator.ts';
import { changesOf, describeWrite, mark, untilCalm } from '../support/writes.ts';

const name = 'mesh';
const on = { enabled: true };
const dayMs = 24 * 60 * 60_000;
const addresses = ['192.0.2.10'];
const shown = { pilot: addresses, policy: addresses, telemetry: addresses };

let pair: Pair;
let operator: RunningOperator;
/** The operator's clock is ahead by this. */
let aheadMs = 0;
const endings: (() => void)[] = [];

function specWith(more: Spec): Spec {
	return { sidecarInjector: on, ...more, ...withDataPlane({ controlPlaneAddresses: addresses }) };
}

const withCitadel = specWith({ citadel: { enabled: true, caSecretName: 'mesh-authority' } });

function launch(): Promise<RunningOperator> {
	return startJoiningOperator(pair.home, { wallClock: () => Date.now() + aheadMs, resyncMs: 3_000 });
}

test.before(async () => {
	pair = await startPair({ parts: 'all' });
	for (const { api } of [pair.home, pair.other]) endings.push(playCitadel(api, namespace));
	operator = await launch();
});
test.after.always(async () => {
	await operator?.stop();
	for (const end of endings) end();
	await pair?.stop();
});

test.serial(
	'Citadel with an authority of its own in each cluster is refused before anything is written there',
	async (t) => {
		const { home, other } = pair;
		const place = await mark(other.cluster);
		await applyInstallation(home.api, name, specWith({ citadel: on }));
		const message = await untilCluster(home.api, name, 'eu', 'Compatible', 'False', 'RootCertificateDiffers');
		t.regex(message, /spec\.citadel\.caSecretName is not set/);
		t.deepEqual(await keptThere(pair, name), []);
		t.deepEqual(
			(await changesOf(other.cluster, joinUser, place))
				.filter(
					({ objectRef, requestURI }) =>
						objectRef?.resource !== 'selfsubjectaccessreviews' && !requestURI.includes('dryRun'),
				)
				.map(describeWrite),
			[],
		);
	},
);

test.serial('an authority of another root there is refused as well', async (t) => {
	const { home, other } = pair;
	const [here, there] = await Promise.all([
		makeAuthority({ organisation: 'common' }),
		makeAuthority({ organisation: 'another' }),
	]);
	await eventually('the namespace of the mesh', () => home.api.get({ ...kinds.Namespace, name: namespace }));
	await home.api.create(authoritySecret(namespace, 'mesh-authority', here));
	await other.api.create(authoritySecret(namespace, 'mesh-authority', there));
	await applyInstallation(home.api, name, withCitadel);
	await untilClusterSays(pair, name, 'Compatible', /no common root/);
	t.deepEqual(await keptThere(pair, name), []);
	await other.api.delete({ ...kinds.Secret, namespace, name: 'mesh-authority' });
	// Another process checks at once what this one would look at again later and later.
	await operator.stop();
	// An account that was made by a join before it needed this right.
	const role = { ...kinds.ClusterRole, name: 'meshwright-join-data-plane' };
	const { rules } = await other.api.get<KubeObject>(role);
	const resource = kinds.ValidatingWebhookConfiguration.plural;
	const left = (rules as readonly { readonly resources: readonly string[] }[]).filter(
		({ resources }) => !resources.includes(resource),
	);
	t.true(left.length < (rules as readonly unknown[]).length);
	await other.api.patch(role, { rules: left }, { type: 'merge' });
	operator = await launch();
});

test.serial('without the Secret there Citadel waits and a condition says for what; with it all runs', async (t) => {
	const { home, other } = pair;
	await untilClusterSays(pair, name, 'DataPlaneReady', /waiting for Secret istio-system\/mesh-authority/);
	const unseen = await untilCluster(home.api, name, 'eu', 'WebhooksAnswer', 'Unknown', 'WebhooksUnseen');
	t.regex(unseen, /may not read validatingwebhookconfigurations\.admissionregistration\.k8s\.io,.*deploy\/remote/);
	t.is(await orAbsent(other.api.get({ ...kinds.Deployment, namespace, name: 'istio-citadel' })), undefined);
	await untilCluster(home.api, name, 'eu', 'Joined', 'True');
	const { data } = await home.api.get<
		{ readonly data: Readonly<Record<string, string>> } & {
			apiVersion: string;
			kind: string;
			metadata: { name: string };
		}
	>({
		...kinds.Secret,
		namespace,
		name: 'mesh-authority',
	});
	await other.api.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'mesh-authority' }, data });
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	await untilKept(pair, name, renderedThere(pair, name, withCitadel, shown));
	const [root] = await trustedRoots(other.api, namespace);
	t.is(
		root,
		Buffer.from(data['root-cert.pem'] ?? '', 'base64')
			.toString()
			.trim(),
	);
});

test.serial(
	'when the authority there becomes one of another root, a condition says so and what runs stays',
	async (t) => {
		const { home, other } = pair;
		const reference = { ...kinds.Secret, namespace, name: 'mesh-authority' };
		const before = await other.api.get<
			{ readonly data: Readonly<Record<string, string>> } & {
				apiVersion: string;
				kind: string;
				metadata: { name: string };
			}
		>(reference);
		const another = authoritySecret(namespace, 'mesh-authority', await makeAuthority({ organisation: 'another' }));
		await other.api.apply(another, { fieldManager: 'somebody', force: true });
		await untilCluster(home.api, name, 'eu', 'Compatible', 'False', 'RootCertificateDiffers');
		await untilCluster(home.api, name, 'eu', 'Joined', 'True');
		t.truthy(await other.api.get(webhookReference(namespace)));
		await other.api.apply(
			{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: 'mesh-authority' }, data: before.data },
			{ fieldManager: 'somebody', force: true },
		);
		await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	},
);

test.serial('without Citadel the operator makes the certificate there, and renews it without a gap', async (t) => {
	const { home, other } = pair;
	await applyInstallation(home.api, name, specWith({}));
	await eventually('no Citadel', async () => {
		return (await orAbsent(other.api.get({ ...kinds.Deployment, namespace, name: 'istio-citadel' }))) === undefined;
	});
	await untilReady(home.api, name);
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
	await eventually('its root alone is trusted', async () => (await trustedRoots(other.api, namespace)).length === 1);
	await untilCalm(other.cluster, joinUser);
	const [serverName = ''] = injectorDnsNames({ namespace });
	const before = await readCertificate(other.api, namespace);
	await handshake(before, await trustedRoots(other.api, namespace), serverName);
	const place = await mark(other.cluster);
	aheadMs = 61 * dayMs;
	await eventually(
		'another certificate',
		async () => (await readCertificate(other.api, namespace)).cert !== before.cert,
	);
	await untilCalm(other.cluster, joinUser);
	const writes = (await changesOf(other.cluster, joinUser, place))
		.map(describeWrite)
		.filter((line) => /secrets|webhook|deployments/.test(line));
	t.deepEqual(writes, [
		`patch mutatingwebhookconfigurations ${webhookReference(namespace).name} 200`,
		`patch secrets ${namespace}/${ownInjectorSecret} 200`,
	]);
	const after = await readCertificate(other.api, namespace);
	const roots = await trustedRoots(other.api, namespace);
	t.is(roots.length, 2);
	// The later one is not valid yet by the clock of this machine.
	await handshake(before, roots, serverName);
	const leaf = new X509Certificate(after.cert);
	t.is(roots.filter((root) => leaf.verify(new X509Certificate(root).publicKey)).length, 1);
	t.true(leaf.validToDate.getTime() > Date.now() + aheadMs + 89 * dayMs);
	await untilCluster(home.api, name, 'eu', 'Ready', 'True');
});
