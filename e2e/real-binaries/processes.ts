/** What is rendered, in a cluster, and the processes of its Deployments of which there are binaries. */
import { waveOf, waves } from '../../operator/apply/waves.ts';
import type { ClassicRelease } from '../../operator/releases/classic/index.ts';
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { eventually } from '../support/eventually.ts';
import { untilEstablished } from '../support/installation.ts';
import { person } from '../support/mesh-cluster.ts';
import type { ComponentDeployment } from './component-process.ts';
import { binaryOf, type ProgramName, programs } from './programs.ts';

/** Applies all objects, each as soon as its kind is served. Settled when the definitions among them are. */
export async function applyAll(api: ApiServer, objects: readonly KubeObject[]): Promise<void> {
	for (const object of waves(objects, waveOf).flat()) {
		const what = `${object.kind} ${object.metadata.name} is applied`;
		await eventually(what, () => api.apply(object, { fieldManager: person }));
	}
	for (const { metadata } of objects.filter(({ kind }) => kind === kinds.CustomResourceDefinition.kind)) {
		await untilEstablished(api, metadata.name);
	}
}

export interface Process {
	readonly deployment: ComponentDeployment;
	readonly name: ProgramName;
	readonly binary: string;
	readonly flags: readonly string[];
}

/** What of the rendered Deployments there are binaries for. Citadel is the first and the last: then it starts with a CA of its own that it kept. */
export function processes(
	objects: readonly KubeObject[],
	{ version, pilot, mixer, citadel }: ClassicRelease,
): readonly Process[] {
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
