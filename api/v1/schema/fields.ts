/**
 * The building blocks of the schema. Every text and every list has a bound, because the API server computes the cost of a
 * CEL rule from the largest value that could come.
 */
import { z } from 'zod';
import { isCidr } from '../cidr.ts';
import { durationPattern, parseDuration, tryDuration, wholeSecondsPattern } from '../duration.ts';
import { mustBe } from '../problems.ts';
import { canonicalQuantity, isQuantity, quantityPattern } from '../quantity.ts';
import { type Rule, withRules } from './rules.ts';

/** A field that may be left out. JSON has no undefined, so its type has none either. */
export const optional = z.exactOptional;

/**
 * A text of at most `max` characters.
 * @param form describes `pattern` in words
 */
export function text(max: number, pattern?: RegExp, form?: string): z.ZodString {
	const schema = z.string().min(1).max(max);
	return pattern === undefined ? schema : schema.regex(pattern, { error: `must be ${form}` });
}

/** A text of one line: no control or format characters, which a terminal obeys or a reader does not see. */
export function line(max: number): z.ZodString {
	return text(max, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, 'a text of one line, without control and format characters');
}

export function integer(min: number, max: number): z.ZodInt {
	return z.int().min(min).max(max);
}

/** A release of Istio in full. */
export const releaseVersion = text(32, /^[0-9]+\.[0-9]+\.[0-9]+$/, 'a full version, such as 1.4.10');

/** A name as Kubernetes gives it to namespaces and Services (RFC 1123 label). */
export const dnsLabel = text(
	63,
	/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
	'a DNS label: at most 63 small letters, digits and -, with a letter or digit at both ends',
);

/** A name as Kubernetes gives it to most objects (RFC 1123 subdomain). */
export const objectName = text(
	253,
	/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
	"an object's name: small letters, digits, - and ., with a letter or digit at both ends",
);

/** A host name or IP address with a port: `collector.tracing:9411`, `10.0.0.1:80`, `[fd00::1]:80`. */
export const hostPort = text(
	261,
	/^([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\]):([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])$/,
	'host:port, such as collector.tracing:9411',
);

/**
 * A duration from `min` to `max`, both included. `wholeSeconds` is for durations that Istio reads in whole seconds only.
 */
export function duration(min: string, max: string, { wholeSeconds = false } = {}): z.ZodString {
	return withRules(
		wholeSeconds
			? text(32, wholeSecondsPattern, 'a duration in whole seconds, such as 45s or 1m30s')
			: text(32, durationPattern, 'a duration, such as 45s, 1m30s or 300ms'),
		{
			rule: `duration(self) >= duration('${min}') && duration(self) <= duration('${max}')`,
			message: `must be a duration of ${min} to ${max}`,
			remedy: `Write a duration between ${min} and ${max}.`,
			holds: (value) => inRange(value, min, max),
		},
	);
}

function inRange(value: string, min: string, max: string): boolean {
	const length = tryDuration(value);
	return length !== undefined && length >= parseDuration(min) && length <= parseDuration(max);
}

/** An address block. */
export const cidr = withRules(text(49), {
	rule: 'isCIDR(self)',
	message: 'must be an address block in CIDR notation, such as 10.0.0.0/8 or fd00::/8',
	remedy: 'Write an IPv4 or IPv6 address, a slash and the number of prefix bits.',
	holds: isCidr,
});

/** A count or a share: `1`, `"25%"`. */
export const countOrPercent = withRules(
	z.union([integer(1, 1000), text(4)]).meta({ 'x-kubernetes-int-or-string': true }),
	{
		rule: "type(self) == int || string(self).matches('^([1-9][0-9]?|100)%$')",
		message: 'must be a whole number from 1, or a percentage from "1%" to "100%"',
		remedy: 'Write a number such as 1, or a percentage such as "25%".',
		holds: (value) => typeof value === 'number' || /^([1-9][0-9]?|100)%$/.test(value),
	},
);

