/** Values as a Go template sees them: what a field is called, what its absence means, how it prints and what is true. */

export type GoValue = string | number | boolean | null | GoFloat | GoEnum | GoStruct | GoMap | GoSlice;

/** What every number of a JSON text becomes that is read without a type. */
export interface GoFloat {
	readonly go: 'float';
	readonly value: number;
}

/** A number that prints as a word. */
export interface GoEnum {
	readonly go: 'enum';
	readonly type: string;
	readonly name: string;
}

/** A struct, or a pointer to one. */
export interface GoStruct {
	readonly go: 'struct';
	readonly type: StructType;
	/** The JSON that it was read from; absent for a nil pointer. */
	readonly json: Fields | undefined;
}

export interface GoMap {
	readonly go: 'map';
	/** `interface{}` for maps of what was read from JSON. */
	readonly element: 'string' | 'any';
	readonly entries: Readonly<Record<string, GoValue>>;
	readonly isNil: boolean;
}

export interface GoSlice {
	readonly go: 'slice';
	readonly element: string;
	readonly items: readonly GoValue[];
	readonly isNil: boolean;
}

export type Fields = Readonly<Record<string, unknown>>;

/** The type of a field; its zero value stands for a missing one. */
export type FieldType =
	| 'string'
	| 'int'
	| 'bool'
	| 'any'
	| { readonly enum: string; readonly zero: string }
	| { readonly map: 'string' | 'any' }
	| { readonly slice: FieldType }
	| { readonly struct: () => StructType };

export interface StructType {
	readonly name: string;
	/** By their names in Go. */
	readonly fields: Readonly<Record<string, { readonly json: string; readonly type: FieldType }>>;
	/** Whether it has a getter per field that can be called on nil: messages of protocol buffers do. */
	readonly getters: boolean;
}

export function isStruct(value: GoValue): value is GoStruct {
	return typeof value === 'object' && value !== null && value.go === 'struct';
}

export function isGoMap(value: GoValue): value is GoMap {
	return typeof value === 'object' && value !== null && value.go === 'map';
}

export function isSlice(value: GoValue): value is GoSlice {
	return typeof value === 'object' && value !== null && value.go === 'slice';
}

export function isEnum(value: GoValue): value is GoEnum {
	return typeof value === 'object' && value !== null && value.go === 'enum';
}

function isFields(value: unknown): value is Fields {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is read from JSON without a type: `interface{}`. */
export function fromJson(json: unknown): GoValue {
	if (Array.isArray(json)) {
		return { go: 'slice', element: 'interface {}', items: json.map(fromJson), isNil: false };
	}
	if (isFields(json)) {
		return {
			go: 'map',
			element: 'any',
			entries: Object.fromEntries(Object.entries(json).map(([key, value]) => [key, fromJson(value)])),
			isNil: false,
		};
	}
	if (typeof json === 'number') {
		return { go: 'float', value: json };
	}
	return typeof json === 'string' || typeof json === 'boolean' ? json : null;
}

/** A value of a type from its JSON; `undefined` gives the zero value. Throws `TypeError` where Go's decoder fails. */
export function toGo(type: FieldType, json: unknown): GoValue {
	const wrong = (wanted: string): never => {
		throw new TypeError(`cannot unmarshal ${JSON.stringify(json)} into ${wanted}`);
	};
	if (json === null) {
		return toGo(type, undefined);
	}
	if (type === 'string') {
		return typeof json === 'string' ? json : json === undefined ? '' : wrong('string');
	}
	if (type === 'int') {
		return typeof json === 'number' ? json : json === undefined ? 0 : wrong('int');
	}
	if (type === 'bool') {
		return typeof json === 'boolean' ? json : json === undefined ? false : wrong('bool');
	}
	if (type === 'any') {
		return fromJson(json);
	}
	if ('enum' in type) {
		return { go: 'enum', type: type.enum, name: json === undefined ? type.zero : String(json) };
	}
	if ('map' in type) {
		const entries = isFields(json) ? json : json === undefined ? {} : wrong('map');
		const element = type.map;
		return {
			go: 'map',
			element,
			entries: Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, toGo(element, value)])),
			isNil: json === undefined,
		};
	}
	if ('slice' in type) {
		const items = Array.isArray(json) ? json : json === undefined ? [] : wrong('slice');
		return {
			go: 'slice',
			element: typeName(type.slice),
			items: items.map((item) => toGo(type.slice, item)),
			isNil: json === undefined,
		};
	}
	return {
		go: 'struct',
		type: type.struct(),
		json: isFields(json) ? json : json === undefined ? undefined : wrong('struct'),
	};
}

