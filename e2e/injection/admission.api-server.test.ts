/**
 * Real injectors behind a real API server: every new pod gets its proxy, also while the injector's certificate is renewed.
 * Runs where the environment names programs, see `injector-program.ts`.
 */
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, rootCertificates } from 'node:tls';
import test from 'ava';
import { lines } from '../../operator/lines/index.ts';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { injectorName } from '../../operator/render/classic/injector-names.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { forwardTo } from '../control-plane/network.ts';
import { heard } from '../real-binaries/heard.ts';
import { eventually } from '../support/eventually.ts';
import { readCertificate, serveInjector, setAvailable, trustedRoots } from '../support/injector.ts';
import { applyInstallation, resolvedMesh, untilInstalled } from '../support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from '../support/operator.ts';
import { programOf } from './injector-program.ts';
import { startMountedInjector } from './mounted-injector.ts';

const dayMs = 24 * 60 * 60_000;
const chosen = classicReleases.map(({ version, injector }) => ({ version, program: programOf(injector.runs) }));
const runs = chosen.some(({ program }) => program !== undefined);

let mesh: MeshCluster;
let operator: RunningOperator;
/** The operator's clock is behind by this: the certificate that it makes then is old, and valid all the same. */
let behindMs = 0;

interface PodObject extends KubeObject {
	readonly spec: {
		readonly containers: readonly { readonly name: string; readonly image: string }[];
		readonly initContainers?: readonly { readonly name: string }[];
	};
}

if (runs) {
	test.before(async () => {
		mesh = await startMeshCluster();
		operator = await startOperator(mesh, { wallClock: () => Date.now() - behindMs, resyncMs: 3_000 });
	});
	test.after.always(async () => {
		await operator?.stop();
		await mesh?.stop();
	});
}

/** Rejects when the API server refuses the pod. */
async function makePod(namespace: string): Promise<readonly string[]> {
	const { object } = await mesh.api.create<PodObject>({
		...kinds.Pod,
		metadata: { namespace, name: `pod-${Math.random().toString(36).slice(2)}`, labels: { app: 'shop' } },
		spec: { containers: [{ name: 'app', image: 'example.com/app:1' }] },
	} as PodObject);
	return [...(object.spec.initContainers ?? []), ...object.spec.containers].map(({ name }) => name);
}

/** The certificate that a server shows, whoever may trust it: its fingerprint. Rejects where nobody serves. */
async function shownAt(port: number): Promise<string> {
	const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
	try {
		await once(socket, 'secureConnect');
		return socket.getPeerCertificate().fingerprint256;
	} finally {
		socket.destroy();
	}
}

for (const { version, program } of chosen) {
	const title = `${version}: new pods get their proxy from the real injector, and none is refused while its certificate changes`;
	if (!runs || program === undefined) {
		test.skip(title, () => undefined);
		continue;
	}
	test.serial(title, async (t) => {
		const name = `real-${version.replaceAll('.', '-')}`;
		const namespace = `istio-${name}`;
		const shop = `shop-${name}`;
		await mesh.api.create({ ...kinds.Namespace, metadata: { name: shop } });
		await mesh.api.create({ ...kinds.ServiceAccount, metadata: { namespace: shop, name: 'default' } });
		behindMs = 61 * dayMs;
		const spec = { version, namespace, sidecarInjector: { enabled: true, namespaces: [shop] } };
		await applyInstallation(mesh.api, name, spec);
		const old = await eventually('its certificate', () => readCertificate(mesh.api, namespace));
		await eventually('its Deployment', () => setAvailable(mesh.api, namespace, injectorName, true).then(() => true));
		await untilInstalled(mesh.api, name);

		await using injector = await startMountedInjector(program, mesh, namespace, shownAt);
		await using _ = await serveInjector(mesh, namespace, forwardTo({ host: '127.0.0.1', port: injector.port }));
		const whole = ['istio-init', 'app', 'istio-proxy'];
		await eventually('a pod gets its proxy', async () => (await makePod(shop)).length === whole.length);

		// What the operator asks it in a change of version.
		const resolved = resolvedMesh(name, spec);
		const word = lines
			.of(resolved)
			.ownWords(resolved)
			.find(({ kind }) => kind === 'webhook');
		if (word === undefined) return t.fail('its injector is not asked');
		const { port } = injector;
		const hear = async () => heard(word, { port, ca: (await trustedRoots(mesh.api, namespace)).join('\n') });
		t.deepEqual(await hear(), { kind: 'fine' });
		t.like(
			await heard(word, { port, ca: rootCertificates[0] ?? '' }),
			{ kind: 'against' },
			'API servers trust another one',
		);
		t.like(
			await heard({ ...word, path: '/ready' }, { port, ca: (await trustedRoots(mesh.api, namespace)).join('\n') }),
			{
				kind: 'against',
			},
		);

		const made: (readonly string[])[] = [];
		let isOver = false;
		const making = (async () => {
			for (; !isOver; await sleep(20)) made.push(await makePod(shop));
		})();
		try {
			behindMs = 0;
			await eventually(
				'another certificate',
				async () => (await readCertificate(mesh.api, namespace)).cert !== old.cert,
			);
			t.is((await trustedRoots(mesh.api, namespace)).length, 2);
			// Until then the pod has the old one.
			await sleep(1_000);
			await injector.refresh();
			const { fingerprint256 } = new X509Certificate((await readCertificate(mesh.api, namespace)).cert);
			await eventually('it serves with the new one', async () => (await shownAt(injector.port)) === fingerprint256);
			const before = made.length;
			await eventually('pods go on to come', () => made.length > before + 50);
			t.deepEqual(await hear(), { kind: 'fine' }, 'with the new certificate');
		} finally {
			isOver = true;
			await making;
		}
		t.true(made.length > 50);
		t.deepEqual(
			made.filter((names) => names.join() !== whole.join()),
			[],
		);
		t.notRegex(injector.log(), /is forbidden|unknown flag/);
	});
}
