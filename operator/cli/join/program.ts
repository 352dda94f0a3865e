/** The commands by which clusters join and leave, with or without an operator: `clusters join`, `clusters leave`, `remote-secret …`. */
import { type Command, Option } from 'commander';
import { defaultNamespace } from '../../../api/v1/constants.ts';
import {
	collect,
	contextOption,
	durationMs,
	examples,
	joinContextOption,
	joinKubeconfigOption,
	kubeconfigOption,
	label,
	loopbackOption,
	outputOption,
	type Report,
	seconds,
	serverOption,
} from '../program-options.ts';

const secretNamespaceOption = (): Option =>
	new Option('--secret-namespace <name>', 'namespace of the Secret with the kubeconfig')
		.argParser(label)
		.default('meshwright-system');

/** @param clusters the command `clusters` */
export function addJoinCommands(clusters: Command, report: Report): void {
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
		.action(async (name, options) => report(await (await import('./join.ts')).clustersJoin(name, options)));
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
		.action(async (name, options) => report(await (await import('./leave.ts')).clustersLeave(name, options)));
}

export function addRemoteSecretCommands(program: Command, report: Report): void {
	const remoteSecret = program
		.command('remote-secret')
		.description('make the Secret by which a control plane reads a cluster')
		.addHelpText(
			'after',
			examples('meshwright remote-secret create --name eu-west --read-by primary --join-context eu-west | kubeseal'),
		);
	remoteSecret
		.command('create')
		.description('print the Secret as the operator would write it; it holds a token')
		.addOption(new Option('--name <name>', 'name of the cluster in the mesh').argParser(label).makeOptionMandatory())
		.addOption(joinContextOption())
		.addOption(joinKubeconfigOption())
		.addOption(kubeconfigOption())
		.addOption(serverOption())
		.addOption(new Option('--namespace <name>', 'namespace of the mesh').argParser(label).default(defaultNamespace))
		.option('--mesh <name>', 'name of the MeshInstallation, for labels', 'default')
		.addOption(
			new Option(
				'--read-by <name>',
				'name of the cluster whose control plane reads: spec.multiCluster.clusterName',
			).argParser(label),
		)
		.addOption(new Option('--version <release>', 'Istio release, which decides what is read (default: the newest)'))
		.addOption(
			new Option(
				'-f, --filename <file>',
				'file with the MeshInstallation, instead of --mesh, --namespace and --version',
			).conflicts(['mesh', 'namespace', 'version']),
		)
		.addOption(
			new Option('--lifetime <duration>', 'how long the token shall be valid')
				.argParser(durationMs(60 * 60_000, '1h'))
				.default(720 * 3_600_000, '720h'),
		)
		.option('--create-account', 'make the account in the cluster where it is missing', true)
		.option('--no-create-account', 'only issue a token for the account that is there')
		.addOption(outputOption('yaml', 'json').default('yaml'))
		.addHelpText(
			'after',
			`${examples(
				'meshwright remote-secret create --name eu-west --read-by primary --join-context eu-west | kubeseal > sealed.yaml',
				'meshwright remote-secret create --name eu-west -f mesh.yaml --join-context eu-west --lifetime 2160h',
			)}\n
Who lets the operator keep the cluster needs none of this: it renews the token by itself.`,
		)
		.action(async (options) => report(await (await import('./remote-secret.ts')).remoteSecretCreate(options)));
}
