/**
 * Prints a fragment as a Go text/template whose result is YAML. Uses only functions that all injectors of istio 1.0-1.4
 * have.
 */
import type { Condition, Each, Fields, Item, Node, Setting, Text } from './expression.ts';

/** The marks around an action: `{{` and `}}`, or `[[` and `]]` (the injectors of 1.0 and 1.1). */
export type Delimiters = readonly [open: string, close: string];

/** The template. Every line of it is a field, an entry or an action. */
export function printTemplate(fragment: Fields, delimiters: Delimiters): string {
	return printFields(fragment, '', delimiters).join('\n');
}

function printFields(fields: Fields, indent: string, delimiters: Delimiters): readonly string[] {
	return Object.entries(fields).flatMap(([name, node]) =>
		node === undefined ? [] : printField(name, node, indent, delimiters),
	);
}

function printField(name: string, node: Node, indent: string, delimiters: Delimiters): readonly string[] {
	if (isChoice(node)) {
		const { when, use, otherwise } = node;
		return [
			control(`if ${condition(when)}`, indent, delimiters),
			...printField(name, use, indent, delimiters),
			...(otherwise === undefined
				? []
				: [control('else', indent, delimiters), ...printField(name, otherwise, indent, delimiters)]),
			control('end', indent, delimiters),
		];
	}
	const key = `${indent}${scalar(name)}:`;
	if (isList(node)) {
		return node.length === 0 ? [`${key} []`] : [key, ...printItems(node, indent, delimiters)];
	}
	if (isFields(node)) {
		return Object.keys(node).length === 0 ? [`${key} {}`] : [key, ...printFields(node, `${indent}  `, delimiters)];
	}
	return [`${key} ${printScalar(node, delimiters)}`];
}

function printItems(items: readonly Item[], indent: string, delimiters: Delimiters): readonly string[] {
	return items.flatMap((item) => printItem(item, indent, delimiters));
}

function printItem(item: Item, indent: string, delimiters: Delimiters): readonly string[] {
	if (typeof item === 'object' && 'is' in item) {
		if (item.is === 'entries') {
			return [
				control(`if ${condition(item.when)}`, indent, delimiters),
				...printItems(item.use, indent, delimiters),
				...(item.otherwise.length === 0
					? []
					: [control('else', indent, delimiters), ...printItems(item.otherwise, indent, delimiters)]),
				control('end', indent, delimiters),
			];
		}
		if (item.is === 'each') {
			return printEach(item, indent, delimiters);
		}
		if (item.is === 'choice') {
			const otherwise = item.otherwise === undefined ? [] : [item.otherwise];
			return printItem({ is: 'entries', when: item.when, use: [item.use], otherwise }, indent, delimiters);
		}
	}
	if (isList(item)) {
		throw new TypeError('a list in a list is not part of the language: no pod has one');
	}
	if (isFields(item)) {
		// The dash replaces the first field's indentation. Lines with actions stay as they are.
		const lines = printFields(item, `${indent}  `, delimiters);
		const first = lines.findIndex((line) => !line.trimStart().startsWith(delimiters[0]));
		return lines.map((line, index) => (index === first ? `${indent}- ${line.slice(indent.length + 2)}` : line));
	}
	return [`${indent}- ${printScalar(item, delimiters)}`];
}

/** Prints `name` first, and the loop's values after it: the dash of an entry needs a first field that is always there. */
function printEach({ annotation, values }: Each, indent: string, delimiters: Delimiters): readonly string[] {
	const name = quote(annotation);
	const [open, close] = delimiters;
	return [
		control(`if isset .ObjectMeta.Annotations ${name}`, indent, delimiters),
		control(`range $name, $value := fromJSON (index .ObjectMeta.Annotations ${name})`, indent, delimiters),
		`${indent}- name: ${open} printf "%q" $name ${close}`,
		values === 'fields'
			? `${indent}  ${open} toYaml $value | indent ${indent.length + 2} ${close}`
			: `${indent}  value: ${open} printf "%q" (print $value) ${close}`,
		control('end', indent, delimiters),
		control('end', indent, delimiters),
	];
}

/** An action on a line of its own. Nothing of the line stays in the result. */
function control(action: string, indent: string, [open, close]: Delimiters): string {
	return `${indent}${open}- ${action} ${close}`;
}

