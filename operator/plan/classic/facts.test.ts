import test from 'ava';
import { authoritySecret, makeAuthority } from '../../../e2e/support/certificate-authority.ts';
import { toChild } from '../../apply/child.ts';
import { render } from '../../lines/testing.ts';
import type { ResolvedClassicMesh } from '../../releases/classic/index.ts';
import { citadelInjectorSecret, ownInjectorSecret } from '../../render/classic/injector-names.ts';
import type { ServingCertificate } from '../../render/index.ts';
import { meshOf } from '../../render/testing.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import { waitingFor } from '../gate.ts';
import { type SecretFacts, toSecretFacts } from '../secret-facts.ts';
import { configFollowedAfterMs, type Sight } from '../sight.ts';
import { factsOf, type RootMemory, rememberRoots, seenBy } from './facts.ts';
import { classicGates } from './gates.ts';

function pem(name: string): string {
	return `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----\n`;
}

function secret(root: string, hash = 'h'): SecretFacts {
	return { certificates: { 'root-cert.pem': pem(root) }, files: ['root-cert.pem'], authorityKey: undefined, hash };
}

/** A Secret with a CA that signs with such a key. */
async function caSecret(keyType: 'rsa' | 'ec'): Promise<SecretFacts> {
	const { stringData } = authoritySecret(
		'istio-system',
		'cacerts',
		await makeAuthority({ organisation: 'own', keyType }),
	);
	const files = Object.entries(stringData as Readonly<Record<string, string>>);
	const data = Object.fromEntries(files.map(([file, text]) => [file, Buffer.from(text).toString('base64')]));
	return { ...toSecretFacts({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'cacerts' }, data }), hash: 'h' };
}

const own: ServingCertificate = { certChain: pem('leaf'), key: 'key', roots: pem('own') };
const withCitadel = meshOf({ version: '1.4.10', sidecarInjector: { enabled: true }, citadel: { enabled: true } });
const withoutCitadel = meshOf({ version: '1.4.10', sidecarInjector: { enabled: true } });

interface Scene {
	readonly secrets?: Readonly<Record<string, SecretFacts | 'unknown'>>;
	readonly objects?: readonly KubeObject[];
	readonly isConfigFollowed?: boolean;
}

function sight({ secrets = {}, objects = [] }: Scene): Sight {
	const children = new Map(objects.map((object) => [objectKey(object), toChild(object)]));
	return { child: (key) => children.get(key), secret: (name) => secrets[name] };
}

/** A Deployment whose pods mount a Secret, rolled out or not. */
function deployment(name: string, secretName: string, isRolledOut = true, available = 1): KubeObject {
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name, namespace: 'istio-system', generation: 2 },
		spec: { replicas: 1, template: { spec: { volumes: [{ name: 'certs', secret: { secretName } }] } } },
		status: {
			observedGeneration: 2,
			replicas: isRolledOut ? 1 : 2,
			updatedReplicas: 1,
			availableReplicas: available,
		},
	};
}

const webhook: KubeObject = {
	apiVersion: 'admissionregistration.k8s.io/v1',
	kind: 'MutatingWebhookConfiguration',
	metadata: { name: 'istio-sidecar-injector-istio-system' },
};
const webhookKey = objectKey(webhook);
const injectorKey = objectKey(deployment('istio-sidecar-injector', ''));
const citadelKey = objectKey(deployment('istio-citadel', ''));
const ownSecretKey = objectKey({ ...kinds.Secret, namespace: 'istio-system', name: ownInjectorSecret });

function decide(mesh: ResolvedClassicMesh, certificate: ServingCertificate | undefined, scene: Scene) {
	const seen = sight(scene);
	const facts = factsOf(mesh, { certificate, sight: seen });
	const configFollowedInMs = scene.isConfigFollowed === false ? configFollowedAfterMs : 0;
	const context = { mesh, facts, objects: render(mesh, facts), sight: seen, configFollowedInMs, nowMs: Date.now() };
	return { facts, ...waitingFor(classicGates.flatMap((rule) => rule(context))) };
}

