/** The commands about changes of version: `upgrade plan` and `precheck`. */
import { type Command, Option } from 'commander';
import {
	contextOption,
	examples,
	filesOption,
	kubeconfigOption,
	outputOption,
	type Report,
	withOperatorLimits,
} from '../program-options.ts';

const exits = '\n\nExit codes: 0 nothing stands against it; 1 a blocker does; 2 failed.';

/** Adds the commands. Returns `upgrade`. */
export function addUpgradeCommands(program: Command, report: Report): Command {
	const upgrade = program
		.command('upgrade')
		.description('change the version of a mesh: see first what would happen')
		.addHelpText('after', examples('meshwright upgrade plan', 'meshwright upgrade plan default --to 1.4.10'));

	withOperatorLimits(upgrade.command('plan'))
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('say what a change of version would do, and all that stands against it; changes nothing')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.option(
			'--to <version>',
			'the version to change to (default: the one asked for; otherwise all possible ones are listed)',
		)
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright upgrade plan', 'meshwright upgrade plan default --to 1.4.10', 'meshwright upgrade plan --to 1.4.10 -o json')}\n\ndocs/upgrade-checks.md says what each check is about.${exits}`,
		)
		.action(async (name, options) => report(await (await import('./plan.ts')).upgradePlan(name, options)));

	withOperatorLimits(program.command('precheck'))
		.description('make all checks of a MeshInstallation in a file before you apply it; changes nothing')
		.addOption(filesOption())
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.option('--no-cluster', 'ask no cluster; what needs one is told as not looked at')
		.addOption(
			new Option('--from <version>', 'the version that runs (default: that of the mesh of this name in the cluster)'),
		)
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright precheck -f mesh.yaml', 'meshwright precheck -f mesh.yaml --no-cluster --from 1.3.8', 'meshwright precheck -f mesh.yaml -o json')}\n\ndocs/upgrade-checks.md says what each check is about.${exits}`,
		)
		.action(async (options) => report(await (await import('./precheck.ts')).precheck(options)));

	return upgrade;
}
