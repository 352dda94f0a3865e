/**
 * Lets a cluster have one Citadel for all namespaces. A Citadel writes the Secrets of every namespace, and replaces each
 * whose root is not its own. So two would overwrite each other's for ever (istio 1.0-1.4 `scrtUpdated` in `security/pkg`),
 * unless each has its own namespaces.
 */
import { fieldsOf, isSince } from '../../../api/v1/index.ts';
import { profilesWithCitadel } from '../../../api/v1/schema/security.ts';
import type { Exclusive } from '../rivalry.ts';

/** The Citadel that serves all namespaces, as something that only one mesh can have. */
export const citadelOfAllNamespaces: Exclusive = { asks: servesAllNamespaces, taken: citadelTaken };

/**
 * Whether the Citadel that a spec asks for serves all namespaces. The spec is read without trust, because the installation
 * may be invalid.
 */
export function servesAllNamespaces(spec: unknown): boolean {
	const { citadel, profile, version } = fieldsOf(spec);
	const { enabled, extraArgs, env } = fieldsOf(citadel);
	const isOn =
		typeof enabled === 'boolean' ? enabled : typeof profile === 'string' && profilesWithCitadel.includes(profile);
	// Later releases have no Citadel.
	if (typeof version === 'string' && isSince(version, '1.5')) return false;
	const knowsLabels = typeof version === 'string' && isSince(version, '1.3');
	return isOn && !namesNamespaces(extraArgs) && !(knowsLabels && waitsForLabels(env));
}

/** Whether a flag names namespaces: `--listened-namespaces=a,b`, in 1.0 `--listened-namespace=a`. */
function namesNamespaces(extraArgs: unknown): boolean {
	return listOf(extraArgs).some((arg) => typeof arg === 'string' && /^--?listened-namespaces?(=.|$)/.test(arg));
}

/**
 * Whether Citadel serves only namespaces with its label. Since 1.3 labels say which Citadel serves a namespace, and this
 * variable says whether it serves one without labels.
 */
function waitsForLabels(env: unknown): boolean {
	return listOf(env)
		.map(fieldsOf)
		.some(({ name, value }) => name === 'CITADEL_ENABLE_NAMESPACES_BY_DEFAULT' && value === 'false');
}

/**
 * The problem of the younger of two installations.
 * @param winner name of the older one
 */
export function citadelTaken(winner: string): ReturnType<Exclusive['taken']> {
	return {
		path: 'spec.citadel',
		reason: 'CitadelTaken',
		message: `the Citadel of the older MeshInstallation ${winner} serves all namespaces already; two would overwrite each other's certificates`,
		remedy:
			'Set spec.citadel.enabled to false, or give each Citadel namespaces of its own by --listened-namespaces in spec.citadel.extraArgs (--listened-namespace in Istio 1.0).',
	};
}

function listOf(value: unknown): readonly unknown[] {
	return Array.isArray(value) ? value : [];
}
