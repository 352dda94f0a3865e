/** Which images rendered objects run. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { isObject } from '../../api/v1/index.ts';
import type { KubeObject } from '../runtime/object.ts';

export interface UsedImage {
	readonly image: string;
	/** Who runs it: `Deployment istio-pilot`. */
	readonly by: string;
}

/** Every image of the pods of all workloads, those that are mounted as volumes included. */
export function imagesOf(objects: readonly KubeObject[]): readonly UsedImage[] {
	return objects.flatMap((object) => {
		const spec = at(object, 'spec', 'template', 'spec');
		const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) => listAt(spec, list));
		const images = [
			...containers.map((container) => at(container, 'image')),
			...listAt(spec, 'volumes').flatMap((volume) => {
				const reference = at(volume, 'image', 'reference');
				return reference === undefined ? [] : [reference];
			}),
		];
		return images.map((image) => ({ image: String(image), by: `${object.kind} ${object.metadata.name}` }));
	});
}

/**
 * The ConfigMaps whose content differs. The injector makes pods of such text, and nobody can see beforehand which images
 * these will have.
 */
export function changedConfigMaps(before: readonly KubeObject[], after: readonly KubeObject[]): readonly string[] {
	return after.flatMap((object, index) => {
		const was = before[index];
		const isSame = ['data', 'binaryData'].every((field) => isDeepStrictEqual(at(was, field), at(object, field)));
		return object.kind !== 'ConfigMap' || isSame ? [] : [object.metadata.name];
	});
}

function at(value: unknown, ...path: readonly string[]): unknown {
	return path.reduce<unknown>(
		(parent, part) => (isObject(parent) && Object.hasOwn(parent, part) ? parent[part] : undefined),
		value,
	);
}

function listAt(value: unknown, field: string): readonly unknown[] {
	const list = at(value, field);
	return Array.isArray(list) ? list : [];
}
