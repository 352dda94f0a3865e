/**
 * Evaluates a fragment for one pod. The result is what Go's text/template makes of the template that `printTemplate`
 * prints.
 */
import type { Condition, Each, Fields, Item, Node, Setting, Text } from './expression.ts';
import { goJson } from './go-json.ts';
import { goPrint } from './go-print.ts';
import type { InjectorSettings } from './injector-settings.ts';
import type { Pod, PodContainer } from './pod.ts';

/** What a fragment can refer to. */
export interface Scope {
	readonly pod: Pod;
	readonly owner: { readonly name: string; readonly apiVersion: string; readonly kind: string };
	readonly settings: InjectorSettings;
	/** Whether only TCP ports are listed. 1.4 does that; older releases list UDP ports as well. */
	readonly tcpPortsOnly: boolean;
}

/** A value as JSON has it. */
export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };

/** An annotation should hold a JSON object and does not. The injector would refuse the pod. */
export class AnnotationError extends Error {
	override readonly name = 'AnnotationError';
	readonly annotation: string;

	constructor(annotation: string, message: string, options?: ErrorOptions) {
		super(message, options);
		this.annotation = annotation;
	}
}

/** The injector takes the container of this name for the proxy (istio 1.0-1.4 `pkg/kube/inject` ProxyContainerName). */
export const proxyContainer = 'istio-proxy';

/** A fragment's fields, without empty ones. Throws AnnotationError. */
function evaluateFields(fields: Fields, scope: Scope): { readonly [name: string]: Json } {
	return Object.fromEntries(
		Object.entries(fields).flatMap(([name, node]) => {
			const value = node === undefined ? undefined : evaluate(node, scope);
			return value === undefined ? [] : [[name, value]];
		}),
	);
}

/** The entries of a list. Throws AnnotationError. */
export function evaluateItems(items: readonly Item[], scope: Scope): readonly Json[] {
	return items.flatMap((item): readonly Json[] => {
		if (typeof item === 'object' && 'is' in item && item.is === 'entries') {
			return evaluateItems(holds(item.when, scope) ? item.use : item.otherwise, scope);
		}
		if (typeof item === 'object' && 'is' in item && item.is === 'each') {
			return evaluateEach(item, scope);
		}
		const value = evaluate(item, scope);
		return value === undefined ? [] : [value];
	});
}

function evaluate(node: Node, scope: Scope): Json | undefined {
	if (typeof node === 'number' || typeof node === 'boolean') {
		return node;
	}
	if (isList(node)) {
		const list = evaluateItems(node, scope);
		return list.length === 0 ? undefined : list;
	}
	if (typeof node === 'object' && node.is === undefined) {
		const fields = evaluateFields(node, scope);
		return Object.keys(fields).length === 0 ? undefined : fields;
	}
	if (typeof node === 'object' && node.is === 'choice') {
		const chosen = holds(node.when, scope) ? node.use : node.otherwise;
		return chosen === undefined ? undefined : evaluate(chosen, scope);
	}
	if (typeof node === 'object' && node.is === 'digits') {
		return yamlInteger(textOf(node.text, scope).trim());
	}
	return textOf(node, scope);
}

/** Reads a whole number as YAML 1.1 does: a leading zero means base 8. */
function yamlInteger(text: string): number {
	return /^0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number(text);
}

function evaluateEach({ annotation, values }: Each, { pod }: Scope): readonly Json[] {
	const text = pod.metadata.annotations?.[annotation];
	if (text === undefined) {
		return [];
	}
	const object = parseObject(annotation, text);
	return Object.keys(object)
		.sort()
		.map((name): Json => {
			const value = object[name];
			if (values === 'value') {
				if (typeof value === 'object' || value === undefined) {
					throw new AnnotationError(annotation, `must have a text under ${JSON.stringify(name)}`);
				}
				return { name, value: goPrint(value) };
			}
			if (!isObject(value) || Object.keys(value).length === 0) {
				throw new AnnotationError(annotation, `must have an object with fields under ${JSON.stringify(name)}`);
			}
			return { name, ...value };
		});
}