test('a mesh of Pilot alone depends on no Secret and waits for nothing', (t) => {
	const mesh = meshOf({ version: '1.4.10' });
	t.deepEqual(seenBy(mesh).secrets, []);
	const { facts, held, kept } = decide(mesh, undefined, {});
	t.deepEqual([facts, held.size, kept.size], [{}, 0, 0]);
});

test('the webhook waits for the certificate, and then for an injector that answers', (t) => {
	const first = decide(withCitadel, undefined, {});
	t.deepEqual([...first.held.keys()], [webhookKey], 'the first injector waits for its Secret by itself');
	t.regex(first.held.get(webhookKey) ?? '', /Secret istio-system\/istio\.istio-sidecar-injector-service-account/);

	const secrets = { [citadelInjectorSecret]: secret('citadel') };
	const starting = [deployment('istio-sidecar-injector', citadelInjectorSecret, true, 0)];
	t.regex(decide(withCitadel, undefined, { secrets, objects: starting }).held.get(webhookKey) ?? '', /to be ready/);

	const ready = [deployment('istio-sidecar-injector', citadelInjectorSecret)];
	const last = decide(withCitadel, undefined, { secrets, objects: ready });
	t.is(last.held.size, 0);
	t.is(last.facts.injectorRoots, pem('citadel'));
});

test('when Citadel has another authority, the one before is trusted as long as pods may serve with it', (t) => {
	const objects = [deployment('istio-sidecar-injector', citadelInjectorSecret), webhook];
	let memory: RootMemory = { former: new Map() };
	const roots = (root: string | undefined, now: number, mesh = withCitadel) => {
		const seen = sight({ objects, secrets: root === undefined ? {} : { [citadelInjectorSecret]: secret(root) } });
		memory = rememberRoots(mesh, memory, seen, now);
		return factsOf(mesh, { certificate: mesh === withCitadel ? undefined : own, sight: seen, memory }).injectorRoots;
	};
	const hourMs = 3_600_000;
	t.is(roots('first', 0), pem('first'));
	t.is(roots('second', hourMs), pem('second') + pem('first'), 'however long ago it was looked at');
	t.is(roots(undefined, hourMs + 1), undefined, 'then nothing is written at all');
	t.is(roots('third', hourMs + 2), pem('third') + pem('first') + pem('second'));
	t.is(roots('third', hourMs + configFollowedAfterMs + 1), pem('third') + pem('second'));
	t.is(roots('third', hourMs + configFollowedAfterMs + 2), pem('third'));
	t.is(roots('fourth', 2 * hourMs), pem('fourth') + pem('third'));
	t.is(roots('fourth', hourMs), pem('fourth'), 'a clock that was set back makes nothing last');
	t.is(roots('fourth', 2 * hourMs, withoutCitadel), pem('own') + pem('fourth'), 'pods mount it still');
	t.deepEqual(memory, { former: new Map() });
});

test('a webhook that stands is written although the injector is away: its authorities have to be right', (t) => {
	const objects = [deployment('istio-sidecar-injector', ownInjectorSecret, true, 0), webhook];
	t.false(decide(withoutCitadel, own, { objects }).held.has(webhookKey));
});

test('Citadel switched on: webhook and injector stay until its certificate is there, then both authorities are trusted until all pods have it', (t) => {
	const before = [deployment('istio-sidecar-injector', ownInjectorSecret), webhook];
	const ownSecret = { [ownInjectorSecret]: secret('own') };
	const waiting = decide(withCitadel, undefined, { secrets: ownSecret, objects: before });
	t.deepEqual([...waiting.held.keys()].toSorted(), [injectorKey, webhookKey].toSorted());
	t.true(waiting.kept.has(ownSecretKey));

	const secrets = { ...ownSecret, [citadelInjectorSecret]: secret('citadel') };
	for (const injector of [before[0], deployment('istio-sidecar-injector', citadelInjectorSecret, false)]) {
		const turning = decide(withCitadel, undefined, { secrets, objects: [webhook, ...(injector ? [injector] : [])] });
		t.is(turning.held.size, 0);
		t.is(turning.facts.injectorRoots, pem('citadel') + pem('own'));
		t.true(turning.kept.has(ownSecretKey));
	}

	const after = [deployment('istio-sidecar-injector', citadelInjectorSecret), webhook];
	const done = decide(withCitadel, undefined, { secrets, objects: after });
	t.is(done.facts.injectorRoots, pem('citadel'));
	t.is(done.kept.size, 0);
});

