/** Decides where each image comes from. */
import type { ParsedSpec } from '../../../api/v1/index.ts';
import type { ReleaseProblem } from '../problem.ts';
import type { Minor } from './minors.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedImages } from './resolved.ts';

type ImageName = keyof NonNullable<NonNullable<ParsedSpec['images']>['digests']>;

/** The image of Envoy and its agent. */
const proxyImage = 'proxyv2';

/** The image of the init container that redirects a pod's traffic. From 1.4 on it is the proxy's own image. */
export const initImages: Readonly<Record<Minor, string>> = {
	'1.0': 'proxy_init',
	'1.1': 'proxy_init',
	'1.2': 'proxy_init',
	'1.3': 'proxy_init',
	'1.4': proxyImage,
};

/**
 * Refuses a digest of an image that the release does not have. A digest of a component that is not installed is fine:
 * installations of different components share files with all digests of a release.
 */
export function checkImages(release: ClassicRelease, { images }: ParsedSpec): readonly ReleaseProblem[] {
	if (images?.digests?.proxyInit === undefined || initImages[release.minor] !== proxyImage) {
		return [];
	}
	const path = 'spec.images.digests.proxyInit';
	return [
		{
			path,
			reason: 'FieldNotInRelease',
			message: `${path} is for an image that ${release.version} does not have: its init container runs the image of the proxy`,
			remedy: `Remove ${path}; spec.images.digests.proxy is used.`,
		},
	];
}

/** @param registry used when the installation names none */
export function resolveImages(
	release: ClassicRelease,
	{ images = {}, version }: ParsedSpec,
	registry: string,
): ResolvedImages {
	const reference = (key: ImageName, image: string, tag = images.tag ?? version): string => {
		const name = `${images.registry ?? registry}/${image}`;
		const digest = images.digests?.[key];
		return digest === undefined ? `${name}:${tag}` : `${name}@${digest}`;
	};
	const initImage = initImages[release.minor];
	return {
		pilot: reference('pilot', release.pilot.image),
		mixer: reference('mixer', release.mixer.image),
		citadel: reference('citadel', release.citadel.image),
		sidecarInjector: reference('sidecarInjector', release.injector.image, release.injector.tag),
		proxy: reference('proxy', proxyImage),
		proxyInit: reference(initImage === proxyImage ? 'proxy' : 'proxyInit', initImage),
		pullPolicy: images.pullPolicy ?? 'IfNotPresent',
		pullSecrets: (images.pullSecrets ?? []).map((secret) => secret.name),
	};
}
