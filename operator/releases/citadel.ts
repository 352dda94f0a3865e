/** Citadel of the classic line: how the certificate authority is started, per release. */
import type { ComponentRelease, Minor } from './release.ts';

export interface CitadelRelease extends ComponentRelease {}

const common = {
	image: 'citadel',
	flags: [],
	resources: { requests: { cpu: '10m', memory: '64Mi' } },
} as const satisfies CitadelRelease;

export const citadelReleases: Readonly<Record<Minor, CitadelRelease>> = {
	'1.0': common,
	'1.1': common,
	'1.2': common,
	'1.3': common,
	'1.4': common,
};
