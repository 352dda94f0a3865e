/** Paths into values, such as those of objects in a document. */
import { isRecord } from '../../runtime/object-shape.ts';

/** The steps into a value: names of fields and indexes of items. */
export type Path = readonly (string | number)[];

/** `spec.template.metadata.annotations[a/b]`. */
export function pathText(path: Path): string {
	return path
		.map((step, index) =>
			typeof step === 'number' || !/^[A-Za-z0-9_]+$/.test(step) ? `[${step}]` : index === 0 ? step : `.${step}`,
		)
		.join('');
}

/** Undefined when there is nothing. */
export function valueAt(value: unknown, path: Path): unknown {
	return path.reduce<unknown>((parent, step) => (isRecord(parent) ? parent[step] : undefined), value);
}

/** A copy of the value with a change at a path. Parts that are not on the path are the same objects. */
export function withValueAt(value: unknown, path: Path, change: (old: unknown) => unknown): unknown {
	const [step, ...rest] = path;
	if (step === undefined) {
		return change(value);
	}
	if (Array.isArray(value)) {
		return value.map((item, index) => (index === step ? withValueAt(item, rest, change) : item));
	}
	const fields = isRecord(value) ? value : {};
	return { ...fields, [step]: withValueAt(fields[step], rest, change) };
}
