/**
 * Rules between fields, each written once for both sides: as CEL for the API server, and as a function for the parser. A
 * rule about one field alone belongs into that field's schema.
 */

import type { z } from 'zod';
import { isObject } from '../fields.ts';

export interface Rule<Value> {
	/** CEL, with `self` for the value; it becomes an entry of `x-kubernetes-validations`. */
	readonly rule: string;
	/** What is wrong when it does not hold; names the fields. */
	readonly message: string;
	/** What to do about it. */
	readonly remedy: string;
	/** Path of the child that the problem is reported at. Default: the value itself. */
	readonly at?: string;
	/** The same rule for the parser. Called only when the fields that `rule` names have the right form. */
	readonly holds: (value: Value) => boolean;
	/** Set when `rule` looks at the old value (`oldSelf`). Such a rule is about an update, which the parser does not see. */
	readonly transition?: true;
}

/** One entry of `x-kubernetes-validations`. */
export interface Validation {
	readonly rule: string;
	readonly message: string;
	readonly fieldPath?: string;
	readonly reason?: 'FieldValueInvalid' | 'FieldValueForbidden' | 'FieldValueRequired' | 'FieldValueDuplicate';
}

/** The same schema with rules added, for the API server and for the parser. */
export function withRules<Schema extends z.ZodType>(
	schema: Schema,
	...rules: readonly Rule<z.output<Schema>>[]
): Schema {
	const validations = (schema.meta()?.['x-kubernetes-validations'] ?? []) as readonly Validation[];
	let checked = schema;
	for (const { rule, message, remedy, at, holds, transition } of rules) {
		if (transition) {
			continue;
		}
		const fields = fieldsOf(rule);
		checked = checked.refine(holds, {
			error: message,
			path: at === undefined ? [] : at.split('.'),
			params: { remedy },
			when: ({ issues, value }) => {
				const malformed = issues.filter(({ code }) => code !== 'custom');
				return fields.length === 0
					? malformed.length === 0
					: isObject(value) && malformed.every(({ path }) => !fields.includes(String(path?.[0])));
			},
		});
	}
	return checked.meta({
		'x-kubernetes-validations': [
			...validations,
			...rules.map(
				({ rule, message, at }): Validation => ({
					rule,
					message,
					...(at === undefined ? {} : { fieldPath: `.${at}` }),
				}),
			),
		],
	});
}

/** The fields of `self` that a rule reads. When these are well-formed, the rule can be judged, whatever else is wrong. */
function fieldsOf(rule: string): readonly string[] {
	return [...rule.matchAll(/\bself\.([a-zA-Z_]+)(?!\w*\()/g)].map(([, name = '']) => name);
}
