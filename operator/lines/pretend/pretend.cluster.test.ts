/**
 * A line that the operator has never heard of works from spec to status: only the list of lines and its own folder know it.
 */
import test from 'ava';
import { type ParsedStatus, parseMeshInstallation } from '../../../api/v1/index.ts';
import { eventually } from '../../../e2e/support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	untilCondition,
	untilReady,
} from '../../../e2e/support/installation.ts';
import { type MeshCluster, startMeshCluster } from '../../../e2e/support/mesh-cluster.ts';
import { noClusters } from '../../../e2e/support/no-clusters.ts';
import { recordInstallation } from '../../../e2e/support/recording.ts';
import { MeshController } from '../../mesh/controller.ts';
import { installation } from '../../render/testing.ts';
import { ApiServer } from '../../runtime/client/api-server.ts';
import { loadKubeconfig } from '../../runtime/credentials/credentials.ts';
import { kinds } from '../../runtime/kinds.ts';
import { createLogger } from '../../runtime/log/logger.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { classicLine } from '../classic.ts';
import { Lines } from '../registry.ts';
import { laterVersion, pretendLine, pretendRevision, pretendVersion } from './testing.ts';

const lines = new Lines([classicLine, pretendLine]);

let mesh: MeshCluster;
let stopController: () => Promise<unknown> = () => Promise.resolve();

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	const api = new ApiServer(await loadKubeconfig({ path: mesh.kubeconfig }));
	const controller = new MeshController({ api, lines, log: createLogger({ level: 'error' }), clusters: noClusters });
	await controller.start();
	controller.lead();
	stopController = async () => {
		await controller.stop(5_000);
		await api.close();
	};
});
test.after.always(async () => {
	await stopController();
	await mesh?.stop();
});

/** Resolves a spec as the operator does. */
function resolve(spec: Readonly<Record<string, unknown>>) {
	const parsed = parseMeshInstallation(installation(spec));
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
	return lines.resolve(parsed.installation);
}

test('a version belongs to one line, and each line says what it refuses', (t) => {
	const pretend = resolve({ version: pretendVersion });
	t.true(pretend.ok && pretend.mesh.line === 'pretend' && pretend.mesh.revision === pretendRevision);
	const classic = resolve({ version: '1.4.10' });
	t.true(classic.ok && classic.mesh.line === 'classic' && classic.mesh.revision === undefined);
	const refused = resolve({ version: pretendVersion, mixer: {} });
	t.like(refused, { ok: false, problems: [{ path: 'spec.mixer', reason: 'FieldNotInRelease' }] });
	const unknown = resolve({ version: '9.9.2' });
	t.true(!unknown.ok && unknown.problems[0]?.remedy === `Use ${pretendVersion}.`);
	const ended = resolve({ version: '9.8.7' });
	t.like(ended, { ok: false, problems: [{ reason: 'EndOfLife', remedy: `Install ${pretendVersion}.` }] });
});

test('rendering gives names and labels their revision, and takes overlays', (t) => {
	const overlay = {
		target: { kind: 'Deployment', name: 'mouth-canary' },
		mergePatch: { metadata: { annotations: { note: 'given' } } },
	};
	const resolved = resolve({ version: pretendVersion, overlays: [overlay] });
	if (!resolved.ok) return t.fail(JSON.stringify(resolved.problems));
	const deployments = lines.render(resolved.mesh).filter(({ kind }) => kind === 'Deployment');
	t.deepEqual(
		deployments.map(({ metadata }) => [metadata.name, metadata.labels?.['istio.io/rev'], metadata.annotations?.note]),
		[
			['brain-canary', 'canary', undefined],
			['mouth-canary', 'canary', 'given'],
		],
	);
	t.deepEqual(lines.checkOverlays(resolved.mesh), []);
});

test('apply, gates, status and deletion: beside a mesh of another line, in the same operator', async (t) => {
	const { api } = mesh;
	await applyInstallation(api, 'classic', { namespace: 'istio-classic' });
	const recording = await recordInstallation<KubeObject & { readonly status?: ParsedStatus }>(api, 'pretend');
	await applyInstallation(api, 'pretend', { version: pretendVersion, namespace: 'istio-pretend' });
	await untilReady(api, 'pretend');
	const told = (await recording.stop()).flatMap((version) => version.status?.conditions ?? []);
	t.true(told.some(({ message }) => message.includes('waiting for the brain to be ready, before the mouth opens')));
	await untilReady(api, 'classic');
	const { status } = await readInstallation(api, 'pretend');
	t.deepEqual(
		status?.components?.map(({ name, ready, version }) => [name, ready, version]),
		[
			['brain@canary', 1, pretendVersion],
			['mouth@canary', 1, pretendVersion],
		],
	);
	t.is(status?.version, pretendVersion);
	t.is(status?.phase, 'Ready');
	t.true(status?.conditions?.some(({ type, status: value }) => type === 'UpToDate' && value === 'True'));
	// It has nothing else of a classic mesh.
	const others = (await liveChildren(api, 'pretend')).map(({ kind }) => kind);
	t.false(others.includes('MutatingWebhookConfiguration') || others.includes('ConfigMap'));

	const mouth = { ...kinds.Deployment, namespace: 'istio-pretend', name: 'mouth-canary' };
	const { metadata } = await api.get<KubeObject>(mouth);
	await api.delete(mouth);
	await eventually('the mouth is back', async () => {
		const found = await api.get<KubeObject>(mouth).catch(() => undefined);
		return found !== undefined && found.metadata.uid !== metadata.uid;
	});
	await untilReady(api, 'pretend');

	// A change of version goes through the stages that the line gives its objects. Nothing of Configuration differs.
	const changing = await recordInstallation<KubeObject & { readonly status?: ParsedStatus }>(api, 'pretend');
	await applyInstallation(api, 'pretend', { version: laterVersion, namespace: 'istio-pretend' });
	await untilReady(api, 'pretend');
	const seen = await changing.stop();
	const stages = seen.flatMap(({ status: told }) => told?.upgrade?.stage ?? []);
	t.deepEqual([...new Set(stages)], ['Pilot', 'Gateways']);
	for (const { status: told } of seen.filter((one) => one.status?.upgrade?.stage === 'Pilot')) {
		const mouthRuns = told?.components?.find(({ name }) => name === 'mouth@canary')?.version;
		t.is(mouthRuns, pretendVersion, 'the mouth changes after the brain');
	}
	const after = await readInstallation(api, 'pretend');
	t.like(after.status, { version: laterVersion, phase: 'Ready' });
	t.is(after.status?.upgrade, undefined);
	// A refusal by a line is told as for every line.
	await applyInstallation(api, 'pretend', { version: laterVersion, namespace: 'istio-pretend', mixer: {} });
	await untilCondition(api, 'pretend', 'Compatible', 'False', 'FieldNotInRelease');
	await deleteInstallation(api, 'pretend');
	t.deepEqual(await liveChildren(api, 'pretend'), []);
	await untilReady(api, 'classic');
	await deleteInstallation(api, 'classic');
});
