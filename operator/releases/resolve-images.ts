/** Where each image comes from. */
import type { ParsedSpec } from '../../api/v1/index.ts';
import type { ClassicRelease } from './release.ts';
import type { ResolvedImages } from './resolved.ts';

type ImageName = keyof NonNullable<NonNullable<ParsedSpec['images']>['digests']>;

/** `registry` is where images come from when the installation does not say. */
export function resolveImages(
	release: ClassicRelease,
	{ images = {}, version }: ParsedSpec,
	registry: string,
): ResolvedImages {
	const reference = (key: ImageName, image: string): string => {
		const name = `${images.registry ?? registry}/${image}`;
		const digest = images.digests?.[key];
		return digest === undefined ? `${name}:${images.tag ?? version}` : `${name}@${digest}`;
	};
	return {
		pilot: reference('pilot', release.pilot.image),
		mixer: reference('mixer', release.mixer.image),
		citadel: reference('citadel', release.citadel.image),
		sidecarInjector: reference('sidecarInjector', release.injector.image),
		proxy: reference('proxy', 'proxyv2'),
		proxyInit: reference('proxyInit', 'proxy_init'),
		pullPolicy: images.pullPolicy ?? 'IfNotPresent',
		pullSecrets: (images.pullSecrets ?? []).map((secret) => secret.name),
	};
}
