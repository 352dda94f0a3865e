/** What `install` is told on the command line about the rights of the operator. */
import { InvalidArgumentError } from 'commander';
import { addedParts } from '../plan/rights.ts';
import { label } from './program-options.ts';

/** What `--with` adds. */
export const addedComponents = addedParts;

export type AddedComponent = (typeof addedComponents)[number];

/** In `--mesh-namespaces`: meshes in any namespace. */
export const anyNamespace = '*';

/** Reads names of namespaces. */
export function meshNamespaceNames(text: string): readonly string[] {
	const names = listOf(text);
	return names.includes(anyNamespace) ? [anyNamespace] : names.map(label);
}

/** Reads names of components. */
export function componentNames(text: string): readonly AddedComponent[] {
	return listOf(text).map((name) => {
		const found = addedComponents.find((component) => component === name);
		if (found === undefined) throw new InvalidArgumentError(`Choose from ${addedComponents.join(', ')}.`);
		return found;
	});
}

function listOf(text: string): readonly string[] {
	const names = [...new Set(text.split(',').map((name) => name.trim()))].filter((name) => name !== '');
	if (names.length === 0) throw new InvalidArgumentError('It must name at least one.');
	return names;
}
