/** The commands about joined clusters: `clusters …`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { defaultProbeImage } from '../probe/job.ts';
import {
	collect,
	contextOption,
	examples,
	joinContextOption,
	joinKubeconfigOption,
	kubeconfigOption,
	label,
	outputOption,
	type Report,
	seconds,
	serverOption,
} from '../program-options.ts';

const loopbackOption = (): Option =>
	new Option(
		'--allow-loopback-clusters',
		'take API servers at loopback addresses, where all clusters are on this machine, as an operator with this flag',
	).default(false);
const proxiesOption = (): Option =>
	new Option('--allow-cluster-proxies', 'take kubeconfigs that name proxies, as an operator with this flag').default(
		false,
	);
const secretNamespaceOption = (): Option =>
	new Option('--secret-namespace <name>', 'namespace of the Secret with the kubeconfig')
		.argParser(label)
		.default('meshwright-system');

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

export function addClusterCommands(program: Command, report: Report): void {
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

	addJoin(clusters, report);
	addLeave(clusters, report);
}

function addJoin(clusters: Command, report: Report): void {
	clusters
		.command('join')
		.argument('<name>', 'name of the cluster in the mesh', label)
		.description('make all that a cluster needs to join: account there, kubeconfig here; print the entry for the spec')
		.requiredOption('--mesh <name>', 'MeshInstallation that it joins')
		.addOption(joinContextOption().makeOptionMandatory())
		.addOption(joinKubeconfigOption())
		.addOption(serverOption())
		.addOption(new Option('--role <role>', 'Primary has a MeshInstallation of its own').choices(['Remote', 'Primary']))
		.addOption(new Option('--network <name>', 'its network, where it is not that of this cluster').argParser(label))
		.option('--no-data-plane', 'it is only read: no workloads of the mesh run there')
		.addOption(
			new Option('--control-plane-address <ip>', 'address of Pilot and Mixer for it; may be given again').argParser(
				collect,
			),
		)
		.addOption(
			new Option('--pod-cidr <block>', 'block of its pods, where it is not discovered; may be given again').argParser(
				collect,
			),
		)
		.addOption(
			new Option(
				'--service-cidr <block>',
				'block of its Services, where it is not discovered; may be given again',
			).argParser(collect),
		)
		.addOption(secretNamespaceOption())
		.option('--apply', 'write the entry into the MeshInstallation as well', false)
		.option('--dry-run', 'let both API servers check everything, and change nothing', false)
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(loopbackOption())
		.addOption(outputOption('yaml', 'json').default('yaml'))
		.addHelpText(
			'after',
			`${examples(
				'meshwright clusters join eu-west --mesh default --join-context eu-west --dry-run',
				'meshwright clusters join eu-west --mesh default --join-context eu-west > entry.yaml',
				'meshwright clusters join eu-west --mesh default --join-context eu-west --network eu --apply',
			)}\n
The account is that of deploy/remote, for the namespace of the mesh. Its token lies in a Secret there and ends with it; it is
tried out before it is written here. Standard output gets the entry for spec.multiCluster.clusters; no secret is ever printed.
With --apply the entry is written by a field manager of its own (meshwright-cli-NAME), so that entries of others stay theirs.
Running it again brings everything up to date.

Exit codes: 0 done; 1 the cluster may not join, for the reasons that are told, and nothing was written here; 2 failed.`,
		)
		.action(async (name, options) => report(await (await import('../join/join.ts')).clustersJoin(name, options)));
}

function addLeave(clusters: Command, report: Report): void {
	clusters
		.command('leave')
		.argument('<name>', 'name of the cluster in the mesh', label)
		.description('say what to remove from the spec, or remove it, and take away what `join` has made')
		.requiredOption('--mesh <name>', 'MeshInstallation that it leaves')
		.addOption(joinContextOption())
		.addOption(joinKubeconfigOption())
		.addOption(secretNamespaceOption())
		.option('--apply', 'remove the entry that `join --apply` has written', false)
		.option('--wait', 'wait until the operator has cleaned the cluster', false)
		.addOption(new Option('--timeout <duration>', 'how long to wait').argParser(seconds).default(900, '15m'))
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addHelpText(
			'after',
			`${examples(
				'meshwright clusters leave eu-west --mesh default',
				'meshwright clusters leave eu-west --mesh default --apply --wait --join-context eu-west',
			)}\n
Account and kubeconfig go last, since the operator cleans the cluster by them. What others have made stays; namespaces as well.

Exit codes: 0 it has left; 1 not yet; 2 failed.`,
		)
		.action(async (name, options) => report(await (await import('../join/leave.ts')).clustersLeave(name, options)));
}
