/** Finds containers in places where nothing is injected, so that nobody thinks that they get a proxy. */
import { isRecord } from '../../runtime/object-shape.ts';
import { type Path, pathText } from './paths.ts';

/** At most this many places are told of one object. */
const mostPlaces = 3;

/**
 * Tells of them, in a sentence without its full stop.
 * @param title the object: `Workflow steps-`
 */
export function remarksOn(object: unknown, title: string): readonly string[] {
	const places = placesOfContainers(object);
	if (places.length === 0) return [];
	const shown = places.slice(0, mostPlaces).map(pathText).join(', ');
	const more = places.length > mostPlaces ? ` and ${places.length - mostPlaces} more` : '';
	return [
		`${title} is left as it is: it has containers in ${shown}${more}, and only pods in spec.template and spec.jobTemplate.spec.template, with containers that have names, are changed`,
	];
}

/** The places of everything that looks like containers. The reader of the text has bounded depth and size. */
function placesOfContainers(value: unknown, path: Path = []): readonly Path[] {
	if (Array.isArray(value)) return value.flatMap((item, index) => placesOfContainers(item, [...path, index]));
	if (!isRecord(value)) return [];
	return Object.entries(value).flatMap(([field, inside]): readonly Path[] => {
		const here = [...path, field];
		const isOne = field === 'container' && hasImage(inside);
		const areSeveral = field === 'containers' && Array.isArray(inside) && inside.some(hasImage);
		return isOne || areSeveral ? [here] : placesOfContainers(inside, here);
	});
}

function hasImage(value: unknown): boolean {
	return isRecord(value) && typeof value.image === 'string';
}
