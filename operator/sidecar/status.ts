/** The annotation that says what was injected into a pod (istio 1.0-1.4 `pkg/kube/inject` SidecarInjectionStatus). */
import { annotations } from './annotations.ts';
import type { Named, PodMetadata } from './pod.ts';

/** The names of what was injected. */
export interface InjectionStatus {
	/** A hash of the template. */
	readonly version: string;
	readonly initContainers: readonly string[];
	readonly containers: readonly string[];
	readonly volumes: readonly string[];
	readonly imagePullSecrets: readonly string[];
}

const lists = ['initContainers', 'containers', 'volumes', 'imagePullSecrets'] as const;

/** The value of the annotation. Lists without entries are null in it. */
export function printStatus(
	version: string,
	added: Readonly<Record<(typeof lists)[number], readonly Named[]>>,
): string {
	const names = (entries: readonly Named[]) => (entries.length === 0 ? null : entries.map(({ name }) => name));
	return JSON.stringify({ version, ...Object.fromEntries(lists.map((list) => [list, names(added[list])])) });
}

/** What a pod says of an earlier injection. */
export type Earlier =
	| { readonly is: 'none' }
	/** The annotation names what was added. */
	| { readonly is: 'named'; readonly status: InjectionStatus }
	/** There is an annotation, but it names nothing. So nobody knows what in the pod is the user's own. */
	| { readonly is: 'unreadable' };

export function readStatus({ annotations: given = {} }: PodMetadata): Earlier {
	const text = Object.hasOwn(given, annotations.status) ? given[annotations.status] : undefined;
	if (text === undefined) return { is: 'none' };
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		if (error instanceof SyntaxError) return { is: 'unreadable' };
		throw error;
	}
	const fields = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
	const [initContainers = [], containers = [], volumes = [], imagePullSecrets = []] = lists.map((list) => {
		const names = fields[list];
		return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
	});
	return initContainers.length + containers.length + volumes.length + imagePullSecrets.length === 0
		? { is: 'unreadable' }
		: {
				is: 'named',
				status: { version: String(fields.version ?? ''), initContainers, containers, volumes, imagePullSecrets },
			};
}

/** The status of a pod into which nothing was injected. */
export const nothingInjected: InjectionStatus = {
	version: '',
	initContainers: [],
	containers: [],
	volumes: [],
	imagePullSecrets: [],
};
