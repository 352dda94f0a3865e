/**
 * Reads references of images as container runtimes do (`github.com/distribution/reference` v0.6 `normalize.go`), to say
 * which registry one comes from.
 */

const defaultDomain = 'docker.io';
const segment = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/;
const domain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*(:[0-9]{1,5})?$/;

/**
 * The domain and the path of a registry, `docker.io/istio`, or of an image without tag and digest. Undefined when no
 * runtime would read it, or when it has capital letters, which name another host or nothing.
 */
export function registryParts(text: string): readonly [domain: string, ...path: readonly string[]] | undefined {
	const [first = '', ...rest] = text.split('/');
	const hasDomain = first.includes('.') || first.includes(':') || first === 'localhost';
	const host = !hasDomain || first === 'index.docker.io' ? defaultDomain : first;
	const path = hasDomain ? rest : [first, ...rest];
	return domain.test(host) && path.every((part) => segment.test(part)) ? [host, ...path] : undefined;
}

/** Whether an image comes from one of these registries: by whole segments, so `docker.io/istio` is not `docker.io/istio-x`. */
export function comesFrom(image: string, registries: readonly string[]): boolean {
	const [withTag = ''] = image.split('@');
	const slash = withTag.lastIndexOf('/');
	const colon = withTag.lastIndexOf(':');
	const parts = registryParts(colon > slash ? withTag.slice(0, colon) : withTag);
	// A name alone, `pilot`, is docker.io/library/pilot.
	const full = parts?.length === 2 && parts[0] === defaultDomain ? [defaultDomain, 'library', parts[1]] : parts;
	return (
		full !== undefined &&
		full.length > 1 &&
		registries.some((registry) => {
			const prefix = registryParts(registry);
			return prefix?.every((part, index) => full[index] === part) === true && prefix.length < full.length;
		})
	);
}
