/**
 * Rules of `spec` that depend on whether Citadel is on: in releases that have a Citadel, it alone gives workloads
 * certificates. Newer ones give them always.
 */
import type { Rule } from './rules.ts';

/** Profiles that switch Citadel on when `citadel.enabled` is not set. */
export const profilesWithCitadel: readonly string[] = ['production'];

interface SecuritySpec {
	readonly version: string;
	readonly profile: string;
	readonly citadel?: { readonly enabled?: boolean };
	readonly mesh?: { readonly mtls?: { readonly mode?: string; readonly controlPlane?: boolean } };
}

const isOn = `(has(self.citadel) && has(self.citadel.enabled) ? self.citadel.enabled : self.profile in [${profilesWithCitadel.map((name) => `'${name}'`).join(', ')}])`;

/** Whether the release has a Citadel, which has to be switched on: those until 1.4. */
const withoutCitadel = `!self.version.matches('^1[.][0-4][.]')`;

function hasCitadel({ version }: SecuritySpec): boolean {
	return /^1\.[0-4]\./.test(version);
}

function isCitadelOn({ citadel, profile }: SecuritySpec): boolean {
	return citadel?.enabled ?? profilesWithCitadel.includes(profile);
}

const byProfile = `citadel.enabled is true in profile ${profilesWithCitadel.join(', ')} and false in others when not set`;

/** Rules of `spec`. `citadelFields` are the fields of `spec.citadel`. */
export function securityRules(citadelFields: readonly string[]): readonly Rule<SecuritySpec>[] {
	const settings = citadelFields.filter((name) => name !== 'enabled');
	return [
		{
			rule: `${withoutCitadel} || !has(self.mesh) || !has(self.mesh.mtls) || !has(self.mesh.mtls.mode) || self.mesh.mtls.mode == 'DISABLED' || ${isOn}`,
			message: `mesh.mtls.mode PERMISSIVE and STRICT need Citadel, which gives workloads their certificates (${byProfile})`,
			remedy: 'Set spec.citadel.enabled to true; or set spec.mesh.mtls.mode to DISABLED, or remove it.',
			at: 'mesh.mtls.mode',
			holds: (spec) => !hasCitadel(spec) || (spec.mesh?.mtls?.mode ?? 'DISABLED') === 'DISABLED' || isCitadelOn(spec),
		},
		{
			rule: `${withoutCitadel} || !has(self.mesh) || !has(self.mesh.mtls) || !has(self.mesh.mtls.controlPlane) || !self.mesh.mtls.controlPlane || ${isOn}`,
			message: `mesh.mtls.controlPlane needs Citadel, which gives Pilot, Mixer and proxies their certificates (${byProfile})`,
			remedy: 'Set spec.citadel.enabled to true, or spec.mesh.mtls.controlPlane to false.',
			at: 'mesh.mtls.controlPlane',
			holds: (spec) => !hasCitadel(spec) || spec.mesh?.mtls?.controlPlane !== true || isCitadelOn(spec),
		},
		{
			rule: `${withoutCitadel} || !has(self.citadel) || has(self.citadel.enabled) || self.profile in [${profilesWithCitadel.map((name) => `'${name}'`).join(', ')}] || ![${settings.map((name) => `has(self.citadel.${name})`).join(', ')}].exists(given, given)`,
			message: `citadel.enabled must be set beside any other field of citadel: Citadel would not run (${byProfile})`,
			remedy: 'Set spec.citadel.enabled to true; or to false, to keep the settings for later.',
			at: 'citadel.enabled',
			holds: (spec) =>
				!hasCitadel(spec) ||
				spec.citadel === undefined ||
				spec.citadel.enabled !== undefined ||
				profilesWithCitadel.includes(spec.profile) ||
				Object.keys(spec.citadel).length === 0,
		},
	];
}
