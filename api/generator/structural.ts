/**
 * Turns the JSON Schema that zod writes into what Kubernetes calls a structural schema: every node has a type, each fact
 * stands in one place, and everything that a rule can loop over has a bound. What can't be brought into this form is an
 * error with its path.
 */

/** A node of an OpenAPI v3 schema, as far as CustomResourceDefinitions know it. */
export interface Schema {
	readonly type?: string;
	readonly title?: string;
	readonly description?: string;
	readonly default?: unknown;
	readonly enum?: readonly unknown[];
	readonly format?: string;
	readonly pattern?: string;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly minLength?: number;
	readonly maxLength?: number;
	readonly minItems?: number;
	readonly maxItems?: number;
	readonly maxProperties?: number;
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly required?: readonly string[];
	readonly items?: Schema;
	readonly additionalProperties?: Schema | boolean;
	readonly 'x-kubernetes-int-or-string'?: boolean;
	readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
	readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
	readonly 'x-kubernetes-list-map-keys'?: readonly string[];
	readonly 'x-kubernetes-validations'?: readonly Validation[];
}

interface Validation {
	readonly rule: string;
	readonly message: string;
	readonly fieldPath?: string;
	readonly reason?: string;
}

const known = new Set([
	'type',
	'title',
	'description',
	'default',
	'enum',
	'format',
	'pattern',
	'minimum',
	'maximum',
	'minLength',
	'maxLength',
	'minItems',
	'maxItems',
	'maxProperties',
	'properties',
	'required',
	'items',
	'additionalProperties',
	'x-kubernetes-int-or-string',
	'x-kubernetes-preserve-unknown-fields',
	'x-kubernetes-list-type',
	'x-kubernetes-list-map-keys',
	'x-kubernetes-validations',
]);

/** The formats that this API uses. The API server ignores a format that it does not know, without a word. */
const formats = new Set(['date-time']);

type Node = Readonly<Record<string, unknown>>;

/**
 * Throws for whatever a CustomResourceDefinition would refuse or silently ignore.
 * @param path of the node, for the messages
 */
export function toStructural(node: unknown, path = ''): Schema {
	if (!isNode(node)) {
		throw fail(path, `is not a schema: ${JSON.stringify(node)}`);
	}
	const { properties, items, additionalProperties, ...rest } =
		node['x-kubernetes-int-or-string'] === true ? mergeIntOrString(node, path) : node;
	for (const key of Object.keys(rest)) {
		if (!known.has(key)) {
			throw fail(path, `has ${key}, which has no place in a structural schema`);
		}
	}
	const own = rest as Schema;
	const opaque = own['x-kubernetes-preserve-unknown-fields'] === true;
	if (own.type === undefined && !opaque && own['x-kubernetes-int-or-string'] !== true) {
		throw fail(path, 'has no type');
	}
	if (isNode(properties) && isNode(additionalProperties)) {
		throw fail(path, 'has properties as well as additionalProperties');
	}
	checkValues(own, path);
	if (own.type === 'array' && own.maxItems === undefined) {
		throw fail(path, 'has no maxItems');
	}
	return {
		...own,
		...(isNode(properties) ? { properties: toProperties(properties, path) } : {}),
		...(items === undefined ? {} : { items: toStructural(items, `${path}[]`) }),
		...(isNode(additionalProperties) && !opaque
			? { additionalProperties: toMapValue(additionalProperties, own, path) }
			: {}),
	};
}

function toProperties(properties: Node, path: string): Readonly<Record<string, Schema>> {
	return Object.fromEntries(
		Object.entries(properties).map(([name, property]) => {
			const at = path === '' ? name : `${path}.${name}`;
			const schema = toStructural(property, at);
			if (schema.description === undefined) {
				throw fail(at, 'has no description');
			}
			return [name, schema];
		}),
	);
}

function toMapValue(value: Node, own: Schema, path: string): Schema {
	if (own.maxProperties === undefined) {
		throw fail(path, 'has no maxProperties');
	}
	return toStructural(value, `${path}{}`);
}

/**
 * Replaces `anyOf: [integer, string]` by Kubernetes' extension with the bounds of both. Each bound is about one of the
 * types only.
 */
function mergeIntOrString({ anyOf, ...rest }: Node, path: string): Node {
	const [integer, string, ...others]: readonly unknown[] = Array.isArray(anyOf) ? anyOf : [];
	if (
		!isNode(integer) ||
		integer.type !== 'integer' ||
		!isNode(string) ||
		string.type !== 'string' ||
		others.length > 0
	) {
		throw fail(path, 'is int-or-string, but not a union of an integer and a string');
	}
	const { type: _integer, ...numberBounds } = integer;
	const { type: _string, ...textBounds } = string;
	return withoutSafeBounds({ ...numberBounds, ...textBounds, ...rest });
}

/** Drops the bounds that zod adds by itself: JavaScript's largest and smallest exact integers. */
function withoutSafeBounds(node: Node): Node {
	return Object.fromEntries(
		Object.entries(node).filter(
			([key, value]) =>
				!((key === 'maximum' || key === 'minimum') && Math.abs(Number(value)) === Number.MAX_SAFE_INTEGER),
		),
	);
}

function checkValues({ type, format, pattern, maxLength, enum: values }: Schema, path: string): void {
	if (pattern !== undefined && /\(\?[=!<]|\\[1-9]/.test(pattern)) {
		throw fail(path, `has a pattern that Go cannot run (look-around or back reference): ${pattern}`);
	}
	if (format !== undefined && !formats.has(format)) {
		throw fail(path, `has format ${format}, which Kubernetes does not know`);
	}
	if (type === 'string' && maxLength === undefined && values === undefined) {
		throw fail(path, 'has no maxLength');
	}
}

function isNode(value: unknown): value is Node {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fail(path: string, what: string): Error {
	return new Error(`${path === '' ? 'the root' : path} ${what}`);
}
