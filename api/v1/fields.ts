/** Whether a value of unknown shape is an object with named fields, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The fields of a value of unknown shape. Anything but an object has none. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
	return isObject(value) ? value : {};
}

/** The same fields, where one that may be undefined may be absent instead. */
type DefinedFields<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
	[K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Leaves out the fields that are undefined: a field of an API object, or of an exact type, is there or it is absent. */
export function definedFields<const T extends object>(fields: T): DefinedFields<T>;
export function definedFields(fields: object): object {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
