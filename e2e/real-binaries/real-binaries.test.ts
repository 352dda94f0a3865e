/**
 * Istio's own binaries start from what is rendered and work with nothing but the rights that are rendered. Runs where
 * `MESHWRIGHT_ISTIO` names a folder with `<version>/pilot-discovery`, `<version>/mixs` and `<version>/istio_ca`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { waves } from '../../operator/apply/waves.ts';
import { type Release, releases } from '../../operator/releases/index.ts';
import type { ApiServer } from '../../operator/runtime/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { renderedObjects } from '../support/installation.ts';
import { type MeshCluster, person, startMeshCluster, userOf } from '../support/mesh-cluster.ts';
import { type ComponentDeployment, complaintsIn, excerpt, startComponent } from './component-process.ts';
import { binaryOf, type ProgramName, programs, versionsWithBinaries } from './programs.ts';
import { work } from './work.ts';

/** How long each is watched when it has done its work, milliseconds: what is refused is asked again within a second. */
const watchedMs = 3_000;

const namespace = 'istio-real';
const versions = versionsWithBinaries();

for (const release of releases) {
	const { version } = release;
	for (const profile of ['default', 'production']) {
		const title = `${version}, ${profile}: Istio's own binaries get ready, do their work, and nothing is refused to them`;
		if (!versions.includes(version)) {
			test.skip(title, () => undefined);
			continue;
		}
		test.serial(title, async (t) => {
			await using mesh = await startMeshCluster({ crd: false });
			const objects = renderedObjects('real', { version, profile, namespace });
			for (const object of waves(objects, ({ kind }) => kind).flat()) await applied(mesh.api, object);
			for (const { metadata } of objects.filter(({ kind }) => kind === kinds.CustomResourceDefinition.kind)) {
				await established(mesh.api, metadata.name);
			}
			for (const [index, each] of processes(objects, release).entries()) {
				const { log, hasExited, refused } = await observed(mesh, each, `shop-${index}`);
				const what = `${each.deployment.metadata.name}: ${excerpt(log)}`;
				t.false(hasExited, what);
				t.deepEqual(complaintsIn(log), [], what);
				t.deepEqual(refused, [], what);
			}
		});
	}
}

/** Applies an object, as soon as its kind is served. */
async function applied(api: ApiServer, object: KubeObject): Promise<void> {
	const what = `${object.kind} ${object.metadata.name} is applied`;
	await eventually(what, () => api.apply(object, { fieldManager: person }));
}

async function established(api: ApiServer, name: string): Promise<void> {
	await eventually(`${name} is served`, async () => {
		const { status } = await api.get<KubeObject>({ ...kinds.CustomResourceDefinition, name });
		return JSON.stringify(status).includes('"type":"Established"');
	});
}

interface Process {
	readonly deployment: ComponentDeployment;
	readonly name: ProgramName;
	readonly binary: string;
	readonly flags: readonly string[];
}

/** What of the rendered Deployments there are binaries for. Citadel is the first and the last: then it starts with a CA of its own that it kept. */
function processes(objects: readonly KubeObject[], { version, pilot, mixer, citadel }: Release): readonly Process[] {
	const flags = { discovery: pilot.flags, mixer: mixer.flags, citadel: citadel.flags };
	const all = objects
		.filter((object): object is ComponentDeployment => object.kind === kinds.Deployment.kind)
		.flatMap((deployment) => {
			const { name } = deployment.spec.template.spec.containers[0];
			const binary = isProgram(name) ? binaryOf(version, name) : undefined;
			return isProgram(name) && binary !== undefined ? [{ deployment, name, binary, flags: flags[name] }] : [];
		});
	const citadels = all.filter(({ name }) => name === 'citadel');
	return [...citadels, ...all.filter((each) => !citadels.includes(each)), ...citadels];
}

function isProgram(name: string): name is ProgramName {
	return name in programs;
}

interface Observed {
	readonly log: readonly string[];
	readonly hasExited: boolean;
	/** Requests of its account that the API server did not allow. */
	readonly refused: readonly string[];
}

/** Runs it while users do something in a namespace of theirs. Throws where it does not get ready or does not follow. */
async function observed(
	mesh: MeshCluster,
	{ deployment, name, binary, flags }: Process,
	users: string,
): Promise<Observed> {
	await using component = await startComponent(binary, flags, mesh, deployment);
	await mesh.api.create({ ...kinds.Namespace, metadata: { name: users } });
	await work[name]({ api: mesh.api, namespace, users }).catch((cause: unknown) => {
		throw new Error(`${deployment.metadata.name}: ${excerpt(component.lines)}`, { cause });
	});
	await sleep(watchedMs);
	const user = userOf({ namespace, name: deployment.spec.template.spec.serviceAccountName });
	const requests = (await mesh.cluster.auditEvents()).filter((event) => event.user.username === user);
	if (requests.length === 0) throw new Error(`the API server has not heard of ${user}`);
	return {
		log: component.lines,
		hasExited: component.hasExited(),
		refused: requests
			.filter(({ responseStatus }) => responseStatus?.code === 403)
			.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
	};
}
