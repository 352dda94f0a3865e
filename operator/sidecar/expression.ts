/**
 * The language in which a sidecar is defined: a fragment of a pod whose texts, fields and entries may depend on the pod and
 * on the mesh configuration. It holds only what both Go's text/template, with the functions of Istio's injectors, and
 * TypeScript can express.
 */

/** A field of the mesh configuration, as the injector knows it when a pod comes. */
export interface Setting {
	readonly is: 'setting';
	/** The mesh configuration itself, or its `defaultConfig`. */
	readonly of: 'mesh' | 'proxy';
	/** JSON names of the fields that lead to it. */
	readonly path: readonly [string, ...string[]];
	/** How the value is written: durations as Go writes them; a `wrapped` number is a number or absent. */
	readonly as: 'text' | 'number' | 'name' | 'truth' | 'duration' | 'wrapped';
}

/** A text that is known when a pod comes. */
export type Text =
	| string
	| Setting
	/** The pod's annotation. When the pod has none of this name: the other text. */
	| { readonly is: 'annotation'; readonly name: string; readonly otherwise: Text }
	/** The pod's label. When the pod has none of this name: an empty text. */
	| { readonly is: 'label'; readonly name: string }
	/** Container ports, joined by commas: those of every container, or of every container but the proxy. */
	| { readonly is: 'ports'; readonly of: 'every container' | 'applications' }
	/** A list of ports joined by commas, with one more port, unless that is empty, 0 or in the list already. */
	| { readonly is: 'portAdded'; readonly port: Text; readonly ports: Text }
	/** All container ports as a JSON list of Kubernetes' own port objects. */
	| { readonly is: 'containerPorts' }
	| { readonly is: 'json'; readonly of: 'Annotations' | 'Labels' }
	/** The owner of the pod, for example a Deployment. When no owner is known: the pod itself. */
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

/** A number in the pod that is a text here. */
export interface Digits {
	readonly is: 'digits';
	readonly text: Text;
}

/** A field whose value or presence depends on a condition. */
export interface Choice {
	readonly is: 'choice';
	readonly when: Condition;
	readonly use: Node;
	readonly otherwise?: Node;
}

/** Entries of a list that exist under a condition. */
export interface Entries {
	readonly is: 'entries';
	readonly when: Condition;
	readonly use: readonly Item[];
	readonly otherwise: readonly Item[];
}

/**
 * Entries of a list, made from an annotation that holds a JSON object, sorted by key. Each key becomes `name`. Each value
 * becomes the other fields (`fields`) or the field `value`. Without the annotation there are no entries.
 */
export interface Each {
	readonly is: 'each';
	readonly annotation: string;
	readonly values: 'fields' | 'value';
}

export type Item = Node | Entries | Each;

/** A map never has a field `is`: no field of a pod has that name. */
export interface Fields {
	readonly is?: never;
	readonly [name: string]: Node | undefined;
}

export type Node = Text | number | boolean | Digits | Choice | Fields | readonly Item[];

/** The additions to a pod. The names are those that injectors of istio 1.0-1.4 read (`SidecarInjectionSpec`). */
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

/** A field with one value or another. Without `otherwise` the field may be absent. */
export function choose(when: Condition, use: Node, otherwise?: Node): Choice {
	return otherwise === undefined ? { is: 'choice', when, use } : { is: 'choice', when, use, otherwise };
}

/** Entries of a list under a condition, and other entries when it does not hold. */
export function entries(when: Condition, use: readonly Item[], otherwise: readonly Item[] = []): Entries {
	return { is: 'entries', when, use, otherwise };
}