test('files of the injector of another version stay until no pod mounts them, and nothing is said where there are none', (t) => {
	const files = (version: string): KubeObject => ({
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: `istio-sidecar-injector-${version}`, namespace: 'istio-system' },
	});
	const injector = (version: string, isRolledOut = true): KubeObject => {
		const { status, ...object } = deployment('istio-sidecar-injector', ownInjectorSecret, isRolledOut);
		const volumes = [
			{ name: 'files', configMap: { name: `istio-sidecar-injector-${version}` } },
			{ name: 'certs', secret: { secretName: ownInjectorSecret } },
		];
		return { ...object, status, spec: { replicas: 1, template: { spec: { volumes } } } };
	};
	const kept = (...objects: readonly KubeObject[]) => [...decide(withoutCitadel, own, { objects }).kept.keys()];
	const [before, after] = [files('1-3-8'), files('1-4-10')];
	const stays = [objectKey(before)];
	t.deepEqual(kept(injector('1-3-8'), before), stays, 'the Deployment is not written yet');
	t.deepEqual(kept(injector('1-4-10', false), before, after), stays, 'a pod of the version before is left');
	t.deepEqual(kept(injector('1-4-10'), before, after), []);
	t.deepEqual(kept(injector('1-4-10', false), after), []);
	t.true(seenBy(withoutCitadel).children.some((one) => objectKey(one) === objectKey(before)));
});

test('Citadel switched off: its authority is trusted until no pod serves with a certificate of it', (t) => {
	const secrets = { [citadelInjectorSecret]: secret('citadel') };
	const before = [deployment('istio-sidecar-injector', citadelInjectorSecret), webhook];
	t.is(decide(withoutCitadel, own, { secrets, objects: before }).facts.injectorRoots, pem('own') + pem('citadel'));
	const after = [deployment('istio-sidecar-injector', ownInjectorSecret), webhook];
	t.is(decide(withoutCitadel, own, { secrets, objects: after }).facts.injectorRoots, pem('own'));
});

test('an authority that is in both is trusted once', (t) => {
	const secrets = { [citadelInjectorSecret]: secret('own') };
	const objects = [deployment('istio-sidecar-injector', citadelInjectorSecret), webhook];
	t.is(decide(withoutCitadel, own, { secrets, objects }).facts.injectorRoots, pem('own'));
});

test('Citadel waits for the CA that is its user’s own, also when the Secret goes or can not be read', async (t) => {
	const mesh = meshOf({ version: '1.4.10', citadel: { enabled: true, caSecretName: 'cacerts' } });
	t.deepEqual(seenBy(mesh).secrets, ['cacerts']);
	for (const secrets of [{}, { cacerts: 'unknown' }] as const) {
		t.regex(decide(mesh, undefined, { secrets }).held.get(citadelKey) ?? '', /Secret istio-system\/cacerts/);
	}
	const cacerts = await caSecret('rsa');
	const { facts, held } = decide(mesh, undefined, { secrets: { cacerts } });
	t.is(facts.caSecretHash, 'h');
	t.is(held.size, 0);
});

test('Citadel waits while it could not sign with the CA: one that runs would be replaced by one that gives no certificates', async (t) => {
	const mesh = meshOf({ version: '1.4.10', citadel: { enabled: true, caSecretName: 'cacerts' } });
	const heldFor = (cacerts: SecretFacts) =>
		decide(mesh, undefined, { secrets: { cacerts } }).held.get(citadelKey) ?? '';
	t.regex(
		heldFor(await caSecret('ec')),
		/in Secret istio-system\/cacerts: its ca-cert\.pem has a key of type ec, and Citadel gives certificates with an RSA key alone/,
	);
	t.regex(heldFor(secret('ca')), /in Secret istio-system\/cacerts: its ca-cert\.pem is missing$/);
	const self = meshOf({ version: '1.4.10', citadel: { enabled: true } });
	t.is(
		decide(self, undefined, { secrets: { 'istio-ca-secret': await caSecret('ec') } }).held.size,
		0,
		'its own is its own',
	);
});

