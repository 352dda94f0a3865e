/** The sidecar injector of the classic line: how it is started and what it puts into pods, per release. */
import type { ComponentRelease, Minor } from './release.ts';

export interface InjectorRelease extends ComponentRelease {}

const common = {
	image: 'sidecar_injector',
	flags: [],
	resources: { requests: { cpu: '100m', memory: '64Mi' } },
} as const satisfies InjectorRelease;

export const injectorReleases: Readonly<Record<Minor, InjectorRelease>> = {
	'1.0': common,
	'1.1': common,
	'1.2': common,
	'1.3': common,
	'1.4': common,
};