function parseObject(annotation: string, text: string): { readonly [name: string]: Json } {
	let value: Json | null;
	try {
		value = JSON.parse(text) as Json | null;
	} catch (cause) {
		throw new AnnotationError(annotation, 'must be JSON', { cause });
	}
	if (!isObject(value)) {
		throw new AnnotationError(annotation, 'must be a JSON object');
	}
	return value;
}

function isObject(value: Json | null | undefined): value is { readonly [name: string]: Json } {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(node: Node): node is readonly Item[] {
	return Array.isArray(node);
}

/** The texts that count as empty, for other types than text. */
const zeros: Readonly<Partial<Record<Setting['as'], string>>> = { number: '0', truth: 'false' };

function holds(condition: Condition, scope: Scope): boolean {
	switch (condition.is) {
		case 'annotated':
			return Object.hasOwn(scope.pod.metadata.annotations ?? {}, condition.name);
		case 'given': {
			const text = textOf(condition.text, scope);
			const zero =
				typeof condition.text === 'object' && condition.text.is === 'setting' ? zeros[condition.text.as] : '';
			return text !== (zero ?? '');
		}
		case 'same':
			return textOf(condition.left, scope) === textOf(condition.right, scope);
		case 'not':
			return !holds(condition.condition, scope);
		case 'and':
			return condition.conditions.every((part) => holds(part, scope));
		case 'or':
			return condition.conditions.some((part) => holds(part, scope));
	}
}

function textOf(text: Text, scope: Scope): string {
	if (typeof text === 'string') {
		return text;
	}
	const { metadata, spec } = scope.pod;
	switch (text.is) {
		case 'setting':
			return scope.settings(text);
		case 'annotation':
			return own(metadata.annotations, text.name) ?? textOf(text.otherwise, scope);
		case 'label':
			return own(metadata.labels, text.name) ?? '';
		case 'ports':
			return portsOf(spec.containers ?? [], text.of === 'applications', scope.tcpPortsOnly);
		case 'portAdded':
			return addPort(textOf(text.port, scope), textOf(text.ports, scope));
		case 'containerPorts':
			return goJson(
				(spec.containers ?? []).flatMap(({ ports = [] }) =>
					ports.map(({ name, hostPort, containerPort, protocol, hostIP }) => ({
						...(name === undefined || name === '' ? {} : { name }),
						...(hostPort === undefined || hostPort === 0 ? {} : { hostPort }),
						containerPort,
						...(protocol === undefined || protocol === '' ? {} : { protocol }),
						...(hostIP === undefined || hostIP === '' ? {} : { hostIP }),
					})),
				),
			);
		case 'json':
			return goJson(sorted((text.of === 'Annotations' ? metadata.annotations : metadata.labels) ?? {}));
		case 'owner':
			return text.field === 'lower-case kind' ? scope.owner.kind.toLowerCase() : scope.owner[text.field];
		case 'serviceAccount':
			return spec.serviceAccountName ?? '';
		case 'directory': {
			const path = textOf(text.path, scope);
			return path.slice(0, path.lastIndexOf('/') + 1);
		}
		case 'joined':
			return text.parts.map((part) => textOf(part, scope)).join('');
	}
}

function own(values: Readonly<Record<string, string>> | undefined, name: string): string | undefined {
	return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
}

function sorted(values: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
	return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function portsOf(containers: readonly PodContainer[], withoutProxy: boolean, tcpOnly: boolean): string {
	return containers
		.filter(({ name }) => !withoutProxy || name !== proxyContainer)
		.flatMap(({ ports = [] }) => ports)
		.filter(({ protocol }) => !tcpOnly || (protocol !== 'UDP' && protocol !== 'SCTP'))
		.map(({ containerPort }) => String(containerPort))
		.join(',');
}

/** As `excludeInboundPort` of istio 1.0-1.4 `pkg/kube/inject`. */
function addPort(port: string, ports: string): string {
	const wanted = port.trim();
	const there = ports.split(',');
	if (wanted === '' || wanted === '0' || there.includes(wanted)) {
		return ports;
	}
	return [...there.map((entry) => entry.trim()).filter((entry) => entry !== ''), wanted].join(',');
}
