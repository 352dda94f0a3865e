/** Holds the spec of a user's Istio object against the fields of its kind. */
import { isObject, parseDuration } from '../../../../api/v1/index.ts';
import type { ObjectFinding } from '../../object-check.ts';
import { compareMinor, type Minor } from '../minors.ts';
import { type FieldShape, fieldOfAnyMinor, fieldsOf, valuesOf } from './fields.ts';

interface Place {
	readonly minor: Minor;
	/** From the root of the object. */
	readonly path: string;
}

/**
 * All fields that the message does not have, and all values of another form. jsonpb takes a field by its name in lower camel
 * case or as the protocol buffer has it, and null for nothing.
 */
export function checkMessage(message: string, value: unknown, place: Place): readonly ObjectFinding[] {
	if (value === null || value === undefined) return [];
	if (!isObject(value)) return [mistake(place, 'must be an object')];
	const fields = fieldsOf(message, place.minor);
	return Object.entries(value).flatMap(([name, entry]) => {
		const path = `${place.path}.${name}`;
		const field = fields.get(camelCase(name));
		return field === undefined
			? [unknownField(message, name, { ...place, path }, [...fields.keys()])]
			: checkShape(field.shape, entry, { ...place, path });
	});
}

function checkShape(shape: FieldShape, value: unknown, place: Place): readonly ObjectFinding[] {
	if (value === null) return [];
	switch (shape.is) {
		case 'text':
			return expect(typeof value === 'string', place, 'must be text: put it into quotes');
		case 'truth':
			return expect(typeof value === 'boolean', place, 'must be true or false, without quotes');
		case 'number':
			return expect(isNumber(value), place, 'must be a number');
		case 'duration':
			return expect(isDuration(value), place, 'must be a duration such as 5s');
		case 'object':
			return expect(isObject(value), place, 'must be an object');
		case 'any':
			return [];
		case 'enum': {
			const values = valuesOf(shape.name, place.minor);
			return expect(
				typeof value === 'number' || values.includes(String(value)),
				place,
				`must be one of ${values.join(', ')}`,
			);
		}
		case 'list':
			return Array.isArray(value)
				? value.flatMap((item, index) => checkShape(shape.of, item, at(place, `[${index}]`)))
				: [mistake(place, 'must be a list')];
		case 'map':
			return isObject(value)
				? Object.entries(value).flatMap(([key, item]) => checkShape(shape.of, item, at(place, `[${key}]`)))
				: [mistake(place, 'must be an object')];
		case 'message':
			return checkMessage(shape.name, value, place);
	}
}

function at(place: Place, end: string): Place {
	return { ...place, path: `${place.path}${end}` };
}

function expect(holds: boolean, place: Place, words: string): readonly ObjectFinding[] {
	return holds ? [] : [mistake(place, words)];
}

/** Pilot can't read the object then, and goes on as if it were not there. */
function mistake({ path }: Place, words: string): ObjectFinding {
	return { path, message: `${path} ${words}`, effect: 'ignored' };
}

function unknownField(message: string, name: string, { path, minor }: Place, known: readonly string[]): ObjectFinding {
	const other = fieldOfAnyMinor(message, camelCase(name));
	const noun = message.slice(message.lastIndexOf('.') + 1);
	const near = known.find((one) => isNear(one, camelCase(name)));
	const words =
		other !== undefined
			? compareMinor(minor, other.first) < 0
				? `came with Istio ${other.first}`
				: `went after Istio ${other.last}`
			: `is no field of ${noun}${near === undefined ? `, which has ${known.join(', ')}` : `: write ${near}`}`;
	// 1.0 parses strictly; later releases try again without what they do not know (`pilot/pkg/model/conversion.go`).
	return { path, message: `${path} ${words}`, effect: minor === '1.0' ? 'ignored' : 'withoutField' };
}

function camelCase(name: string): string {
	return name.replaceAll(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** Whether two names differ by their case, an `s` at the end, or one character that is missing, added, wrong or moved. */
function isNear(a: string, b: string): boolean {
	const [x, y] = [a.toLowerCase(), b.toLowerCase()];
	if (x === y || `${x}s` === y || `${y}s` === x) return true;
	if (Math.abs(x.length - y.length) > 1) return false;
	let start = 0;
	while (start < x.length && x[start] === y[start]) start++;
	let end = 0;
	while (end < Math.min(x.length, y.length) - start && x.at(-1 - end) === y.at(-1 - end)) end++;
	const [middle, other] = [x.slice(start, x.length - end), y.slice(start, y.length - end)];
	return Math.max(middle.length, other.length) <= 1 || [...middle].reverse().join('') === other;
}

function isNumber(value: unknown): boolean {
	return typeof value === 'number' || (typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value));
}

function isDuration(value: unknown): boolean {
	if (typeof value !== 'string') return false;
	try {
		parseDuration(value.replace(/^-/, ''));
		return true;
	} catch {
		return false;
	}
}
