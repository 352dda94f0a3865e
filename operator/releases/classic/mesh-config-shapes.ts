/** The vocabulary of the tables of mesh configuration fields. */
import type { Minor } from './minors.ts';

/** What a value must look like: a type of the release's protocol buffers as JSON, narrowed by what its Pilot accepts. */
export type Shape =
	| { readonly is: 'text' }
	| { readonly is: 'boolean' }
	| { readonly is: 'integer'; readonly min: number; readonly max: number }
	/** A Go duration. `min` and `max` have the same notation. */
	| { readonly is: 'duration'; readonly min: string; readonly max: string }
	/** `host:port`. */
	| { readonly is: 'address' }
	| { readonly is: 'one of'; readonly values: readonly string[] }
	| { readonly is: 'list'; readonly of: Shape }
	| { readonly is: 'map'; readonly of: Shape }
	| { readonly is: 'fields'; readonly fields: Fields };

/** Why a field that the release parses can't be set in `spec.mesh.config`. */
export type Refusal =
	/** Another field of the MeshInstallation sets it. */
	| { readonly why: 'ownField'; readonly field: string }
	/** The operator sets it, because any other value breaks the mesh. `only` is the one value that a user may repeat. */
	| { readonly why: 'operator'; readonly because: string; readonly remedy: string; readonly only?: string }
	/** The release parses it, and none of its code reads it. */
	| { readonly why: 'noEffect'; readonly because: string; readonly remedy: string };

export interface Field {
	readonly shape: Shape;
	/** The first minor that parses the field. All later ones do, too. */
	readonly first: Minor;
	/** Refused from the minor `from` on, or in every minor. The first entry that fits counts. */
	readonly refused?: readonly (Refusal & { readonly from?: Minor })[];
}

/** Fields by their JSON name (lowerCamelCase). */
export interface Fields {
	readonly [name: string]: Field;
}

export const text: Shape = { is: 'text' };
export const boolean: Shape = { is: 'boolean' };
export const address: Shape = { is: 'address' };
export const port: Shape = { is: 'integer', min: 1, max: 65535 };
export const unsigned: Shape = { is: 'integer', min: 0, max: 2 ** 32 - 1 };
export const texts: Shape = { is: 'list', of: text };

export function duration(min: string, max: string): Shape {
	return { is: 'duration', min, max };
}

export function oneOf(...values: readonly string[]): Shape {
	return { is: 'one of', values };
}

export function message(fields: Fields): Shape {
	return { is: 'fields', fields };
}
