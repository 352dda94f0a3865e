/** The commands that look at joined clusters: `clusters list`, `check` and `matrix`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultProbeImage } from '../probe/job.ts';
import {
	contextOption,
	examples,
	kubeconfigOption,
	label,
	loopbackOption,
	outputOption,
	type Report,
	waitOption,
} from '../program-options.ts';

const proxiesOption = (): Option =>
	new Option('--allow-cluster-proxies', 'take kubeconfigs that name proxies, as an operator with this flag').default(
		false,
	);

function probeContexts(text: string, previous: ReadonlyMap<string, string> | undefined): ReadonlyMap<string, string> {
	const at = text.indexOf('=');
	if (at < 1 || at === text.length - 1) {
		throw new InvalidArgumentError('It must be CLUSTER=CONTEXT.');
	}
	return new Map([...(previous ?? []), [text.slice(0, at), text.slice(at + 1)]]);
}

function withProbeOptions(command: Command): Command {
	return command
		.addOption(new Option('--probe-image <image>', 'image of the probe: sh and curl').default(defaultProbeImage))
		.addOption(
			new Option('--probe-namespace <name>', 'namespace in which probes run (default: that of the mesh)').argParser(
				label,
			),
		)
		.addOption(
			new Option(
				'--probe-context <cluster=context>',
				'your own context for the probe in a cluster, whose kubeconfig may not run any; may be given again',
			).argParser(probeContexts),
		);
}

const probeHelp = `
A probe is a Job of one pod that lives for a minute or two and is deleted in any case: not root, without privileges, volumes
and tokens, with a read-only file system. It opens a connection to the API server and to one pod of every other cluster,
without credentials, and says how long that took. The default image, curl's own (${defaultProbeImage}), is small, has
a shell, and its client tells a refusal from silence and TCP from TLS.

Cells: ok, with the time that connecting took; refused: somebody said no, or no way leads there; timeout: silence; unknown: not
tried, with the reason below. The row "here" is where this command runs.`;

const checkExits = '\n\nExit codes: 0 all is as it should be; 1 something is not; 2 failed.';

/** Adds the commands. Returns `clusters`, to which those of joining and leaving are added. */
export function addClusterCommands(program: Command, report: Report): Command {
	const clusters = program
		.command('clusters')
		.description('list, check, join and leave the clusters of a mesh')
		.addHelpText(
			'after',
			examples(
				'meshwright clusters list                        # how they are, by the operator',
				'meshwright clusters check                       # how they are, from here',
				'meshwright clusters join eu-west --mesh default --join-context eu-west',
			),
		);

	clusters
		.command('list')
		.argument('[mesh]', 'name of a MeshInstallation (default: all)')
		.description('show the clusters as the operator sees them')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright clusters list', 'meshwright clusters list default -o json')}\n\nExit codes: 0 all are ready; 1 at least one is not; 2 failed.`,
		)
		.action(async (mesh, options) => report(await (await import('./list.ts')).clustersList(mesh, options)));

	clusters
		.command('status')
		.argument('[mesh]', 'name of a MeshInstallation (default: all)')
		.description('show the same as list, and wait until all are ready')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(waitOption('until all are ready'))
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright clusters status --wait 5m', 'meshwright clusters status default --wait 90s -o json')}\n\nExit codes: 0 all are ready; 1 at least one is not, when the time is over; 2 failed.`,
		)
		.action(async (mesh, options) => report(await (await import('./list.ts')).clustersList(mesh, options)));

	withProbeOptions(
		clusters
			.command('check')
			.argument('[mesh]', 'name of a MeshInstallation, where there are several')
			.description('check the clusters from here, by the kubeconfigs in their Secrets, as the operator does')
			.addOption(kubeconfigOption())
			.addOption(contextOption())
			.addOption(new Option('--cluster <name>', 'check this one alone').argParser(label))
			.option('--probe', 'run a probe in each cluster: whom does it reach?', false),
	)
		.addOption(loopbackOption())
		.addOption(proxiesOption())
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples(
				'meshwright clusters check',
				'meshwright clusters check --cluster eu-west -o json',
				'meshwright clusters check --probe --probe-context eu-west=eu-west-admin',
			)}\n${probeHelp}${checkExits}`,
		)
		.action(async (mesh, options) => report(await (await import('./check.ts')).clustersCheck(mesh, options)));

	withProbeOptions(
		clusters
			.command('matrix')
			.argument('[mesh]', 'name of a MeshInstallation, where there are several')
			.description('show who reaches whom: a probe in each cluster, and nothing else')
			.addOption(kubeconfigOption())
			.addOption(contextOption()),
	)
		.addOption(loopbackOption())
		.addOption(proxiesOption())
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright clusters matrix', 'meshwright clusters matrix -o json')}\n${probeHelp}${checkExits}`,
		)
		.action(async (mesh, options) => report(await (await import('./check.ts')).clustersMatrix(mesh, options)));

	return clusters;
}
