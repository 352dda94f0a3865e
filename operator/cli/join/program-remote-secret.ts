/** The commands about the Secrets by which control planes read clusters: `remote-secret …`. */
import { type Command, Option } from 'commander';
import { defaultNamespace } from '../../../api/v1/constants.ts';
import {
	durationMs,
	examples,
	joinContextOption,
	joinKubeconfigOption,
	kubeconfigOption,
	label,
	outputOption,
	type Report,
	serverOption,
} from '../program-options.ts';

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
				.argParser(durationMs(10 * 60_000, '10m'))
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
