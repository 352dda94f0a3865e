/** Measures how long the operator writes for installations: until the last object is stored, and the last status. */
import type { KubeObject } from '../../operator/runtime/object.ts';
import { type Stage, until } from './stage.ts';

/** When nothing was written for this time, the operator has come to the end. */
const silenceMs = 500;

/**
 * Creates installations at once. Resolves with the milliseconds from the acknowledgement of the first one until the last
 * write for any of them, when all objects are stored and nothing more is written.
 * @param children how many objects of these installations have to be stored, namespaces not counted
 */
export async function timeInstallations(
	{ user, seen }: Stage,
	installations: readonly KubeObject[],
	children: number,
): Promise<number> {
	const names = new Set(installations.map(({ metadata }) => metadata.name));
	const stored = new Set<string>();
	let [acknowledgedAt, writtenAt] = [0, 0];
	const offs = [
		seen.onChild(({ type, key, current }) => {
			// The caches of all kinds report a namespace, and it belongs to no installation.
			if (type === 'deleted' || current.kind === 'Namespace' || !names.has(current.instance ?? '')) return;
			stored.add(key);
			writtenAt = performance.now();
		}),
		seen.onInstallation(({ type, current }) => {
			if (type !== 'deleted' && names.has(current.metadata.name)) writtenAt = performance.now();
		}),
	];
	try {
		await Promise.all(
			installations.map(async (object) => {
				await user.create(object, { fieldManager: 'user' });
				acknowledgedAt ||= performance.now();
			}),
		);
		const isDone = () =>
			stored.size >= children &&
			performance.now() - writtenAt > silenceMs &&
			[...names].every((name) => seen.installations.get(name)?.status !== undefined);
		await until(`${children} objects and the status of all installations are stored`, isDone);
	} finally {
		for (const off of offs) off();
	}
	return writtenAt - acknowledgedAt;
}
