/**
 * Every release in every profile, with Citadel and without. The operator installs it on a real API server with controllers
 * and simulated nodes until all of it runs. Then it is quiet, even over a restart, and it goes without a trace.
 *
 * `npm test` takes one profile of each release, so that each line has each profile; `whole-matrix.ts` tells how all are taken.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { profileNames } from '../api/v1/index.ts';
import { fieldManager, instanceOf } from '../operator/apply/identity.ts';
import { lines } from '../operator/lines/index.ts';
import { isNotFound } from '../operator/runtime/errors.ts';
import { type KubeObject, objectKey } from '../operator/runtime/object.ts';
import { playCitadel } from './support/citadel.ts';
import { eventually } from './support/eventually.ts';
import {
	applyInstallation,
	deleteInstallation,
	liveChildren,
	readInstallation,
	readLive,
	renderedChildren,
	renderedObjects,
	type Spec,
	untilCondition,
	untilEvent,
	untilReady,
	versionsOf,
	warningEventsAbout,
} from './support/installation.ts';
import { type MeshCluster, operatorUser, startMeshCluster } from './support/mesh-cluster.ts';
import { type RunningOperator, startOperator } from './support/operator.ts';
import { type PlayedIstiods, playIstiods } from './support/played-istiod.ts';
import { isMatrixWhole, leftOut, onDiagonal } from './support/whole-matrix.ts';
import { describeWrite, mark, restMs, untilCalm, writesOf } from './support/writes.ts';

let mesh: MeshCluster;
let operator: RunningOperator;
let istiods: PlayedIstiods;

test.before(async () => {
	mesh = await startMeshCluster({ parts: 'all' });
	istiods = await playIstiods(mesh.api, mesh.cluster);
	operator = await startOperator(mesh);
});
test.after.always(async () => {
	await operator?.stop();
	await istiods?.stop();
	await mesh?.stop();
});

interface Combination {
	readonly name: string;
	readonly spec: Spec & { readonly namespace: string; readonly citadel: { readonly enabled: boolean } };
}

function combination(version: string, profile: string, isCitadelOn: boolean): Combination {
	const name = `${version}-${profile}${isCitadelOn ? '-citadel' : ''}`.replaceAll('.', '-');
	return { name, spec: { version, profile, namespace: `mesh-${name}`, citadel: { enabled: isCitadelOn } } };
}

/** Objects of which the API server has said what it thinks: CRDs are the same in all meshes of a release. */
const asked = new Set<string>();

/** The API server's warnings about objects that it would store: deprecated APIs, unknown fields. Each is asked for once. */
async function warningsAbout(objects: readonly KubeObject[]): Promise<readonly string[]> {
	const fresh = objects.filter((object) => {
		const text = JSON.stringify(object);
		return !asked.has(text) && asked.add(text);
	});
	const answers = fresh.map(async (object) => {
		const { warnings } = await mesh.api.apply(object, { fieldManager, force: true, dryRun: true });
		return warnings.map((warning) => `${objectKey(object)}: ${warning}`);
	});
	return (await Promise.all(answers)).flat();
}

/** Whether the operator's metrics say that it is ready, which they do after its first pass. */
function isSaidToBeReady(metrics: string, name: string): boolean {
	return metrics
		.split('\n')
		.some(
			(line) => line.startsWith('meshwright_installation_ready{') && line.includes(`"${name}"`) && line.endsWith(' 1'),
		);
}

async function isThere(object: KubeObject): Promise<boolean> {
	try {
		await readLive(mesh.api, object);
		return true;
	} catch (error) {
		if (isNotFound(error)) return false;
		throw error;
	}
}

/** The given objects that exist. */
async function standing(objects: readonly KubeObject[]): Promise<readonly string[]> {
	const found = await Promise.all(objects.map(async (object) => ((await isThere(object)) ? [objectKey(object)] : [])));
	return found.flat();
}

for (const [row, { version, line }] of lines.releases.entries()) {
	for (const [column, profile] of profileNames.entries()) {
		// Both run at the same time: cluster-wide objects have names of their own, except for the policy of mutual TLS.
		// istiod always signs, and only one can be a cluster's default.
		const citadel = line === 'classic' ? [true, false] : [true];
		const meshes = citadel.map((isOn) => combination(version, profile, isOn));

		const title = `Istio ${version}, ${profile}${line === 'classic' ? ', with Citadel and without' : ''}: no warning, all runs, quiet, and nothing stays`;
		if (!isMatrixWhole() && !onDiagonal(row, column, profileNames.length)) {
			test.skip(leftOut(title), () => undefined);
			continue;
		}
		test.serial(title, async (t) => {
			const { api, cluster } = mesh;
			const endCitadels = meshes.map(({ spec }) => playCitadel(api, spec.namespace));
			for (const { name, spec } of meshes) await applyInstallation(api, name, spec);
			for (const { name } of meshes) {
				await untilReady(api, name);
				// Nothing is stored otherwise than it was sent: amounts, numbers and empty fields are in the API server's own form.
				await untilCondition(api, name, 'Installed', 'True', 'Installed');
				await untilEvent(api, name, 'Ready');
			}
			for (const { name, spec } of meshes)
				if (spec.citadel.enabled) await untilCondition(api, name, 'CertificateAuthorityValid', 'True');
			for (const end of endCitadels) end();
			await untilCalm(cluster, operatorUser, restMs);
			const place = await mark(cluster);
			const names = meshes.map(({ name }) => name);
			const before = await versionsOf(api, ...names);
			const live = await liveChildren(api, ...names);

			for (const { name, spec } of meshes) {
				const rendered = renderedChildren(name, spec);
				const own = live.filter((object) => instanceOf(object.metadata.labels) === name);
				t.deepEqual(own.map(objectKey).sort(), rendered.map(objectKey).sort(), name);
				const deployments = rendered.filter(({ kind }) => kind === 'Deployment');
				const { components = [], phase } = (await readInstallation(api, name)).status ?? {};
				t.is(phase, 'Ready');
				t.is(components.length, deployments.length, 'of every workload');
				for (const component of components) {
					t.true((component.desired ?? 0) > 0, `${name}: ${component.name}`);
					t.is(component.ready, component.desired, `${name}: ${component.name}`);
				}
				t.deepEqual(await warningEventsAbout(api, name), [], name);
			}
			await sleep(2_000);
			await operator.stop();
			operator = await startOperator(mesh);
			await eventually('it has looked at both again', async () => {
				const { body } = await operator.ask('/metrics');
				return meshes.every(({ name }) => isSaidToBeReady(body, name));
			});
			t.deepEqual((await writesOf(cluster, operatorUser, place)).map(describeWrite), [], 'quiet');
			t.deepEqual(await versionsOf(api, ...names), before);

			for (const { name, spec } of meshes) t.deepEqual(await warningsAbout(renderedObjects(name, spec)), []);

			await Promise.all(meshes.map(({ name }) => deleteInstallation(api, name)));
			t.deepEqual(await liveChildren(api, ...names), []);
			for (const { name, spec } of meshes) {
				t.deepEqual(await standing(renderedChildren(name, spec)), []);
			}
		});
	}
}
