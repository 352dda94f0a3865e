/**
 * Pilot's own word, asked of Istio's own Pilot: it counts what the operator reads, by the names of each release. Runs where
 * `MESHWRIGHT_ISTIO` names a folder, as `real-binaries.api-server.test.ts` says.
 */
import { classicLine } from '../../operator/lines/classic.ts';
import type { Word } from '../../operator/mesh/upgrade/own-words.ts';
import type { CountersWord } from '../../operator/plan/upgrade/own-word.ts';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { renderedObjects, resolvedMesh } from '../support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../support/mesh-cluster.ts';
import { excerpt, startComponent } from './component-process.ts';
import { heard } from './heard.ts';
import { PlayedProxy } from './played-proxy.ts';
import { applyAll, processes } from './processes.ts';
import { testWithBinaries } from './test-with-binaries.ts';

const namespace = 'istio-real';
const id = 'sidecar~10.0.0.7~reviews-0.shop~shop.svc.cluster.local';
/** Pilot's plain port for proxies. */
const xdsPort = 15010;

for (const release of classicReleases) {
	const { version } = release;
	const title = `${version}: Istio's own Pilot says nothing against its stage but when proxies refuse what it sends, or do not get it`;
	testWithBinaries(version, title, async (t) => {
		await using mesh = await startMeshCluster({ crd: false });
		const spec = { version, namespace, profile: 'default' };
		const objects = renderedObjects('real', spec);
		await applyAll(mesh.api, objects);
		await makeServices(mesh);
		const pilot = processes(objects, release).find(({ name }) => name === 'discovery');
		if (pilot === undefined) return t.fail(`there is no pilot-discovery of ${version}`);
		const word = classicLine.ownWords(resolvedMesh('real', spec))[0] as CountersWord;
		const hear = (settleMs: number) => heard(word, { settleMs });

		await using component = await startComponent(pilot.binary, pilot.flags, mesh, pilot.deployment);
		try {
			await goes(`sidecar~10.0.0.8~gone.shop~shop.svc.cluster.local`);
			await using good = new PlayedProxy(xdsPort, { id });
			for (const what of ['clusters', 'listeners'] as const) good.ask(what);
			good.ask('routes', ['80']);
			await eventually('a proxy has its configuration', () => good.got.size === 3);
			t.deepEqual(await hear(1_000), { kind: 'fine' });

			await using deaf = new PlayedProxy(xdsPort, { id: id.replace('7', '9'), isDeaf: true });
			// More of them than what waits for a proxy by default, 64 KiB.
			// 1.0 takes as many names as before for an answer.
			const names = Array.from({ length: 40 }, (_, at) => `${8_000 + at}`);
			for (const at of names.keys()) deaf.ask('routes', names.slice(0, at + 1));
			for (const what of ['clusters', 'listeners'] as const) deaf.ask(what);
			// A proxy that takes nothing is told of once, and then it is gone.
			t.regex(sentenceOf(await hear(10_000)), /counts what does not reach proxies: pilot_xds_write_timeout 0 → [1-9]/);
			await eventually('it is over', async () => (await hear(1_000)).kind === 'fine');

			await using refusing = new PlayedProxy(xdsPort, { id, refuses: true });
			for (const what of ['clusters', 'listeners'] as const) refusing.ask(what);
			refusing.ask('routes', ['80']);
			const all = ['pilot_total_xds_rejects', 'pilot_xds_cds_reject', 'pilot_xds_lds_reject', 'pilot_xds_rds_reject'];
			await eventually('all rejects are counted', async () => {
				const sentence = sentenceOf(await hear(1));
				return all.every((metric) => sentence.includes(`${metric} `));
			});
			t.regex(sentenceOf(await hear(1)), /^pod istio-pilot-0 has counted since its start what proxies reject: /);
			t.false(component.hasExited());
		} catch (cause) {
			throw new Error(excerpt(component.lines), { cause });
		}
	});
}

/** A proxy that goes away while something is sent to it. */
async function goes(name: string): Promise<void> {
	await using proxy = new PlayedProxy(xdsPort, { id: name });
	for (const what of ['clusters', 'listeners'] as const) proxy.ask(what);
	await eventually('the first answer', () => proxy.got.size > 0);
}

/** Services enough that what a proxy gets is long. */
async function makeServices({ api }: MeshCluster): Promise<void> {
	await api.create({ ...kinds.Namespace, metadata: { name: 'shop' } });
	for (let at = 0; at < 40; at++) {
		const ports = [{ name: 'http', port: 8_000 + at }];
		await api.create({
			...kinds.Service,
			metadata: { namespace: 'shop', name: `service-${at}` },
			spec: { ports },
		} as KubeObject);
	}
}

function sentenceOf(word: Word): string {
	return 'sentence' in word ? word.sentence : word.kind;
}