test('a policy service that is switched on is told to proxies when it answers; one that ran before holds nothing up', (t) => {
	const config: KubeObject = {
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'istio', namespace: 'istio-system' },
	};
	const policy = (conditions: readonly object[]): KubeObject => {
		const { status, ...rest } = deployment('istio-policy', 'x', true, 0);
		return { ...rest, status: { ...(status as object), conditions } };
	};
	const spec = { mixer: { policy: { enabled: true } } };
	const held = (version: string, objects: readonly KubeObject[]) =>
		[...decide(meshOf({ version, ...spec }), undefined, { objects }).held.keys()].map((key) => key.split('/').at(-1));
	t.deepEqual(held('1.4.10', []), [], 'a new mesh has no proxies yet');
	t.deepEqual(held('1.4.10', [config]), ['istio']);
	t.deepEqual(held('1.0.9', [config, policy([])]), ['istio', 'istio-pilot'], 'a Pilot that does not reload waits too');
	const ranBefore = [{ type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' }];
	t.deepEqual(held('1.0.9', [config, policy(ranBefore)]), []);
});

test('a policy service that is switched off stays until no Pilot names it any more', (t) => {
	const mesh = meshOf({ version: '1.4.10' });
	const objects = [deployment('istio-policy', 'x')];
	const { kept } = decide(mesh, undefined, { objects, isConfigFollowed: false });
	const policy = render(meshOf({ version: '1.4.10', mixer: { policy: { enabled: true, replicas: 2 } } }));
	const without = new Set(render(mesh).map(objectKey));
	const needed = policy.filter((one) => !without.has(objectKey(one)) && !one.apiVersion.includes('.istio.io/'));
	t.true(needed.length >= 7);
	for (const object of needed) {
		t.true(kept.has(objectKey(object)), objectKey(object));
	}
	t.is(decide(mesh, undefined, { objects, isConfigFollowed: true }).kept.size, 0);
	t.is(decide(mesh, undefined, { isConfigFollowed: false }).kept.size, 0, 'there is none');
});

test('mutual TLS is demanded when Citadel is ready, and not before', (t) => {
	const mesh = meshOf({ version: '1.4.10', citadel: { enabled: true }, mesh: { mtls: { mode: 'STRICT' } } });
	const early = decide(mesh, undefined, {});
	t.deepEqual([...early.held.keys()].map((key) => key.split(' ')[0]).toSorted(), [
		'DestinationRule.networking.istio.io',
		'DestinationRule.networking.istio.io',
		'MeshPolicy.authentication.istio.io',
	]);
	t.is(decide(mesh, undefined, { objects: [deployment('istio-citadel', 'x')] }).held.size, 0);
});

test('Pilot and Mixer that serve another cluster wait for its kubeconfig, and their pods follow it', (t) => {
	const mesh = meshOf({
		version: '1.4.10',
		pilot: { kubeconfigSecret: { name: 'served' } },
		mixer: { telemetry: { enabled: true } },
	});
	t.deepEqual(seenBy(mesh).secrets, ['served']);
	for (const secrets of [{}, { served: 'unknown' }] as const) {
		const { held, facts } = decide(mesh, undefined, { secrets });
		t.is(facts.pilotKubeconfigHash, undefined);
		for (const name of ['istio-pilot', 'istio-telemetry'])
			t.regex(
				held.get(objectKey(deployment(name, ''))) ?? '',
				/waiting for Secret istio-system\/served, the kubeconfig/,
			);
	}
	const { held, facts } = decide(mesh, undefined, { secrets: { served: { ...secret(''), hash: 'content' } } });
	t.deepEqual([held.size, facts.pilotKubeconfigHash], [0, 'content']);
});
