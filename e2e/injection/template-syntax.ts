/**
 * From the text of a Go template (`text/template`) to its tree: the part of the language that the templates of sidecar
 * injection use. What no injector could read (`break`, `else with`) is refused here as well.
 */

/** A value of an expression, before it is worked out. */
export type Operand =
	| { readonly kind: 'constant'; readonly value: string | number | boolean | null }
	/** `.` and `.A.B`; no names for the dot alone. */
	| { readonly kind: 'field'; readonly names: readonly string[] }
	/** `$x` and `$x.A`; the empty name is the data that the template was started with. */
	| { readonly kind: 'variable'; readonly name: string; readonly fields: readonly string[] }
	| { readonly kind: 'function'; readonly name: string }
	/** `(…)` and `(…).A`. */
	| { readonly kind: 'pipeline'; readonly pipeline: Pipeline; readonly fields: readonly string[] };

/** A function with its arguments, or one operand alone. */
export type Command = readonly Operand[];

export interface Pipeline {
	/** Variables that get the value: one, or index and element in a `range`. */
	readonly declares: readonly string[];
	/** Whether the variable was declared before and gets another value (`=`, from Go 1.11 on). */
	readonly assigns: boolean;
	/** Each gets the value of the one before as its last argument. */
	readonly commands: readonly Command[];
}

export type Node =
	| { readonly kind: 'text'; readonly text: string }
	| { readonly kind: 'action'; readonly pipeline: Pipeline }
	| {
			readonly kind: 'if' | 'range' | 'with';
			readonly pipeline: Pipeline;
			readonly body: readonly Node[];
			readonly otherwise: readonly Node[];
	  };

export interface Delimiters {
	readonly left: string;
	readonly right: string;
}

type Piece = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'action'; readonly text: string };

const space = /[ \t\r\n]/;

/** Texts and actions in turn; the spaces that `{{- ` and ` -}}` eat are gone. */
function split(template: string, { left, right }: Delimiters): readonly Piece[] {
	const pieces: Piece[] = [];
	let rest = template;
	for (;;) {
		const start = rest.indexOf(left);
		if (start === -1) {
			pieces.push({ kind: 'text', text: rest });
			return pieces;
		}
		const trimsBefore = rest[start + left.length] === '-' && space.test(rest[start + left.length + 1] ?? '');
		const before = rest.slice(0, start);
		pieces.push({ kind: 'text', text: trimsBefore ? before.replace(/[ \t\r\n]+$/, '') : before });
		const inside = rest.slice(start + left.length + (trimsBefore ? 1 : 0));
		const end = endOfAction(inside, right);
		const trimsAfter = inside[end - 1] === '-' && space.test(inside[end - 2] ?? '');
		pieces.push({ kind: 'action', text: inside.slice(0, trimsAfter ? end - 1 : end).trim() });
		rest = inside.slice(end + right.length);
		if (trimsAfter) {
			rest = rest.replace(/^[ \t\r\n]+/, '');
		}
	}
}

/** Where the right delimiter is, outside of quotes. */
function endOfAction(text: string, right: string): number {
	let quote = '';
	for (let index = 0; index < text.length; index++) {
		const character = text[index] ?? '';
		if (quote !== '') {
			if (character === '\\' && quote === '"') {
				index++;
			} else if (character === quote) {
				quote = '';
			}
		} else if (text.startsWith(right, index)) {
			return index;
		} else if (character === '"' || character === '`') {
			quote = character;
		}
	}
	throw new SyntaxError(`an action without its ${right}: ${text.slice(0, 60)}`);
}

interface Token {
	readonly type: 'space' | 'string' | 'number' | 'variable' | 'field' | 'word' | 'sign';
	readonly text: string;
}

const tokenPattern =
	/(?<space>[ \t\r\n]+)|(?<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?<number>[-+]?[0-9]+(?![A-Za-z0-9_.]))|(?<variable>\$[A-Za-z0-9_]*)|(?<field>\.[A-Za-z_][A-Za-z0-9_]*|\.)|(?<word>[A-Za-z_][A-Za-z0-9_]*)|(?<sign>:=|[=|(),])/y;

