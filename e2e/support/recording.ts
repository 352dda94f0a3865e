/** Every version that an object goes through, by a watch: what a poll would miss between two looks. */
import type { ApiServer } from '../../operator/runtime/client/api-server.ts';
import { type Kind, kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { openWatch } from '../../operator/runtime/watch/watch-stream.ts';
import { eventually } from './eventually.ts';

export interface Recording<T extends KubeObject> {
	/** All versions so far, the first as it was when recording began. Deletions are left out. */
	readonly versions: readonly T[];
	/** Waits until the version that the API server has now is among them, or that it has none any more, and ends the recording. */
	readonly stop: () => Promise<readonly T[]>;
}

/** Records one object, also when it does not exist yet or is made anew. */
export async function record<T extends KubeObject>(
	api: ApiServer,
	kind: Kind,
	{ name, namespace }: { readonly name: string; readonly namespace?: string },
): Promise<Recording<T>> {
	const options = { fieldSelector: `metadata.name=${name}`, ...(namespace === undefined ? {} : { namespace }) };
	const { items, resourceVersion } = await api.list<T>(kind, options);
	const versions: T[] = [...items];
	let isGone = items.length === 0;
	let failure: Error | undefined;
	const watch = openWatch(
		api,
		kind,
		{ ...options, resourceVersion, timeoutSeconds: 600 },
		{
			opened: () => undefined,
			event: (event) => {
				if (event.type === 'bookmark') return;
				isGone = event.type === 'deleted';
				if (!isGone) versions.push(event.object as T);
			},
			ended: (end) => {
				failure = 'error' in end ? end.error : new Error('the API server ended the watch');
			},
		},
	);
	const stop = async () => {
		try {
			await eventually(`the recording of ${kind.kind} ${name} is complete`, async () => {
				if (failure !== undefined) throw failure;
				const [current] = (await api.list<T>(kind, options)).items;
				if (current === undefined || isGone) return current === undefined && isGone;
				return current.metadata.resourceVersion === versions.at(-1)?.metadata.resourceVersion;
			});
		} finally {
			watch.close();
		}
		return versions;
	};
	return { versions, stop };
}

/** Records a MeshInstallation. */
export function recordInstallation<T extends KubeObject>(api: ApiServer, name: string): Promise<Recording<T>> {
	return record<T>(api, kinds.MeshInstallation, { name });
}
