import { z } from 'zod';
import { isObject } from './fields.ts';

/**
 * A copy of `value` without the fields and map entries that are null, as the API server drops them before it fills in
 * defaults and validates. No field of this API is nullable, so `tag: null` means the same as no tag. Opaque values stay as
 * they are.
 *
 * Where a text or a list is expected, any object becomes an empty one. It is wrong in any case, and zod's checks of lengths
 * would read its field `length`, which can be anything.
 */
export function normalise(schema: z.core.$ZodType, value: unknown): unknown {
	if (schema instanceof z.ZodExactOptional || schema instanceof z.ZodDefault) {
		return normalise(schema.unwrap(), value);
	}
	if (schema instanceof z.ZodString || schema instanceof z.ZodUnion) {
		return isObject(value) ? {} : value;
	}
	if (schema instanceof z.ZodArray) {
		return Array.isArray(value) ? value.map((entry) => normalise(schema.element, entry)) : isObject(value) ? {} : value;
	}
	if (schema instanceof z.ZodRecord && isObject(value)) {
		return isOpaque(schema.valueType) ? value : withFields(value, () => schema.valueType);
	}
	if (schema instanceof z.ZodObject && isObject(value)) {
		const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
		return withFields(value, (name) => (Object.hasOwn(shape, name) ? shape[name] : undefined));
	}
	return value;
}

/** Keeps fields without a schema: the caller refuses them or passes them on. */
function withFields(value: object, schemaOf: (name: string) => z.core.$ZodType | undefined): object {
	return Object.fromEntries(
		Object.entries(value).flatMap(([name, entry]) => {
			const schema = schemaOf(name);
			if (schema === undefined) {
				return [[name, entry]];
			}
			return entry === null ? [] : [[name, normalise(schema, entry)]];
		}),
	);
}

function isOpaque(schema: z.core.$ZodType): boolean {
	return schema instanceof z.ZodUnknown;
}
