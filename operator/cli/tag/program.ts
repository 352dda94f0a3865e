/** The commands about tags, the names of revisions: `tag` with `list`, `set` and `remove`. */
import { type Command, Option } from 'commander';
import { contextOption, examples, kubeconfigOption, outputOption, type Report } from '../program-options.ts';

const applyOption = (): Option =>
	new Option('--apply', 'change the MeshInstallation, instead of printing the lines for Git').default(false);
const forceOption = (): Option =>
	new Option('--force-conflicts', 'change a field that another tool (Argo CD, Flux) keeps as it is in Git').default(
		false,
	);

/** Adds the commands. */
export function addTagCommands(program: Command, report: Report): void {
	const tag = program
		.command('tag')
		.description('names for revisions of istiod, which namespaces and pods ask for')
		.addHelpText('after', examples('meshwright tag list', 'meshwright tag set prod --revision 1-31-4'));

	tag
		.command('list')
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('say which revisions and tags there are')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(outputOption('text', 'yaml', 'json').default('text'))
		.addHelpText('after', examples('meshwright tag list', 'meshwright tag list -o json'))
		.action(async (name, options) => report(await (await import('./tags.ts')).listTags(name, options)));

	tag
		.command('set')
		.argument('<tag>', 'name of the tag; default is for those who name no revision')
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('let a tag stand for a revision: prints what to write, or writes it')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.option('--revision <revision>', 'the revision (default: the one of spec.version, also when that changes)')
		.addOption(applyOption())
		.addOption(forceOption())
		.addHelpText(
			'after',
			examples('meshwright tag set prod --revision 1-31-4', 'meshwright tag set prod --revision 1-31-4 --apply'),
		)
		.action(async (name, mesh, options) => report(await (await import('./tags.ts')).setTag(name, mesh, options)));

	tag
		.command('remove')
		.argument('<tag>', 'name of the tag')
		.argument('[name]', 'name of the MeshInstallation, where there are several')
		.description('take a tag away: prints what to write, or writes it')
		.addOption(kubeconfigOption())
		.addOption(contextOption())
		.addOption(applyOption())
		.addOption(forceOption())
		.addHelpText(
			'after',
			`${examples('meshwright tag remove prod', 'meshwright tag remove prod --apply')}\n\nPods of namespaces that ask for it get no proxies then, when they are made anew.`,
		)
		.action(async (name, mesh, options) => report(await (await import('./tags.ts')).removeTag(name, mesh, options)));
}