/** An amount of CPU, memory or another resource. */
export const quantity = z
	.union(
		[integer(0, Number.MAX_SAFE_INTEGER), text(32, quantityPattern, 'an amount, such as 100m, 2, 128Mi or 1.5Gi')],
		{ error: ({ input }) => fractionOf(input) },
	)
	.meta({ 'x-kubernetes-int-or-string': true });

/** What is wrong with a fraction without quotes, which the API server takes for neither a whole number nor a text. */
function fractionOf(input: unknown): string | undefined {
	if (typeof input !== 'number' || Number.isInteger(input)) return undefined;
	const text = String(input);
	if (!isQuantity(text)) return `${mustBe}a whole number, or an amount such as 500m`;
	const same = canonicalQuantity(text);
	return `${mustBe}a whole number, or an amount in quotes: "${text}"${same === text ? '' : `, or ${same}, which is the same`}`;
}

/** A list; order counts, and one owner writes all of it. */
export function list<Item extends z.ZodType>(item: Item, max: number): z.ZodArray<Item> {
	return z.array(item).max(max).meta({ 'x-kubernetes-list-type': 'atomic' });
}

/** A list without duplicates. Several owners can each add entries to it. */
export function set<Item extends z.ZodType<string | number>>(item: Item, max: number): z.ZodArray<Item> {
	return z
		.array(item)
		.max(max)
		.check(unique((entry) => entry, 'the value'))
		.meta({ 'x-kubernetes-list-type': 'set' });
}

/** A list of objects with different `key`s. Several owners can each own their entry (server-side apply). */
export function listMap<Item extends z.ZodType<object>>(item: Item, key: string, max: number): z.ZodArray<Item> {
	return z
		.array(item)
		.max(max)
		.check(unique((entry) => (entry as Readonly<Record<string, unknown>> | null)?.[key], key))
		.meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': [key] });
}

/** The API server enforces the same by the list type, without a rule. */
function unique(keyOf: (entry: unknown) => unknown, what: string): z.core.CheckFn<unknown[]> {
	return ({ value, issues }) => {
		const seen = new Set<unknown>();
		for (const [index, entry] of value.entries()) {
			const key = keyOf(entry);
			if (key !== undefined && seen.has(key)) {
				issues.push({
					code: 'custom',
					input: entry,
					path: [index],
					message: `duplicate: another entry has ${what} ${JSON.stringify(key)} too`,
					params: { reason: 'Duplicate', remedy: 'Keep one of the two entries.' },
				});
			}
			seen.add(key);
		}
	};
}

/**
 * A map of at most `max` entries.
 * @param keys every key must match it
 * @param form describes `keys` in words
 */
export function map<Value extends z.ZodType>(
	value: Value,
	max: number,
	keys: RegExp,
	form: string,
): z.ZodRecord<z.ZodString, Value> {
	const schema = z
		.record(z.string(), value)
		.refine((entries) => Object.keys(entries).length <= max, { error: `must have at most ${max} entries` })
		.meta({ maxProperties: max });
	const rule: Rule<Record<string, unknown>> = {
		rule: `self.all(key, size(key) <= 317 && key.matches('${keys.source.replaceAll('\\', '\\\\')}'))`,
		message: `every key must be ${form}`,
		remedy: `Correct the keys: ${form}.`,
		holds: (entries) => Object.keys(entries).every((key) => key.length <= 317 && keys.test(key)),
	};
	return withRules(schema, rule as Rule<z.output<typeof schema>>);
}

const qualifiedName = /^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?[/])?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const qualifiedNameForm = 'a label key such as app or example.com/team';

const labelValue = z
	.string()
	.max(63)
	.regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, {
		error: 'must be a label value: at most 63 letters, digits, -, _ and ., with a letter or digit at both ends',
	});

/** Labels, or a selector by them. */
export const labels = map(labelValue, 64, qualifiedName, qualifiedNameForm);

export const annotations = map(z.string().max(4096), 64, qualifiedName, qualifiedNameForm);

/** An object whose fields this schema does not know. */
export const opaqueObject = z
	.record(z.string(), z.unknown())
	.meta({ type: 'object', 'x-kubernetes-preserve-unknown-fields': true });