function typeName(type: FieldType): string {
	if (typeof type === 'string') {
		return type;
	}
	return 'struct' in type
		? type.struct().name
		: 'slice' in type
			? `[]${typeName(type.slice)}`
			: 'map' in type
				? 'map'
				: type.enum;
}

/** `.Name` of a value. Throws `TypeError` where executing a template would end with an error. */
export function fieldOf(value: GoValue, name: string): GoValue {
	if (isStruct(value)) {
		const getter = value.type.getters && name.startsWith('Get') ? name.slice('Get'.length) : undefined;
		const field = value.type.fields[getter ?? name];
		if (field === undefined) {
			throw new TypeError(`can't evaluate field ${name} in type ${value.type.name}`);
		}
		if (value.json === undefined && getter === undefined) {
			throw new TypeError(`nil pointer evaluating *${value.type.name}.${name}`);
		}
		return toGo(field.type, value.json?.[field.json]);
	}
	if (isGoMap(value)) {
		return mapEntry(value, name);
	}
	throw new TypeError(`can't evaluate field ${name} in ${JSON.stringify(value)}`);
}

/** The entry of a map, or the zero value of its type. */
export function mapEntry(map: GoMap, key: string): GoValue {
	const zero = map.element === 'string' ? '' : null;
	return Object.hasOwn(map.entries, key) ? (map.entries[key] ?? zero) : zero;
}

/** Whether `if` takes it for true (`text/template` IsTrue): what is empty, zero or nil is not. */
export function isTrue(value: GoValue): boolean {
	if (isStruct(value)) {
		return value.json !== undefined;
	}
	if (isGoMap(value)) {
		return Object.keys(value.entries).length > 0;
	}
	if (isSlice(value)) {
		return value.items.length > 0;
	}
	if (typeof value === 'object' && value !== null) {
		return value.go === 'enum' || value.value !== 0;
	}
	return value !== null && value !== '' && value !== 0 && value !== false;
}

/** How `fmt.Sprint` writes a value that stands alone; lists and maps of structs are not needed and refused. */
export function sprint(value: GoValue): string {
	if (value === null) {
		return '<nil>';
	}
	if (typeof value !== 'object') {
		return String(value);
	}
	switch (value.go) {
		case 'enum':
			return value.name;
		case 'float':
			return goFloat(value.value);
		case 'slice':
			return `[${value.items.map(sprint).join(' ')}]`;
		case 'map':
			return `map[${Object.keys(value.entries)
				.sort()
				.map((key) => `${key}:${sprint(value.entries[key] ?? null)}`)
				.join(' ')}]`;
		case 'struct':
			throw new TypeError(`a ${value.type.name} is printed`);
	}
}

/** A value as JSON again, for functions that print JSON and YAML. */
export function jsonOf(value: GoValue): unknown {
	if (value === null || typeof value !== 'object') {
		return value;
	}
	switch (value.go) {
		case 'enum':
			return value.name;
		case 'float':
			return value.value;
		case 'slice':
			return value.isNil ? null : value.items.map(jsonOf);
		case 'map':
			return value.isNil
				? null
				: Object.fromEntries(
						Object.keys(value.entries)
							.sort()
							.map((key) => [key, jsonOf(value.entries[key] ?? null)]),
					);
		case 'struct':
			return value.json ?? null;
	}
}

/** A float as `%v` prints it (`strconv.FormatFloat` with `g` and the shortest precision): exponents from a million on. */
function goFloat(value: number): string {
	const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
	const power = Number(exponent);
	if (value !== 0 && (power < -4 || power >= 6)) {
		return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
	}
	return String(value);
}

const shortEscapes: Readonly<Record<string, string>> = {
	'"': '\\"',
	'\\': '\\\\',
	'\u0007': '\\a',
	'\b': '\\b',
	'\f': '\\f',
	'\n': '\\n',
	'\r': '\\r',
	'\t': '\\t',
	'\v': '\\v',
};

/** A text as `%q` prints it (`strconv.Quote`). */
export function goQuote(text: string): string {
	const escaped = Array.from(text, (character) => {
		const code = character.codePointAt(0) ?? 0;
		const short = shortEscapes[character];
		if (short !== undefined) {
			return short;
		}
		if (character === ' ' || /[\p{L}\p{M}\p{N}\p{P}\p{S}]/u.test(character)) {
			return character;
		}
		const hex = code.toString(16);
		return code < 0x80
			? `\\x${hex.padStart(2, '0')}`
			: code < 0x10000
				? `\\u${hex.padStart(4, '0')}`
				: `\\U${hex.padStart(8, '0')}`;
	});
	return `"${escaped.join('')}"`;
}