function printScalar(node: Exclude<Node, Fields | readonly Item[]>, delimiters: Delimiters): string {
	const [open, close] = delimiters;
	if (typeof node === 'number' || typeof node === 'boolean') {
		return String(node);
	}
	if (typeof node === 'string') {
		return node.includes(open) ? `${open} printf "%q" ${quote(node)} ${close}` : scalar(node);
	}
	switch (node.is) {
		case 'choice':
			throw new TypeError('a choice of nothing is printed as a field or as an entry');
		case 'digits':
			return `${open} ${bare(node.text)} ${close}`;
		case 'containerPorts':
			return containerPorts(delimiters);
		case 'setting':
			// Numbers, durations and names from a closed list contain nothing that YAML would interpret.
			return node.as === 'text' ? `${open} printf "%q" ${argument(node)} ${close}` : `"${open} ${bare(node)} ${close}"`;
		default:
			// Go quotes it, so whatever a user writes into an annotation stays one text.
			return `${open} printf "%q" ${argument(node)} ${close}`;
	}
}

/** Single quotes around the JSON are safe, because names of ports and addresses contain none. */
function containerPorts([open, close]: Delimiters): string {
	const action = (text: string) => `${open} ${text} ${close}`;
	return [
		`'[${action('$first := true')}`,
		action('range $container := .Spec.Containers'),
		action('range $port := $container.Ports'),
		`${action('if not $first')},${action('end')}`,
		action('structToJSON $port'),
		action('$first = false'),
		action('end'),
		`${action('end')}]'`,
	].join('');
}

/** A text as an argument of a function. */
function argument(text: Text): string {
	const code = bare(text);
	return typeof text === 'string' || /^[.$][A-Za-z.]*$/.test(code) ? code : `(${code})`;
}

/** A text as Go writes it, without parentheses around it. */
function bare(text: Text): string {
	if (typeof text === 'string') {
		return quote(text);
	}
	switch (text.is) {
		case 'setting':
			return text.as === 'duration'
				? `formatDuration ${field(text)}`
				: `${field(text)}${text.as === 'wrapped' ? '.Value' : ''}`;
		case 'annotation':
			return `annotation .ObjectMeta ${quote(text.name)} ${argument(text.otherwise)}`;
		case 'label':
			return `index .ObjectMeta.Labels ${quote(text.name)}`;
		case 'ports':
			return `${text.of === 'applications' ? 'applicationPorts' : 'includeInboundPorts'} .Spec.Containers`;
		case 'portAdded':
			return `excludeInboundPort ${argument(text.port)} ${argument(text.ports)}`;
		case 'json':
			// All injectors know this name. 1.1 and newer have another one beside it.
			return `toJson .ObjectMeta.${text.of}`;
		case 'owner':
			return {
				name: '.DeploymentMeta.Name',
				apiVersion: '.TypeMeta.APIVersion',
				'lower-case kind': 'toLower .TypeMeta.Kind',
			}[text.field];
		case 'serviceAccount':
			return '.Spec.ServiceAccountName';
		case 'directory':
			return `directory ${argument(text.path)}`;
		case 'joined':
			return `printf ${quote(text.parts.map((part) => (typeof part === 'string' ? part.replaceAll('%', '%%') : '%v')).join(''))}${text.parts
				.filter((part) => typeof part !== 'string')
				.map((part) => ` ${argument(part)}`)
				.join('')}`;
		case 'containerPorts':
			throw new TypeError('the ports of all containers are a value of their own, not part of another');
	}
}

/** Fields of fields are read by getters: those of protocol buffers also work when a field on the way is missing. */
function field({ of, path }: Setting): string {
	const [first, ...rest] = path.map((name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`);
	const root = of === 'mesh' ? '.MeshConfig' : '.ProxyConfig';
	return rest.length === 0 ? `${root}.${first}` : `${root}.${[first, ...rest].map((name) => `Get${name}`).join('.')}`;
}

function condition(given: Condition): string {
	switch (given.is) {
		case 'annotated':
			return `isset .ObjectMeta.Annotations ${quote(given.name)}`;
		case 'given':
			return typeof given.text === 'object' && given.text.is === 'setting' ? field(given.text) : bare(given.text);
		case 'same':
			return `eq ${argument(given.left)} ${argument(given.right)}`;
		case 'not':
			return `not (${condition(given.condition)})`;
		case 'and':
		case 'or':
			return `${given.is} ${given.conditions.map((part) => `(${condition(part)})`).join(' ')}`;
	}
}

/** A quoted text. For what JSON can write, Go and JSON quote alike. */
function quote(text: string): string {
	return JSON.stringify(text);
}

/** Words that YAML 1.1 reads as something else than a text. */
const words = /^(y|yes|n|no|true|false|on|off|null|nan|inf)$/i;

function scalar(text: string): string {
	return /^[A-Za-z/][-A-Za-z0-9/_.]*$/.test(text) && !words.test(text) ? text : JSON.stringify(text);
}

function isChoice(node: Node): node is Extract<Node, { readonly is: 'choice' }> {
	return typeof node === 'object' && 'is' in node && node.is === 'choice';
}

function isList(node: Item): node is readonly Item[] {
	return Array.isArray(node);
}

function isFields(node: Item): node is Fields {
	return typeof node === 'object' && !isList(node) && !('is' in node);
}
