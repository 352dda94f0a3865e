/** Runs a template as Go's `text/template` does, up to version 1.17: `and` and `or` work out all of their arguments. */
import {
	fieldOf,
	type GoValue,
	goQuote,
	isEnum,
	isGoMap,
	isSlice,
	isStruct,
	isTrue,
	mapEntry,
	sprint,
} from './go-values.ts';
import {
	type Command,
	type Delimiters,
	type Node,
	type Operand,
	type Pipeline,
	parseTemplate,
} from './template-syntax.ts';

export type GoFunction = (...args: readonly GoValue[]) => GoValue;

interface Variable {
	readonly name: string;
	/** Changed by `=`, for all that see the variable. */
	value: GoValue;
}

/** Variables in scope; the latest of a name counts. */
type Scope = readonly Variable[];

interface Run {
	readonly functions: Readonly<Record<string, GoFunction>>;
	readonly root: GoValue;
	readonly output: string[];
}

export interface TemplateOptions {
	readonly delimiters: Delimiters;
	readonly functions: Readonly<Record<string, GoFunction>>;
}

/**
 * A template that is read once and run for each pod. Throws `SyntaxError` for one that can't be read; running it throws
 * `TypeError` where it ends with an error.
 */
export function compileTemplate(
	template: string,
	{ delimiters, functions }: TemplateOptions,
): (data: GoValue) => string {
	const nodes = parseTemplate(template, delimiters);
	const all = { ...builtins, ...functions };
	refuseUnknownFunctions(nodes, all);
	return (data) => {
		const run: Run = { functions: all, root: data, output: [] };
		runNodes(run, nodes, data, []);
		return run.output.join('');
	};
}

/** Go refuses a function that is not there when it reads the template, wherever it stands. */
function refuseUnknownFunctions(nodes: readonly Node[], functions: Run['functions']): void {
	const inOperand = (operand: Operand): void => {
		if (operand.kind === 'function' && !Object.hasOwn(functions, operand.name)) {
			throw new SyntaxError(`function "${operand.name}" not defined`);
		}
		if (operand.kind === 'pipeline') {
			operand.pipeline.commands.flat().forEach(inOperand);
		}
	};
	for (const node of nodes) {
		if (node.kind !== 'text') {
			node.pipeline.commands.flat().forEach(inOperand);
		}
		if (node.kind !== 'text' && node.kind !== 'action') {
			refuseUnknownFunctions(node.body, functions);
			refuseUnknownFunctions(node.otherwise, functions);
		}
	}
}

function runNodes(run: Run, nodes: readonly Node[], dot: GoValue, outer: Scope): void {
	let scope = outer;
	for (const node of nodes) {
		switch (node.kind) {
			case 'text':
				run.output.push(node.text);
				break;
			case 'action': {
				const value = pipelineValue(run, node.pipeline, dot, scope);
				const [name] = node.pipeline.declares;
				if (name === undefined) {
					run.output.push(value === null ? '<no value>' : sprint(value));
				} else if (node.pipeline.assigns) {
					variableOf(scope, name).value = value;
				} else {
					scope = [...scope, { name, value }];
				}
				break;
			}
			case 'range':
				runRange(run, node, dot, scope);
				break;
			default: {
				const value = pipelineValue(run, node.pipeline, dot, scope);
				const inner = [...scope, ...node.pipeline.declares.map((name) => ({ name, value }))];
				const isTaken = isTrue(value);
				runNodes(run, isTaken ? node.body : node.otherwise, isTaken && node.kind === 'with' ? value : dot, inner);
			}
		}
	}
}

function runRange(run: Run, node: Exclude<Node, { kind: 'text' | 'action' }>, dot: GoValue, scope: Scope): void {
	const value = pipelineValue(run, node.pipeline, dot, scope);
	const entries = rangeEntries(value);
	if (entries.length === 0) {
		runNodes(run, node.otherwise, dot, scope);
	}
	const [first, second] = node.pipeline.declares;
	for (const [index, element] of entries) {
		const declared =
			first === undefined
				? []
				: second === undefined
					? [{ name: first, value: element }]
					: [
							{ name: first, value: index },
							{ name: second, value: element },
						];
		runNodes(run, node.body, element, [...scope, ...declared]);
	}
}

function rangeEntries(value: GoValue): readonly (readonly [GoValue, GoValue])[] {
	if (isSlice(value)) {
		return value.items.map((item, index) => [index, item] as const);
	}
	if (isGoMap(value)) {
		return Object.keys(value.entries)
			.sort()
			.map((key) => [key, mapEntry(value, key)] as const);
	}
	if (value === null) {
		return [];
	}
	throw new TypeError(`range can't iterate over ${sprint(value)}`);
}

function pipelineValue(run: Run, { commands }: Pipeline, dot: GoValue, scope: Scope): GoValue {
	let value: GoValue | undefined;
	for (const command of commands) {
		value = commandValue(run, command, dot, scope, value === undefined ? [] : [value]);
	}
	return value ?? null;
}

