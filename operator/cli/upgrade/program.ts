/** The commands about changes of version: `upgrade` with `plan`, `approve` and `rollback`, and `precheck`. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import {
	contextOption,
	examples,
	filesOption,
	kubeconfigOption,
	outputOption,
	type Report,
	withOperatorLimits,
} from '../program-options.ts';

/** Reads names of blockers, with commas between them. */
function blockerNames(text: string): readonly string[] {
	const names = text.split(',').map((name) => name.trim());
	if (names.some((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)))
		throw new InvalidArgumentError('It must be names of blockers as the plan shows them, with commas between them.');
	return names;
}

const yesOption = (): Option => new Option('-y, --yes', 'ask no question').default(false);
const forceOption = (): Option =>
	new Option('--force-conflicts', 'change a field that another tool (Argo CD, Flux) keeps as it is in Git').default(
		false,
	);
const despiteOption = (): Option =>
	new Option(
		'--despite <names>',
		'blockers on which you insist, with commas between them; sets the annotation meshwright.io/upgrade-despite',
	).argParser(blockerNames);

const followExits = `

Exit codes: 0 done; 1 nothing was changed, since the answer was no; 2 failed; 3 blocked, and nothing was changed; 4 a stage is held, and pods of the
version before serve on; 5 rolled back; 6 it stops before a stage, as spec.upgrade asks; 130 ended by Ctrl-C, and the upgrade goes on.`;

const exits = '\n\nExit codes: 0 nothing stands against it; 1 a blocker does; 2 failed.';

/** Adds the commands. Returns `upgrade`. */
export function addUpgradeCommands(program: Command, report: Report): Command {
	const upgrade = program
		.command('upgrade')
		// Otherwise options of a subcommand would be those of this one.
		.enablePositionalOptions()
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('change the version of a mesh: plan, checks, a question, and then the stages as they happen')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.option('--to <version>', 'the version to change to')
		.addOption(yesOption())
		.addOption(despiteOption())
		.addOption(forceOption())
		.option('--dry-run', 'print plan and checks, ask nothing and change nothing', false)
		.addOption(outputOption('text', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples(
				'meshwright upgrade plan default --to 1.4.10      # what would happen; changes nothing',
				'meshwright upgrade default --to 1.4.10',
				'meshwright upgrade default --to 1.4.10 --yes -o json   # each event is one line',
			)}\n\nIt sets spec.version and follows what the operator does. Ctrl-C ends the command, and not the upgrade; the same command follows it\nagain.${followExits}`,
		)
		.action(async (name, options) => report(await (await import('./begin.ts')).upgrade(name, options)));
	withOperatorLimits(upgrade);

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

	upgrade
		.command('approve')
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('let a change go on that stops for approval: prints what to write, or writes it')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.option('--apply', 'change the MeshInstallation, instead of printing the lines for Git', false)
		.addOption(forceOption())
		.addHelpText(
			'after',
			`${examples('meshwright upgrade approve default', 'meshwright upgrade approve default --apply')}\n\nIt approves the next stage, and what another version of the operator changes, when these wait.`,
		)
		.action(async (name, options) => report(await (await import('./approve.ts')).upgradeApprove(name, options)));

	upgrade
		.command('rollback')
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('go back to the version before, in the reverse order of stages, while a change goes on or is held')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(yesOption())
		.addOption(despiteOption())
		.addOption(forceOption())
		.addOption(outputOption('text', 'json').default('text'))
		.addHelpText(
			'after',
			`${examples('meshwright upgrade rollback default', 'meshwright upgrade rollback default --yes')}\n\nSettings that were changed together with the version go back with it, where status.upgrade has recorded them. It is refused\nwhile pods have proxies of the new version, or while nobody knows, unless --despite names that.${followExits}`,
		)
		.action(async (name, options) => report(await (await import('./rollback.ts')).upgradeRollback(name, options)));

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
