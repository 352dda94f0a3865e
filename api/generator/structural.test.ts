import test from 'ava';
import { z } from 'zod';
import { countOrPercent, list, map, opaqueObject, optional, text } from '../v1/schema/fields.ts';
import { toStructural } from './structural.ts';

function structural(schema: z.ZodType) {
	return toStructural(z.toJSONSchema(schema, { target: 'openapi-3.0', io: 'input' }));
}

function object(field: z.ZodType) {
	return z.strictObject({ field: field.describe('A field.') });
}

test('strictness is left to pruning', (t) => {
	t.deepEqual(structural(object(z.boolean())), {
		type: 'object',
		properties: { field: { type: 'boolean', description: 'A field.' } },
		required: ['field'],
	});
});

test('a count or percentage becomes the bare extension with the bounds of both types', (t) => {
	const { 'x-kubernetes-validations': rules, ...schema } = structural(countOrPercent);
	t.deepEqual(schema, { minimum: 1, maximum: 1000, minLength: 1, maxLength: 4, 'x-kubernetes-int-or-string': true });
	t.is(rules?.length, 1);
});

test('an opaque object keeps its fields', (t) => {
	t.deepEqual(structural(object(opaqueObject)).properties?.field, {
		type: 'object',
		description: 'A field.',
		'x-kubernetes-preserve-unknown-fields': true,
	});
});

test('a value of any type is allowed where it is preserved', (t) => {
	const any = z.unknown().meta({ 'x-kubernetes-preserve-unknown-fields': true });
	t.deepEqual(structural(object(optional(any))).properties?.field, {
		description: 'A field.',
		'x-kubernetes-preserve-unknown-fields': true,
	});
});

test('a map has a bound and a schema for its values', (t) => {
	const { 'x-kubernetes-validations': rules, ...schema } = structural(map(text(5), 8, /^[a-z]+$/, 'a word'));
	t.deepEqual(schema, {
		type: 'object',
		maxProperties: 8,
		additionalProperties: { type: 'string', minLength: 1, maxLength: 5 },
	});
	t.true(rules?.[0]?.rule.includes("key.matches('^[a-z]+$')"));
});

const impossible: Readonly<Record<string, readonly [z.ZodType, RegExp]>> = {
	'a union': [object(z.union([z.boolean(), text(5)])), /^field has anyOf/],
	'a value without type': [object(z.unknown()), /^field has no type/],
	'a nullable field': [object(text(5).nullable()), /^field has nullable/],
	'a text without bound': [object(z.string()), /^field has no maxLength/],
	'a list without bound': [object(z.array(z.boolean())), /^field has no maxItems/],
	'a map without bound': [object(z.record(z.string(), z.boolean())), /^field has no maxProperties/],
	'a field without description': [z.strictObject({ field: z.boolean() }), /^field has no description/],
	'a format that Kubernetes ignores': [object(z.cidrv4().max(20)), /^field has format cidrv4/],
	'a pattern with look-ahead': [object(text(5, /^(?!a)/)), /^field has a pattern that Go cannot run/],
	'a pattern with a back reference': [object(text(5, /^(a)\1$/)), /^field has a pattern that Go cannot run/],
	'an unknown extension': [object(z.boolean().meta({ 'x-own': 1 })), /^field has x-own/],
	'a loose object with fields': [
		object(z.object({ a: z.boolean() }).catchall(z.boolean())),
		/^field has properties as well as/,
	],
	'a mistake within a list': [object(list(z.strictObject({ a: z.string() }), 3)), /^field\[\]\.a has no maxLength/],
};

for (const [title, [schema, message]] of Object.entries(impossible)) {
	test(`${title} is an error with its path`, (t) => {
		t.throws(() => structural(schema), { message });
	});
}

test('int-or-string that is no such union is an error', (t) => {
	t.throws(() => toStructural({ anyOf: [{ type: 'string' }], 'x-kubernetes-int-or-string': true }, 'a'), {
		message: /^a is int-or-string, but not a union/,
	});
});