function commandValue(
	run: Run,
	[first, ...rest]: Command,
	dot: GoValue,
	scope: Scope,
	piped: readonly GoValue[],
): GoValue {
	if (first === undefined) {
		throw new TypeError('an empty command');
	}
	if (first.kind !== 'function') {
		if (rest.length > 0 || piped.length > 0) {
			throw new TypeError('arguments for something that is no function');
		}
		return operandValue(run, first, dot, scope);
	}
	const args = [...rest.map((operand) => operandValue(run, operand, dot, scope)), ...piped];
	const call = run.functions[first.name];
	if (call === undefined) {
		throw new TypeError(`function "${first.name}" not defined`);
	}
	try {
		return call(...args);
	} catch (error) {
		throw new TypeError(`error calling ${first.name}: ${error instanceof Error ? error.message : String(error)}`, {
			cause: error,
		});
	}
}

function operandValue(run: Run, operand: Operand, dot: GoValue, scope: Scope): GoValue {
	switch (operand.kind) {
		case 'constant':
			return operand.value;
		case 'field':
			return operand.names.reduce(fieldOf, dot);
		case 'variable': {
			const value = operand.name === '' ? run.root : variableOf(scope, operand.name).value;
			return operand.fields.reduce(fieldOf, value);
		}
		case 'pipeline':
			return operand.fields.reduce(fieldOf, pipelineValue(run, operand.pipeline, dot, scope));
		case 'function':
			return commandValue(run, [operand], dot, scope, []);
	}
}

function variableOf(scope: Scope, name: string): Variable {
	const variable = scope.findLast((candidate) => candidate.name === name);
	if (variable === undefined) {
		throw new TypeError(`undefined variable $${name}`);
	}
	return variable;
}

/** Values that Go's `eq` may compare: of one basic kind. */
function isSame(a: GoValue, b: GoValue): boolean {
	const kindOf = (value: GoValue): string => (value === null ? 'nil' : isEnum(value) ? 'number' : typeof value);
	for (const value of [a, b]) {
		if (value === null || isStruct(value) || isGoMap(value) || isSlice(value)) {
			throw new TypeError('invalid type for comparison');
		}
	}
	if (kindOf(a) !== kindOf(b) || isEnum(a) !== isEnum(b)) {
		throw new TypeError('incompatible types for comparison');
	}
	return isEnum(a) && isEnum(b) ? a.name === b.name : a === b;
}

function numbers(a: GoValue, b: GoValue): readonly [number | string, number | string] {
	if ((typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string')) {
		return [a, b];
	}
	throw new TypeError('invalid type for comparison');
}

function need(value: GoValue | undefined): GoValue {
	if (value === undefined) {
		throw new TypeError('wrong number of args');
	}
	return value;
}

function compare(test: (a: number | string, b: number | string) => boolean): GoFunction {
	return (a, b) => test(...numbers(need(a), need(b)));
}

/** The functions that every template has. */
const builtins: Readonly<Record<string, GoFunction>> = {
	and: (...args) => need(args.some((value) => !isTrue(value)) ? args.find((value) => !isTrue(value)) : args.at(-1)),
	or: (...args) => need(args.find(isTrue) ?? args.at(-1)),
	not: (value) => !isTrue(need(value)),
	eq: (first, ...others) => {
		need(others[0]);
		return others.some((other) => isSame(need(first), other));
	},
	ne: (a, b) => !isSame(need(a), need(b)),
	lt: compare((a, b) => a < b),
	le: compare((a, b) => a <= b),
	gt: compare((a, b) => a > b),
	ge: compare((a, b) => a >= b),
	len: (value = null) => {
		if (typeof value === 'string') {
			return Buffer.byteLength(value);
		}
		if (isSlice(value)) {
			return value.items.length;
		}
		if (isGoMap(value)) {
			return Object.keys(value.entries).length;
		}
		throw new TypeError(`len of ${sprint(value)}`);
	},
	index: (value = null, ...keys) => keys.reduce(indexed, value),
	print: (...args) =>
		args.reduce<string>((text, value, index) => {
			// A space stands between two values of which none is a text.
			const isApart = index > 0 && typeof value !== 'string' && typeof args[index - 1] !== 'string';
			return `${text}${isApart ? ' ' : ''}${sprint(value)}`;
		}, ''),
	printf: (format = null, ...args) => formatted(sprint(format), args),
};

function indexed(value: GoValue, key: GoValue): GoValue {
	if (isGoMap(value) && typeof key === 'string') {
		return mapEntry(value, key);
	}
	if (isSlice(value) && typeof key === 'number') {
		const item = value.items[key];
		if (item === undefined) {
			throw new TypeError(`index out of range: ${key}`);
		}
		return item;
	}
	throw new TypeError(`can't index ${sprint(value)} with ${sprint(key)}`);
}

function formatted(format: string, args: readonly GoValue[]): string {
	let next = 0;
	return format.replaceAll(/%([sdqv%])/g, (_, verb: string) => {
		if (verb === '%') {
			return '%';
		}
		const value = need(args[next++]);
		if (verb === 'q' && typeof value !== 'string' && !isEnum(value)) {
			throw new TypeError(`%q of ${sprint(value)}`);
		}
		return verb === 'q' ? goQuote(sprint(value)) : sprint(value);
	});
}
