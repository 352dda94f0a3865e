/**
 * The language that a sidecar is defined in: a fragment of a pod whose texts, fields and entries may depend on the pod and
 * on the mesh configuration. It holds what both Go's text/template with the functions of Istio's injectors and TypeScript
 * can say, and no more.
 */

/** A field of the mesh configuration that the injector has read when a pod comes. */
export interface Setting {
	readonly is: 'setting';
	/** The mesh configuration itself, or its `defaultConfig`. */
	readonly of: 'mesh' | 'proxy';
	/** Its JSON name; several for a field of a field. */
	readonly path: readonly [string, ...string[]];
	/** How it is written: durations as Go writes them, `wrapped` numbers are absent or a number. */
	readonly as: 'text' | 'number' | 'name' | 'truth' | 'duration' | 'wrapped';
}

/** What becomes a text when a pod is there. */
export type Text =
	| string
	| Setting
	/** The pod's annotation, or the other text when it has none of this name. */
	| { readonly is: 'annotation'; readonly name: string; readonly otherwise: Text }
	/** The pod's label; empty when it has none of this name. */
	| { readonly is: 'label'; readonly name: string }
	/** Container ports, joined by commas: of all containers, or of all but the proxy. */
	| { readonly is: 'ports'; readonly of: 'every container' | 'applications' }
	/** A list of ports joined by commas, with one more unless that is empty, 0 or there already. */
	| { readonly is: 'portAdded'; readonly port: Text; readonly ports: Text }
	/** All container ports as a JSON list of Kubernetes' own objects. */
	| { readonly is: 'containerPorts' }
	| { readonly is: 'json'; readonly of: 'Annotations' | 'Labels' }
	/** What the pod belongs to: a Deployment for example; the pod itself where nothing else is known. */
	| { readonly is: 'owner'; readonly field: 'name' | 'apiVersion' | 'lower-case kind' }
	| { readonly is: 'serviceAccount' }
	/** The part of a path up to its last slash. */
	| { readonly is: 'directory'; readonly path: Text }
	| { readonly is: 'joined'; readonly parts: readonly Text[] };

export type Condition =
	| { readonly is: 'annotated'; readonly name: string }
	/** Neither empty nor 0 nor false. */
	| { readonly is: 'given'; readonly text: Text }
	| { readonly is: 'same'; readonly left: Text; readonly right: Text }
	| { readonly is: 'not'; readonly condition: Condition }
	| { readonly is: 'and' | 'or'; readonly conditions: readonly Condition[] };

/** A number in the pod whose digits are a text here. */
export interface Digits {
	readonly is: 'digits';
	readonly text: Text;
}

/** A field whose value, or whose being there, depends on a condition. */
export interface Choice {
	readonly is: 'choice';
	readonly when: Condition;
	readonly use: Node;
	readonly otherwise?: Node;
}

/** Entries of a list that are there under a condition. */
export interface Entries {
	readonly is: 'entries';
	readonly when: Condition;
	readonly use: readonly Item[];
	readonly otherwise: readonly Item[];
}

/**
 * Entries of a list from an annotation that holds a JSON object, sorted by key: its keys become `name`, its values the
 * other fields (`fields`) or the field `value`. Nothing without the annotation.
 */
export interface Each {
	readonly is: 'each';
	readonly annotation: string;
	readonly values: 'fields' | 'value';
}

export type Item = Node | Entries | Each;

/** A map never has a field `is`: nothing in a pod is called so. */
export interface Fields {
	readonly is?: never;
	readonly [name: string]: Node | undefined;
}

export type Node = Text | number | boolean | Digits | Choice | Fields | readonly Item[];

/** What is added to a pod; the names are those that injectors of istio 1.0-1.4 read (`SidecarInjectionSpec`). */
export interface Fragment extends Fields {
	readonly initContainers: readonly Item[];
	readonly containers: readonly Item[];
	readonly volumes: readonly Item[];
	readonly imagePullSecrets: readonly Item[];
}

export function annotation(name: string, otherwise: Text): Text {
	return { is: 'annotation', name, otherwise };
}

export function setting(of: Setting['of'], path: string, as: Setting['as'] = 'text'): Setting {
	const [first = '', ...rest] = path.split('.');
	return { is: 'setting', of, path: [first, ...rest], as };
}

export function joined(...parts: readonly Text[]): Text {
	return { is: 'joined', parts };
}

export function digits(text: Text): Digits {
	return { is: 'digits', text };
}

export function annotated(name: string): Condition {
	return { is: 'annotated', name };
}

export function given(text: Text): Condition {
	return { is: 'given', text };
}

export function same(left: Text, right: Text): Condition {
	return { is: 'same', left, right };
}

export function not(condition: Condition): Condition {
	return { is: 'not', condition };
}

export function both(...conditions: readonly Condition[]): Condition {
	return { is: 'and', conditions };
}

export function either(...conditions: readonly Condition[]): Condition {
	return { is: 'or', conditions };
}

/** A field of one value or another, or of one value and else absent. */
export function choose(when: Condition, use: Node, otherwise?: Node): Choice {
	return otherwise === undefined ? { is: 'choice', when, use } : { is: 'choice', when, use, otherwise };
}

/** Entries of a list under a condition, and others else. */
export function entries(when: Condition, use: readonly Item[], otherwise: readonly Item[] = []): Entries {
	return { is: 'entries', when, use, otherwise };
}
