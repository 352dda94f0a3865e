/** Makes completion scripts from the commands themselves, so that no list of options is written twice. */
import type { Command, Option } from 'commander';
import { CommandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { printDocument } from './terminal.ts';

interface CommandWords {
	readonly name: string;
	readonly description: string;
	readonly options: readonly Option[];
	/** Fixed words for the first argument. */
	readonly argumentChoices: readonly string[];
	readonly subcommands: readonly CommandWords[];
}

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

function wordsOf(program: Command): CommandWords[] {
	return program.commands.map((command) => ({
		name: command.name(),
		description: command.description(),
		options: command.options,
		argumentChoices: command.name() === 'completion' ? shells : [],
		subcommands: wordsOf(command),
	}));
}

function namesOf(commands: readonly CommandWords[]): string {
	return commands.map(({ name }) => name).join(' ');
}

function flags(option: Option): string[] {
	return [option.short, option.long].filter((flag) => flag !== undefined && flag !== null);
}

/** Whether an option's value is the name of a file or folder. */
function takesFile(option: Option): boolean {
	return /<(file|folder)>/.test(option.flags);
}

function bash(program: Command): string {
	const commands = wordsOf(program);
	const groups = commands.filter(({ subcommands }) => subcommands.length > 0);
	const all = commands.flatMap((command) => [
		command,
		...command.subcommands.map((one) => ({ ...one, name: `${command.name} ${one.name}` })),
	]);
	const cases = all.map(({ name, options, argumentChoices, subcommands }) => {
		const words = [...options.flatMap(flags), '--help', ...argumentChoices, ...subcommands.map((one) => one.name)];
		return `\t\t"${name}") words="${words.join(' ')}" ;;`;
	});
	const values = all
		.flatMap(({ options }) => options)
		.flatMap((option) => {
			const pattern = flags(option).join('|');
			if (takesFile(option)) {
				return [`\t\t${pattern}) COMPREPLY=($(compgen -f -- "$current")); return ;;`];
			}
			return option.argChoices === undefined
				? []
				: [`\t\t${pattern}) COMPREPLY=($(compgen -W "${option.argChoices.join(' ')}" -- "$current")); return ;;`];
		});
	return `# bash completion of meshwright
_meshwright() {
	local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words="" command="\${COMP_WORDS[1]}"
	case "$previous" in
${[...new Set(values)].join('\n')}
	esac
	case "$command" in
		${groups.map(({ name }) => name).join('|')}) if [ "$COMP_CWORD" -gt 2 ]; then command="$command \${COMP_WORDS[2]}"; fi ;;
	esac
	case "$command" in
${cases.join('\n')}
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then words="${namesOf(commands)} help --help --version"; fi
	COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _meshwright meshwright
`;
}

function quoted(text: string): string {
	return `'${text.replaceAll("'", `'\\''`)}'`;
}

function zsh(program: Command): string {
	const commands = wordsOf(program);
	const specification = (option: Option): string[] =>
		flags(option).map((flag) => {
			const help = option.description.replaceAll(/[[\]:]/g, ' ');
			const value = takesFile(option)
				? ':file:_files'
				: option.argChoices !== undefined
					? `:value:(${option.argChoices.join(' ')})`
					: option.required
						? ':value: '
						: '';
			return quoted(`*${flag}[${help}]${value}`);
		});
	const argumentsOf = ({ options, argumentChoices }: CommandWords): string => {
		const choices = argumentChoices.length > 0 ? [quoted(`1:argument:(${argumentChoices.join(' ')})`)] : [];
		return `_arguments ${[...options.flatMap(specification), ...choices].join(' ')}`;
	};
	const caseOf = (command: CommandWords): string => {
		const { name, subcommands } = command;
		if (subcommands.length === 0) {
			return `\t\t${name}) ${argumentsOf(command)} ;;`;
		}
		return [
			`\t\t${name})`,
			`\t\t\tif (( CURRENT == 2 )); then compadd ${namesOf(subcommands)}; return; fi`,
			'\t\t\tshift words; (( CURRENT-- ))',
			'\t\t\tcase "$words[1]" in',
			...subcommands.map((one) => `\t\t\t${caseOf(one)}`),
			'\t\t\tesac ;;',
		].join('\n');
	};
	const described = commands.map(({ name, description }) => quoted(`${name}:${description.replaceAll(':', ' ')}`));
	return `#compdef meshwright
# zsh completion of meshwright
_meshwright() {
	local -a commands=(${described.join(' ')})
	if (( CURRENT == 2 )); then
		_describe command commands
		return
	fi
	shift words
	(( CURRENT-- ))
	case "$words[1]" in
${commands.map(caseOf).join('\n')}
	esac
}
if [ "$funcstack[1]" = "_meshwright" ]; then _meshwright "$@"; else compdef _meshwright meshwright; fi
`;
}

function fish(program: Command): string {
	const lines = ['# fish completion of meshwright', 'complete -c meshwright -f'];
	for (const command of wordsOf(program)) {
		const { name, description, subcommands } = command;
		lines.push(`complete -c meshwright -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`);
		const inside = `__fish_seen_subcommand_from ${name}`;
		lines.push(...fishOptions(command, inside));
		for (const one of subcommands) {
			const none = `${inside}; and not __fish_seen_subcommand_from ${namesOf(subcommands)}`;
			lines.push(`complete -c meshwright -n '${none}' -a ${one.name} -d ${quoted(one.description)}`);
			lines.push(...fishOptions(one, `${inside}; and __fish_seen_subcommand_from ${one.name}`));
		}
	}
	return `${lines.join('\n')}\n`;
}

function fishOptions({ options, argumentChoices }: CommandWords, condition: string): string[] {
	const inside = `-n '${condition}'`;
	const lines = options.map((option) => {
		const parts = [
			option.short === undefined ? '' : `-s ${option.short.slice(1)}`,
			option.long === undefined || option.long === null ? '' : `-l ${option.long.slice(2)}`,
			takesFile(option)
				? '-r -F'
				: option.argChoices !== undefined
					? `-x -a ${quoted(option.argChoices.join(' '))}`
					: '',
			`-d ${quoted(option.description)}`,
		];
		return `complete -c meshwright ${inside} ${parts.filter((part) => part !== '').join(' ')}`;
	});
	return argumentChoices.length === 0
		? lines
		: [...lines, `complete -c meshwright ${inside} -a ${quoted(argumentChoices.join(' '))}`];
}

const scripts: Readonly<Record<Shell, (program: Command) => string>> = { bash, zsh, fish };

export async function completion(shell: string, program: Command): Promise<number> {
	const known = shells.find((name) => name === shell);
	if (known === undefined) {
		throw new CommandError(`there is no completion for ${shell}`, `choose one of ${shells.join(', ')}`);
	}
	await printDocument(scripts[known](program));
	return exitCodes.ok;
}
