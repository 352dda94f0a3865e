/**
 * Who uses a revision: namespaces that ask for it, and proxies that it made. Whatever nobody knows counts as use elsewhere,
 * see `prune.ts`. Pure.
 */
import { defaultRevision, injectionLabel, podInjectionKey, revisionLabel } from '../../../api/v1/index.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * The revision or tag that pods of a namespace with these labels ask for. The older label goes first (istio 1.30
 * `istio-discovery/templates/mutatingwebhook.yaml`).
 */
export function askedByNamespace(labels: Labels): string | undefined {
	const injection = labels[injectionLabel];
	if (injection === 'enabled') return defaultRevision;
	return injection === undefined ? labels[revisionLabel] : undefined;
}

/** The revision or tag that a pod with these labels asks for by itself. */
export function askedByPod(labels: Labels): string | undefined {
	const wish = labels[podInjectionKey];
	if (wish === 'false') return undefined;
	return labels[revisionLabel] ?? (wish === 'true' ? defaultRevision : undefined);
}

/** Of proxies of which nobody keeps what made them: each revision may have. */
export const anyRevision = '*';

/** Proxies that are alike. */
export interface UsingProxies {
	/** The revision that made them, or the revision or tag that their pod asks for. Undefined when the pod says neither. */
	readonly revision?: string | undefined;
	readonly count?: number | undefined;
}

export interface UsageInput {
	/** Names of the revisions. */
	readonly revisions: readonly string[];
	/** The revision of each tag, `default` included. */
	readonly tags: ReadonlyMap<string, string>;
	/** Labels of each namespace. */
	readonly namespaces: Iterable<Labels>;
	readonly proxies: Iterable<UsingProxies>;
}

export interface Usage {
	readonly namespaces: number;
	readonly proxies: number;
}

/** The use of each revision. Proxies that say nothing use the default revision. */
export function usageOf({ revisions, tags, namespaces, proxies }: UsageInput): ReadonlyMap<string, Usage> {
	const known = new Set(revisions);
	const byRevision = new Map(revisions.map((name) => [name, { namespaces: 0, proxies: 0 }]));
	const of = (asked: string | undefined) => {
		if (asked === undefined) return undefined;
		// A tag has no name of a revision, but for `default`: who asks for that asks for what it stands for.
		const name = tags.get(asked) ?? (known.has(asked) ? asked : undefined);
		return name === undefined ? undefined : byRevision.get(name);
	};
	for (const labels of namespaces) {
		const use = of(askedByNamespace(labels));
		if (use !== undefined) use.namespaces += 1;
	}
	for (const { revision = defaultRevision, count = 1 } of proxies) {
		if (revision === anyRevision) for (const use of byRevision.values()) use.proxies += count;
		// What a proxy was made by is a revision, never a tag.
		const use = byRevision.get(revision) ?? of(revision);
		if (use !== undefined) use.proxies += count;
	}
	return byRevision;
}
