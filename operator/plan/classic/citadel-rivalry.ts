/**
 * A Citadel writes the Secrets of every namespace, and replaces each whose root is not its own: two would overwrite each
 * other's for ever (istio 1.0-1.4 `scrtUpdated` in `security/pkg`). So a cluster has one, or each has namespaces of its own.
 */
import { isSince } from '../../../api/v1/index.ts';
import { profilesWithCitadel } from '../../../api/v1/schema/security.ts';
import type { Exclusive } from '../rivalry.ts';

/** The Citadel that serves all namespaces. */
export const citadelOfAllNamespaces: Exclusive = { asks: servesAllNamespaces, taken: citadelTaken };

/** Whether the Citadel that a spec asks for serves all namespaces. The spec is read without trust: it may be of an installation that is invalid. */
export function servesAllNamespaces(spec: unknown): boolean {
	const { citadel, profile, version } = fieldsOf(spec);
	const { enabled, extraArgs, env } = fieldsOf(citadel);
	const isOn =
		typeof enabled === 'boolean' ? enabled : typeof profile === 'string' && profilesWithCitadel.includes(profile);
	const knowsLabels = typeof version === 'string' && isSince(version, '1.3');
	return isOn && !namesNamespaces(extraArgs) && !(knowsLabels && waitsForLabels(env));
}

/** `--listened-namespaces=a,b`, in 1.0 `--listened-namespace=a`. */
function namesNamespaces(extraArgs: unknown): boolean {
	return listOf(extraArgs).some((arg) => typeof arg === 'string' && /^--?listened-namespaces?(=.|$)/.test(arg));
}

/** Since 1.3 labels of a namespace say which Citadel serves it, and this whether one without labels is served. */
function waitsForLabels(env: unknown): boolean {
	return listOf(env)
		.map(fieldsOf)
		.some(({ name, value }) => name === 'CITADEL_ENABLE_NAMESPACES_BY_DEFAULT' && value === 'false');
}

/** What the younger of two installations is told. `winner` is the name of the older one. */
export function citadelTaken(winner: string): ReturnType<Exclusive['taken']> {
	return {
		path: 'spec.citadel',
		reason: 'CitadelTaken',
		message: `the Citadel of the older MeshInstallation ${winner} serves all namespaces already; two would overwrite each other's certificates`,
		remedy:
			'Set spec.citadel.enabled to false, or give each Citadel namespaces of its own by --listened-namespaces in spec.citadel.extraArgs (--listened-namespace in Istio 1.0).',
	};
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
	return typeof value === 'object' && value !== null && !Array.isArray(value)
		? (value as Readonly<Record<string, unknown>>)
		: {};
}

function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}
