/** Completion scripts, made from the commands themselves: no list of options is written twice. */
import type { Command, Option } from 'commander';
import { CommandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';
import { print } from './output.ts';

interface CommandWords {
	readonly name: string;
	readonly description: string;
	readonly options: readonly Option[];
	/** Fixed words for the first argument. */
	readonly argumentChoices: readonly string[];
}

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

function wordsOf(program: Command): CommandWords[] {
	return program.commands.map((command) => ({
		name: command.name(),
		description: command.description(),
		options: command.options,
		argumentChoices: command.name() === 'completion' ? shells : [],
	}));
}

function flags(option: Option): string[] {
	return [option.short, option.long].filter((flag) => flag !== undefined && flag !== null);
}

/** Options whose value is the name of a file or folder. */
function takesFile(option: Option): boolean {
	return /<(file|folder)>/.test(option.flags);
}

function bash(program: Command): string {
	const commands = wordsOf(program);
	const cases = commands.map(({ name, options, argumentChoices }) => {
		const words = [...options.flatMap(flags), '--help', ...argumentChoices].join(' ');
		return `\t\t${name}) words="${words}" ;;`;
	});
	const values = commands
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
	local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words=""
	case "$previous" in
${[...new Set(values)].join('\n')}
	esac
	case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(' ')} help --help --version"; fi
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
	const cases = commands.map(({ name, options, argumentChoices }) => {
		const choices = argumentChoices.length > 0 ? [quoted(`1:argument:(${argumentChoices.join(' ')})`)] : [];
		return `\t\t${name}) _arguments ${[...options.flatMap(specification), ...choices].join(' ')} ;;`;
	});
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
${cases.join('\n')}
	esac
}
if [ "$funcstack[1]" = "_meshwright" ]; then _meshwright "$@"; else compdef _meshwright meshwright; fi
`;
}

function fish(program: Command): string {
	const lines = ['# fish completion of meshwright', 'complete -c meshwright -f'];
	for (const { name, description, options, argumentChoices } of wordsOf(program)) {
		lines.push(`complete -c meshwright -n __fish_use_subcommand -a ${name} -d ${quoted(description)}`);
		const inside = `-n '__fish_seen_subcommand_from ${name}'`;
		for (const option of options) {
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
			lines.push(`complete -c meshwright ${inside} ${parts.filter((part) => part !== '').join(' ')}`);
		}
		if (argumentChoices.length > 0) {
			lines.push(`complete -c meshwright ${inside} -a ${quoted(argumentChoices.join(' '))}`);
		}
	}
	return `${lines.join('\n')}\n`;
}

const scripts: Readonly<Record<Shell, (program: Command) => string>> = { bash, zsh, fish };

export async function completion(shell: string, program: Command): Promise<number> {
	const known = shells.find((name) => name === shell);
	if (known === undefined) {
		throw new CommandError(`there is no completion for ${shell}`, `choose one of ${shells.join(', ')}`);
	}
	await print(scripts[known](program));
	return exitCodes.ok;
}