const tokenTypes = ['space', 'string', 'number', 'variable', 'field', 'word', 'sign'] as const;

function tokens(action: string): readonly Token[] {
	const found: Token[] = [];
	tokenPattern.lastIndex = 0;
	while (tokenPattern.lastIndex < action.length) {
		const at = tokenPattern.lastIndex;
		const groups = tokenPattern.exec(action)?.groups;
		const type = tokenTypes.find((name) => groups?.[name] !== undefined);
		if (groups === undefined || type === undefined) {
			throw new SyntaxError(`not understood: ${action.slice(at)} (in ${action})`);
		}
		found.push({ type, text: groups[type] ?? '' });
	}
	return found;
}

/** Reads the tokens of one action. */
class Reader {
	readonly #tokens: readonly Token[];
	readonly #action: string;
	#next = 0;

	constructor(action: string) {
		this.#action = action;
		this.#tokens = tokens(action);
	}

	#peek(): Token | undefined {
		return this.#tokens[this.#next];
	}

	#skipSpace(): void {
		while (this.#peek()?.type === 'space') {
			this.#next++;
		}
	}

	#take(type: Token['type'], text?: string): Token | undefined {
		const token = this.#peek();
		if (token === undefined || token.type !== type || (text !== undefined && token.text !== text)) {
			return undefined;
		}
		this.#next++;
		return token;
	}

	fail(message: string): never {
		throw new SyntaxError(`${message}: ${this.#action}`);
	}

	/** The first word, when it is one of these. */
	keyword(...words: readonly string[]): string | undefined {
		this.#skipSpace();
		const token = this.#peek();
		return token?.type === 'word' && words.includes(token.text) ? this.#take('word')?.text : undefined;
	}

	end(): void {
		this.#skipSpace();
		if (this.#peek() !== undefined) {
			this.fail(`unexpected ${this.#peek()?.text}`);
		}
	}

	pipeline(isRange = false): Pipeline {
		const { declares, assigns } = this.#declarations(isRange);
		const commands = [this.#command()];
		for (this.#skipSpace(); this.#take('sign', '|') !== undefined; this.#skipSpace()) {
			commands.push(this.#command());
		}
		const misplaced = commands.slice(1).find(([first]) => first?.kind !== 'function');
		if (misplaced !== undefined) {
			this.fail('a pipe into something that is no function');
		}
		return { declares, assigns, commands };
	}

	#declarations(isRange: boolean): Pick<Pipeline, 'declares' | 'assigns'> {
		const start = this.#next;
		this.#skipSpace();
		const names: string[] = [];
		for (;;) {
			const variable = this.#take('variable');
			if (variable === undefined) {
				break;
			}
			names.push(variable.text.slice(1));
			this.#skipSpace();
			const sign = this.#take('sign', ':=') ?? this.#take('sign', '=');
			if (sign !== undefined) {
				if (names.length > (isRange ? 2 : 1)) {
					this.fail('too many declarations');
				}
				return { declares: names, assigns: sign.text === '=' };
			}
			if (this.#take('sign', ',') === undefined) {
				break;
			}
			this.#skipSpace();
		}
		this.#next = start;
		return { declares: [], assigns: false };
	}

	#command(): Command {
		const operands: Operand[] = [];
		for (;;) {
			this.#skipSpace();
			const token = this.#peek();
			if (token === undefined || token.text === '|' || token.text === ')') {
				break;
			}
			operands.push(this.#operand(token));
			const after = this.#peek();
			if (after !== undefined && after.type !== 'space' && after.text !== '|' && after.text !== ')') {
				this.fail(`a space is missing before ${after.text}`);
			}
		}
		if (operands.length === 0) {
			this.fail('a value is missing');
		}
		if (operands.length > 1 && operands[0]?.kind === 'constant') {
			this.fail('arguments for something that is no function');
		}
		return operands;
	}

	#operand(token: Token): Operand {
		this.#next++;
		switch (token.type) {
			case 'string':
				return { kind: 'constant', value: unquote(token.text) };
			case 'number':
				return { kind: 'constant', value: Number(token.text) };
			case 'variable':
				return { kind: 'variable', name: token.text.slice(1), fields: this.#fields() };
			case 'field':
				return { kind: 'field', names: token.text === '.' ? [] : [token.text.slice(1), ...this.#fields()] };
			case 'word':
				if (token.text === 'true' || token.text === 'false') {
					return { kind: 'constant', value: token.text === 'true' };
				}
				return token.text === 'nil' ? { kind: 'constant', value: null } : { kind: 'function', name: token.text };
			default: {
				if (token.text !== '(') {
					return this.fail(`unexpected ${token.text}`);
				}
				const pipeline = this.pipeline();
				this.#skipSpace();
				if (this.#take('sign', ')') === undefined) {
					this.fail('a parenthesis is not closed');
				}
				return { kind: 'pipeline', pipeline, fields: this.#fields() };
			}
		}
	}

	#fields(): readonly string[] {
		const names: string[] = [];
		for (let token = this.#take('field'); token !== undefined; token = this.#take('field')) {
			names.push(token.text.slice(1));
		}
		return names;
	}
}

function unquote(text: string): string {
	return text.startsWith('`') ? text.slice(1, -1) : String(JSON.parse(text.replaceAll("\\'", "'")));
}

const unsupported = ['define', 'template', 'block', 'break', 'continue'];

/** The tree of a template. Throws `SyntaxError`. */
export function parseTemplate(template: string, delimiters: Delimiters): readonly Node[] {
	const pieces = split(template, delimiters);
	let next = 0;

	function list(): { readonly nodes: readonly Node[]; readonly end: Reader | undefined; readonly word: string } {
		const nodes: Node[] = [];
		for (;;) {
			const piece = pieces[next++];
			if (piece === undefined) {
				return { nodes, end: undefined, word: '' };
			}
			if (piece.kind === 'text') {
				if (piece.text !== '') {
					nodes.push(piece);
				}
				continue;
			}
			if (piece.text.startsWith('/*')) {
				continue;
			}
			const reader = new Reader(piece.text);
			const word = reader.keyword('end', 'else');
			if (word !== undefined) {
				return { nodes, end: reader, word };
			}
			nodes.push(action(reader, reader.keyword('if', 'range', 'with', ...unsupported)));
		}
	}

	function action(reader: Reader, word: string | undefined): Node {
		if (word === undefined) {
			const pipeline = reader.pipeline();
			reader.end();
			return { kind: 'action', pipeline };
		}
		if (word !== 'if' && word !== 'range' && word !== 'with') {
			return reader.fail(`${word} is not supported`);
		}
		const pipeline = reader.pipeline(word === 'range');
		reader.end();
		const body = list();
		if (body.word !== 'else') {
			return closed(word, { kind: word, pipeline, body: body.nodes, otherwise: [] }, body);
		}
		const nested = body.end?.keyword('if');
		if (nested !== undefined && body.end !== undefined) {
			if (word !== 'if') {
				return body.end.fail('else if outside of an if');
			}
			// The one `end` closes both.
			return { kind: word, pipeline, body: body.nodes, otherwise: [action(body.end, nested)] };
		}
		body.end?.end();
		const otherwise = list();
		return closed(word, { kind: word, pipeline, body: body.nodes, otherwise: otherwise.nodes }, otherwise);
	}

	function closed(word: string, node: Node, { word: last, end }: ReturnType<typeof list>): Node {
		if (last !== 'end') {
			throw new SyntaxError(`${word} without its end`);
		}
		end?.end();
		return node;
	}

	const { nodes, word } = list();
	if (word !== '') {
		throw new SyntaxError(`${word} without its beginning`);
	}
	return nodes;
}
