import { z } from 'zod';

/**
 * A copy of `value` without the fields and map entries that are null. The API server drops a null before it fills in defaults and
 * validates (no field of this API is nullable), so `tag: null` means the same as no tag. Opaque values stay as they are.
 */
export function withoutNulls(schema: z.core.$ZodType, value: unknown): unknown {
	if (schema instanceof z.ZodExactOptional || schema instanceof z.ZodDefault) {
		return withoutNulls(schema.unwrap(), value);
	}
	if (schema instanceof z.ZodArray && Array.isArray(value)) {
		return value.map((entry) => withoutNulls(schema.element, entry));
	}
	if (schema instanceof z.ZodRecord && !(schema.valueType instanceof z.ZodUnknown) && isObject(value)) {
		return Object.fromEntries(
			Object.entries(value).flatMap(([key, entry]) =>
				entry === null ? [] : [[key, withoutNulls(schema.valueType, entry)]],
			),
		);
	}
	if (schema instanceof z.ZodObject && isObject(value)) {
		const shape: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
		return Object.fromEntries(
			Object.entries(value).flatMap(([key, entry]) => {
				const field = Object.hasOwn(shape, key) ? shape[key] : undefined;
				if (field === undefined) {
					return [[key, entry]];
				}
				return entry === null ? [] : [[key, withoutNulls(field, entry)]];
			}),
		);
	}
	return value;
}

function isObject(value: unknown): value is object {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
