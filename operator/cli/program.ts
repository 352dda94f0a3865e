/**
 * The commands of `meshwright`, with their options and help. The code of a command is loaded when it runs, so that each
 * starts as fast as its own code allows.
 */
import { Command, Option } from 'commander';
import { addClusterCommands } from './clusters/program.ts';
import { componentNames, meshNamespaceNames } from './install-parts.ts';
import { addJoinCommands, addRemoteSecretCommands } from './join/program.ts';
import {
	contextOption,
	examples,
	filesOption,
	imageReference,
	installationOption,
	kubeconfigOption,
	label,
	manifestsOption,
	meshOption,
	operatorNamespaceOption,
	outputOption,
	positiveNumber,
	type Report,
	recursiveOption,
	seconds,
	waitOption,
	wholeNumber,
	withLimits,
	withOperatorLimits,
} from './program-options.ts';
import { addTagCommands } from './tag/program.ts';
import { addUpgradeCommands } from './upgrade/program.ts';
import { describeVersion } from './version.ts';

export function createProgram(report: Report): Command {
	const program = new Command('meshwright')
		.description('Installs, keeps and joins Istio service meshes from one object: MeshInstallation.')
		.version(describeVersion(), '-V, --version', 'print the version')
		.helpOption('-h, --help', 'print help')
		.helpCommand('help [command]', 'print help of a command')
		// Otherwise --version of a command would be that of the program, which prints the version and does nothing.
		.enablePositionalOptions()
		.showHelpAfterError('(run it with --help for usage)')
		.addHelpText(
			'after',
			`${examples(
				'meshwright install --wait                      # CRD and operator into the current cluster',
				'meshwright render -f mesh.yaml                 # what an installation consists of, without a cluster',
				'meshwright diff -f mesh.yaml                   # what applying it would change',
				'meshwright inject -f app.yaml                  # manifests with the proxy in their pods',
				'meshwright validate -R manifests               # what is wrong with Gateways, VirtualServices and their like',
				'meshwright upgrade plan                        # which versions may follow, and what stands against them',
				'meshwright status --watch                      # how far it is',
				'meshwright check                               # whether all is well, and what to do where it is not',
				'meshwright clusters list                       # the clusters that are joined, and how they are',
			)}\n\nExit codes: 0 done; 1 done, and the answer is no (differences, not ready); 2 failed.`,
		);

	withLimits(program.command('operator'))
		.description('run the operator, as the Deployment in the cluster does')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(
			new Option('--namespace <name>', 'namespace of the lease').env('POD_NAMESPACE').default('meshwright-system'),
		)
		.option('--leader-elect', 'let only one of several replicas work at a time', false)
		.option('--metrics-address <host:port>', 'where /metrics is served; :8080 is all addresses', '127.0.0.1:8080')
		.option('--health-address <host:port>', 'where /healthz and /readyz are served', '127.0.0.1:8081')
		.option('--liveness-address <host:port>', 'where /healthz is served too, for the kubelet alone; 0 is nowhere', '0')
		.addOption(
			new Option('--concurrency <number>', 'installations that are worked on at once')
				.argParser(wholeNumber(1))
				.default(64),
		)
		.addOption(
			new Option('--resync-minutes <number>', 'minutes between two looks at everything, whatever watches say')
				.argParser(positiveNumber)
				.default(10),
		)
		.option('--allow-cluster-proxies', 'let kubeconfigs of joined clusters name proxies', false)
		.option(
			'--allow-loopback-clusters',
			'let joined clusters have API servers at loopback addresses: for tests, where all are on one machine',
			false,
		)
		.addOption(
			new Option('--log-level <level>', 'least important lines to log')
				.choices(['trace', 'debug', 'info', 'warn', 'error'])
				.default('info'),
		)
		.addHelpText(
			'after',
			examples(
				'meshwright operator --kubeconfig ~/.kube/config --log-level debug',
				'meshwright operator --leader-elect --metrics-address :8080 --health-address :8081 --liveness-address :8082',
			),
		)
		.action(async (options) => report(await (await import('./operator.ts')).operator(options)));

	withOperatorLimits(program.command('render'))
		.description('print the objects that the operator makes of an installation; needs no cluster')
		.addOption(filesOption())
		.addOption(outputOption('yaml', 'json').default('yaml'))
		.option('--with-crds', 'with Istio’s CustomResourceDefinitions (default)')
		.option('--no-crds', 'without Istio’s CustomResourceDefinitions')
		.addOption(
			new Option('--cluster <name>', 'instead: what is kept in the joined cluster of this name')
				.argParser(label)
				.conflicts('servedCluster'),
		)
		.option('--served-cluster', 'instead: what the cluster must have that spec.pilot.kubeconfigSecret leads to', false)
		.option(
			'--with-webhook',
			'with the configuration of the injector’s webhook, which only the operator can complete',
			false,
		)
		.addHelpText(
			'after',
			`${examples(
				'meshwright render -f mesh.yaml',
				'meshwright render -f mesh.yaml --no-crds -o json | jq ".items[].kind"',
				'kubectl get meshinstallation default -o yaml | meshwright render -f -',
				'meshwright render -f mesh.yaml --cluster eu-west      # the account and the data plane there',
				'meshwright render -f mesh.yaml --served-cluster       # for the owner of a cluster that Pilot serves from outside',
			)}\n\nThe webhook’s configuration is left out: the certificate of the injector is made in the cluster, so only the operator knows\nits caBundle. Applied by hand without one, it would refuse every pod of the namespaces that it selects.`,
		)
		.action(async (options) => report(await (await import('./render.ts')).render(options)));

	withOperatorLimits(program.command('diff'))
		.description('show what applying an installation would change, by server-side dry run')
		.addOption(filesOption())
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.option('--show-new', 'print new objects in full, not by name alone', false)
		.addHelpText(
			'after',
			`${examples('meshwright diff -f mesh.yaml', 'meshwright diff -f mesh.yaml -o json')}\n\nExit codes: 0 nothing would change; 1 something would; 2 failed.`,
		)
		.action(async (options) => report(await (await import('./diff/diff.ts')).diff(options)));

	program
		.command('inject')
		.description('print manifests with the proxy in their pods, as the webhook puts it in; all else stays as it is')
		.addOption(manifestsOption())
		.addOption(recursiveOption())
		.option('-w, --write', 'replace the files instead of printing them', false)
		.option('-n, --namespace <name>', 'namespace of objects that do not name theirs', 'default')
		.addOption(installationOption())
		.addOption(meshOption())
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addHelpText(
			'after',
			`${examples(
				'meshwright inject -f app.yaml | kubectl apply -f -',
				'meshwright inject -f app.yaml --installation mesh.yaml     # needs no cluster, with Istio 1.0 to 1.4',
				'meshwright inject -R manifests --write                     # every manifest of a folder, in place',
				'helm template shop ./shop | meshwright inject -n shop -f -',
			)}\n\nPods on the host’s network, and those with the annotation sidecar.istio.io/inject: "false", are left as they are;\nstandard error says which. Injecting twice is injecting once: an older proxy is replaced.`,
		)
		.action(async (options) => report(await (await import('./inject/inject.ts')).inject(options)));

	program
		.command('uninject')
		.description('print manifests without the proxy that was injected')
		.addOption(manifestsOption())
		.addOption(recursiveOption())
		.option('-w, --write', 'replace the files instead of printing them', false)
		.addHelpText(
			'after',
			examples(
				'meshwright uninject -f app.yaml | kubectl apply -f -',
				'kubectl get deployment web -o yaml | meshwright uninject -f - | kubectl replace -f -',
			),
		)
		.action(async (options) => report(await (await import('./inject/inject.ts')).uninject(options)));

	program
		.command('validate')
		.description('say what is wrong with Istio’s objects, from files or else from the cluster')
		.addOption(manifestsOption())
		.addOption(recursiveOption())
		.option('-n, --namespace <name>', 'only objects of this namespace of the cluster (default: all)')
		.option('--version <version>', 'release of Istio to check for (default: that of the mesh)')
		.addOption(installationOption())
		.addOption(meshOption())
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addHelpText(
			'after',
			`${examples(
				'meshwright validate -f routes.yaml --version 1.4.10      # needs no cluster',
				'meshwright validate -R manifests --installation mesh.yaml',
				'meshwright validate                                      # all of the cluster',
			)}\n\nExit codes: 0 nothing is wrong; 1 something is; 2 failed.`,
		)
		.action(async (options) => report(await (await import('./validate/validate.ts')).validate(options)));

	program
		.command('install')
		.description('install the CustomResourceDefinition and the operator, or bring them up to date')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.option('--namespace <name>', 'namespace of the operator', 'meshwright-system')
		.addOption(
			new Option('--image <image>', 'image of the operator, for a mirror or a build of your own').argParser(
				imageReference,
			),
		)
		.addOption(
			new Option(
				'--mesh-namespaces <names>',
				"namespaces that meshes may have, with commas; '*' for any, which makes the operator an administrator in effect",
			)
				.argParser(meshNamespaceNames)
				.default(['istio-system'], 'istio-system'),
		)
		.addOption(
			new Option('--with <components>', 'rights for more: citadel, clusters, restarts; with commas')
				.argParser(componentNames)
				.default([], 'none'),
		)
		.option('--no-injection', 'leave out the rights to write a webhook, by which a mesh injects proxies')
		.option('--rights-only', 'apply roles and bindings, and leave the operator itself as it is', false)
		.option('--dry-run', 'let the API server check everything, and change nothing', false)
		.option('--force-conflicts', 'take fields over that another tool (kubectl, Argo CD) manages', false)
		.option('--wait', 'wait until the operator is available', false)
		.addOption(new Option('--timeout <duration>', 'how long to wait').argParser(seconds).default(120, '2m'))
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			examples(
				'meshwright install --wait',
				'meshwright install --dry-run -o yaml           # what would be applied',
				'meshwright install --image registry.example.com/meshwright:0.1.0',
				'meshwright install --rights-only --mesh-namespaces team-a --with citadel',
				'meshwright install --image registry.example.com/meshwright@sha256:$DIGEST',
			),
		)
		.action(async (options) => report(await (await import('./install.ts')).install(options)));

	program
		.command('status')
		.argument('[name]', 'name of a MeshInstallation (default: all)')
		.description('show conditions, components and objects of installations')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.option('-w, --watch', 'go on and show each change until Ctrl-C', false)
		.addHelpText(
			'after',
			`${examples('meshwright status', 'meshwright status default --watch', 'meshwright status -o json')}\n\nExit codes: 0 all are ready; 1 at least one is not; 2 failed.`,
		)
		.action(async (name, options) => report(await (await import('./status.ts')).status(name, options)));

	program
		.command('check')
		.argument('[name]', 'name of a MeshInstallation (default: all)')
		.description('say what should be so, from the API server to the last joined cluster, and whether it is')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(operatorNamespaceOption('namespace of the operator'))
		.addOption(waitOption('until all is well'))
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright check', 'meshwright check default --wait 5m', 'meshwright check -o json')}\n\nNothing is changed: pods are asked for by dry run. What you have no right to see is told as unknown, with the right.\ndocs/check.md says of each line what it is about.\n\nExit codes: 0 every sentence is true; 1 one is not, or is not known; 2 failed.`,
		)
		.action(async (name, options) => report(await (await import('./check/check.ts')).checkAll(name, options)));

	addUpgradeCommands(program, report);
	addTagCommands(program, report);
	addJoinCommands(addClusterCommands(program, report), report);
	addRemoteSecretCommands(program, report);

	program
		.command('completion')
		.argument('<shell>', 'bash, zsh or fish')
		.description('print the completion script of a shell')
		.addHelpText(
			'after',
			examples(
				'source <(meshwright completion bash)',
				'meshwright completion zsh > "$' + '{fpath[1]}/_meshwright"',
				'meshwright completion fish > ~/.config/fish/completions/meshwright.fish',
			),
		)
		.action(async (shell) => report(await (await import('./completion.ts')).completion(shell, program)));

	return program;
}
