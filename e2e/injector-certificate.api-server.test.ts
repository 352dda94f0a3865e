/** The certificate by which API servers know the injector: who makes it, who trusts it, and how it changes without a gap. */
import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { issueServingCertificate } from '../operator/certificates/index.ts';
import { configFollowedAfterMs } from '../operator/plan/sight.ts';
import {
	citadelInjectorSecret,
	injectorDnsNames,
	injectorName,
	ownInjectorSecret,
} from '../operator/render/classic/injector-names.ts';
import { kinds } from '../operator/runtime/kinds.ts';
import { createLogger } from '../operator/runtime/log/logger.ts';
import { eventually } from './support/eventually.ts';
import {
	certificatesIn,
	handshake,
	type OwnCertificate,
	readCertificate,
	readWebhook,
	setAvailable,
	trustedRoots,
	webhookReference,
} from './support/injector.ts';
import {
	applyInstallation,
	eventsAbout,
	liveChildren,
	readInstallation,
	untilInstalled,
	untilSaid,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { changesOf, describeWrite, mark, untilCalm } from './support/writes.ts';

/** Without Citadel: the operator makes the certificate. */
const name = 'certified';
const namespace = 'istio-certified';
/** With it: Citadel does. */
const withCitadel = { name: 'citadel', namespace: 'istio-with-citadel' } as const;

const dayMs = 24 * 60 * 60_000;
const dnsNames = injectorDnsNames({ namespace });
const [serverName = ''] = dnsNames;

let mesh: MeshCluster;
let operator: RunningOperator;
/** All that the operator has logged, on the level that tells most. */
const log: string[] = [];
/** All keys that ever stood in a Secret. */
const keys = new Set<string>();
/** The operator's clock is ahead by this. */
let aheadMs = 0;

async function launch(): Promise<RunningOperator> {
	return startOperator(mesh, {
		log: createLogger({ level: 'trace', destination: { write: (line) => void log.push(line) } }),
		wallClock: () => Date.now() + aheadMs,
		resyncMs: 3_000,
	});
}

async function read(): Promise<OwnCertificate> {
	const certificate = await readCertificate(mesh.api, namespace);
	keys.add(certificate.key);
	return certificate;
}

async function generationOfInjector(): Promise<number | undefined> {
	return (await mesh.api.get({ ...kinds.Deployment, namespace, name: injectorName })).metadata.generation;
}

test.before(async () => {
	mesh = await startMeshCluster();
	operator = await launch();
	await applyInstallation(mesh.api, name, { namespace, sidecarInjector: { enabled: true } });
	await untilSaid(mesh.api, name, 'Installed', 'waiting for the sidecar injector to be ready');
});
test.after.always(async () => {
	await operator?.stop();
	await mesh?.stop();
});

test.serial(
	'the certificate is there without Citadel, for the names of the Service, and trusted by its root alone',
	async (t) => {
		const certificate = await read();
		const leaf = new X509Certificate(certificate.cert);
		for (const dnsName of dnsNames) t.is(leaf.checkHost(dnsName), dnsName);
		t.is(leaf.checkHost(`istio-pilot.${namespace}.svc`), undefined);
		t.false(leaf.ca);
		t.true(leaf.verify(new X509Certificate(certificate.roots).publicKey));
		const days = (leaf.validToDate.getTime() - Date.now()) / dayMs;
		t.true(days > 89 && days <= 90, `${days}`);
	},
);

test.serial('a webhook of the moment at which the injector is ready has its root', async (t) => {
	await setAvailable(mesh.api, namespace, injectorName, true);
	await untilInstalled(mesh.api, name);
	t.deepEqual(await trustedRoots(mesh.api, namespace), certificatesIn((await read()).roots));
});

test.serial('who trusts what the webhook says takes the server by its name, and by no other', async (t) => {
	const certificate = await read();
	const roots = await trustedRoots(mesh.api, namespace);
	t.is(roots.length, 1);
	for (const dnsName of dnsNames) await t.notThrowsAsync(handshake(certificate, roots, dnsName));
	await t.throwsAsync(handshake(certificate, roots, `istio-pilot.${namespace}.svc`), {
		code: 'ERR_TLS_CERT_ALTNAME_INVALID',
	});
	const other = await issueServingCertificate({ dnsNames, now: new Date(), lifetimeMs: dayMs, previousRoots: '' });
	await t.throwsAsync(handshake({ cert: other.certChain, key: other.key }, roots, serverName));
});

test.serial(
	'a certificate of which a third is left is renewed: first the webhook trusts both roots, then the Secret changes',
	async (t) => {
		const before = await read();
		const generation = await generationOfInjector();
		const since = await mark(mesh.cluster);
		aheadMs = 61 * dayMs;
		await eventually('another certificate', async () => (await read()).cert !== before.cert);
		await untilCalm(mesh.cluster, operatorUser);
		const after = await read();
		const changes = (await changesOf(mesh.cluster, operatorUser, since))
			.filter(({ objectRef }) => objectRef?.resource !== 'meshinstallations')
			.map(describeWrite);
		t.deepEqual(changes, [
			`patch mutatingwebhookconfigurations ${webhookReference(namespace).name} 200`,
			`patch secrets ${namespace}/${ownInjectorSecret} 200`,
		]);
		const roots = await trustedRoots(mesh.api, namespace);
		t.is(roots.length, 2);
		t.true(roots.includes(before.roots.trim()), 'pods that have not read the new one yet are trusted');
		t.not(after.key, before.key);
		await t.notThrowsAsync(handshake(before, roots, serverName));
		const leaf = new X509Certificate(after.cert);
		t.is(roots.filter((root) => leaf.verify(new X509Certificate(root).publicKey)).length, 1);
		t.true(leaf.validToDate.getTime() > Date.now() + aheadMs + 89 * dayMs);
		t.is(await generationOfInjector(), generation, 'no pod is replaced');
	},
);

test.serial(
	'another process takes over the certificate that stands, and renews it in its turn; roots that ended are forgotten',
	async (t) => {
		const before = await read();
		await operator.stop();
		operator = await launch();
		await untilCalm(mesh.cluster, operatorUser);
		t.deepEqual(await read(), before);
		aheadMs = 125 * dayMs;
		await eventually('another certificate', async () => (await read()).cert !== before.cert);
		await untilCalm(mesh.cluster, operatorUser);
		t.is((await trustedRoots(mesh.api, namespace)).length, 2);
	},
);

/** Gives the injector a certificate as Citadel does: one that has another root each time. Returns the root. */
async function issueAsCitadel(): Promise<string> {
	const { certChain, key, roots } = await issueServingCertificate({
		dnsNames: injectorDnsNames(withCitadel),
		now: new Date(),
		lifetimeMs: 90 * dayMs,
		previousRoots: '',
	});
	keys.add(key);
	const { apiVersion, kind } = kinds.Secret;
	await mesh.api.apply(
		{
			apiVersion,
			kind,
			metadata: { namespace: withCitadel.namespace, name: citadelInjectorSecret },
			stringData: { 'cert-chain.pem': certChain, 'key.pem': key, 'root-cert.pem': roots },
		},
		{ fieldManager: 'istio_ca', force: true },
	);
	return roots.trim();
}

test.serial('with Citadel the webhook waits for its Secret, and says for which', async (t) => {
	aheadMs = 0;
	const spec = { namespace: withCitadel.namespace, sidecarInjector: { enabled: true }, citadel: { enabled: true } };
	await applyInstallation(mesh.api, withCitadel.name, spec);
	const secret = `Secret ${withCitadel.namespace}/${citadelInjectorSecret}`;
	await untilSaid(mesh.api, withCitadel.name, 'Installed', `waiting for ${secret}`);
	await setAvailable(mesh.api, withCitadel.namespace, injectorName, true);
	await setAvailable(mesh.api, withCitadel.namespace, 'istio-citadel', true);
	await untilCalm(mesh.cluster, operatorUser);
	t.is(await readWebhook(mesh.api, withCitadel.namespace), undefined);
	const root = await issueAsCitadel();
	await untilInstalled(mesh.api, withCitadel.name);
	t.deepEqual(await trustedRoots(mesh.api, withCitadel.namespace), [root]);
});

test.serial(
	'the webhook follows the root in the Secret of Citadel, and trusts the one before for a while',
	async (t) => {
		await untilInstalled(mesh.api, withCitadel.name);
		await untilCalm(mesh.cluster, operatorUser);
		const former = await trustedRoots(mesh.api, withCitadel.namespace);
		const since = await mark(mesh.cluster);
		const root = await issueAsCitadel();
		await eventually('the webhook trusts the other root', async () =>
			(await trustedRoots(mesh.api, withCitadel.namespace)).includes(root),
		);
		await untilCalm(mesh.cluster, operatorUser);
		t.deepEqual(await trustedRoots(mesh.api, withCitadel.namespace), [root, ...former], 'pods may serve with it yet');
		const changes = (await changesOf(mesh.cluster, operatorUser, since)).map(describeWrite);
		t.deepEqual(
			// The clock went back: the certificate of the other mesh is made anew, some time.
			changes.filter((line) => !line.includes('meshinstallations') && line.includes(withCitadel.namespace)),
			[`patch mutatingwebhookconfigurations ${webhookReference(withCitadel.namespace).name} 200`],
		);
	},
);

test.serial('when the Secret of Citadel is emptied or deleted the webhook keeps what it has', async (t) => {
	const secret = { ...kinds.Secret, namespace: withCitadel.namespace, name: citadelInjectorSecret };
	const before = await readWebhook(mesh.api, withCitadel.namespace);
	await mesh.api.patch(secret, { data: { 'root-cert.pem': '' } }, { type: 'merge', fieldManager: 'istio_ca' });
	await untilSaid(mesh.api, withCitadel.name, 'Installed', `waiting for Secret ${withCitadel.namespace}/`);
	await mesh.api.delete(secret);
	await untilCalm(mesh.cluster, operatorUser);
	t.deepEqual(await readWebhook(mesh.api, withCitadel.namespace), before);
	const root = await issueAsCitadel();
	await eventually('it follows again', async () =>
		(await trustedRoots(mesh.api, withCitadel.namespace)).includes(root),
	);
	await untilInstalled(mesh.api, withCitadel.name);
	t.truthy(before);
});

test.serial('later it trusts the present root alone', async (t) => {
	aheadMs = configFollowedAfterMs + 1;
	await eventually('the former ones are forgotten', async () => {
		return (await trustedRoots(mesh.api, withCitadel.namespace)).length === 1;
	});
	await untilInstalled(mesh.api, withCitadel.name);
	t.pass();
});

// Last: it is about all that was told before.
test.serial('no key was ever told: not in logs, Events, status, metrics, nor in any other object', async (t) => {
	const told = JSON.stringify([
		await readInstallation(mesh.api, name),
		await readInstallation(mesh.api, withCitadel.name),
		await eventsAbout(mesh.api, name),
		await eventsAbout(mesh.api, withCitadel.name),
		(await liveChildren(mesh.api)).filter(({ kind }) => kind !== 'Secret'),
		(await operator.ask('/metrics')).body,
		log,
	]);
	t.true(keys.size >= 6, `${keys.size} keys`);
	t.true(told.includes('pass ends') && told.includes('caBundle'), 'this is all of it');
	t.false(told.includes('PRIVATE KEY'));
	for (const key of keys) {
		t.false(told.includes(Buffer.from(key).toString('base64')), 'as a Secret holds it');
		for (const line of key.split('\n').filter((text) => text !== '' && !text.startsWith('-----')))
			t.false(told.includes(line), 'as PEM holds it');
	}
});
