/** Checks `spec.mesh.config` field by field against what the release knows. Names every problem. */
import { isObject, type ParsedSpec, parseDuration } from '../../../api/v1/index.ts';
import { laterField, unknownField, wrongValue } from '../mesh-config-problems.ts';
import { child, type ReleaseProblem } from '../problem.ts';
import { meshConfigFields, proxyConfigFields } from './mesh-config-fields.ts';
import type { Field, Fields, Refusal, Shape } from './mesh-config-shapes.ts';
import { compareMinor, type Minor, minors } from './minors.ts';
import type { ClassicRelease } from './release.ts';

/**
 * All problems of a value for the mesh configuration of a release.
 * @param path where the value is in the MeshInstallation
 */
export function checkMeshConfig(
	release: ClassicRelease,
	config: Readonly<Record<string, unknown>>,
	path = 'spec.mesh.config',
): readonly ReleaseProblem[] {
	return checkFields(release, meshConfigFields, config, path);
}

/**
 * All problems of settings that have a field of their own in the MeshInstallation, and that this release does not know or
 * does not read: `spec.mesh.trustDomain` for Istio 1.0, for example. The tables say which setting becomes which field.
 */
export function checkSettings(release: ClassicRelease, spec: ParsedSpec): readonly ReleaseProblem[] {
	const fields = [...Object.values(meshConfigFields), ...Object.values(proxyConfigFields)];
	const ignored = [...new Set(fields.flatMap(settingsOf))]
		.filter((path) => at(spec, path) !== undefined)
		.map((path) => ({ path, minors: minorsThatRead(fields, path) }))
		.filter((setting) => !setting.minors.includes(release.minor))
		.map(
			(setting): ReleaseProblem => ({
				path: setting.path,
				reason: 'FieldNotInRelease',
				message: `${setting.path} has no effect in Istio ${release.version}`,
				remedy: `Leave it out, or install a release that reads it: ${setting.minors.join(', ')}.`,
			}),
		);
	return [...ignored, ...checkTracers(spec)];
}

/** Paths of the settings that a field is made from. */
function settingsOf(field: Field): readonly string[] {
	return (field.refused ?? []).flatMap((refusal) => (refusal.why === 'ownField' ? [refusal.field] : []));
}

/** Whether a minor parses a field and its code reads it. */
export function isRead(field: Field, minor: Minor): boolean {
	return (
		isKnown(field, minor) &&
		!field.refused?.some(
			({ why, from }) => why === 'noEffect' && (from === undefined || compareMinor(from, minor) <= 0),
		)
	);
}

function minorsThatRead(fields: readonly Field[], path: string): readonly Minor[] {
	return minors.filter((minor) => fields.some((field) => settingsOf(field).includes(path) && isRead(field, minor)));
}

function at(spec: ParsedSpec, path: string): unknown {
	return path
		.split('.')
		.slice(1)
		.reduce<unknown>((value, name) => (isObject(value) ? value[name] : undefined), spec);
}

/** Refuses a second tracer, because proxies send spans to one place. */
function checkTracers({ mesh }: ParsedSpec): readonly ReleaseProblem[] {
	const path = 'spec.mesh.config.defaultConfig.tracing';
	const proxyConfig = mesh?.config?.defaultConfig;
	const tracing = isObject(proxyConfig) ? proxyConfig.tracing : undefined;
	const tracers = isObject(tracing) ? Object.keys(tracing) : [];
	const all = [...(mesh?.tracing?.zipkin === undefined ? [] : ['spec.mesh.tracing.zipkin']), ...tracers];
	return tracers.length > 0 && all.length > 1
		? [
				{
					path,
					reason: 'Invalid',
					message: `${path} must name one tracer, not ${all.length} (${all.join(', ')})`,
					remedy: 'Keep one of them.',
				},
			]
		: [];
}

/** Whether a minor parses a field. */
export function isKnown(field: Field, minor: Minor): boolean {
	return compareMinor(field.first, minor) <= 0;
}

function checkFields(
	release: ClassicRelease,
	fields: Fields,
	value: Readonly<Record<string, unknown>>,
	path: string,
): readonly ReleaseProblem[] {
	return Object.entries(value).flatMap(([name, entry]) => {
		const here = child(path, name);
		const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
		if (field === undefined) return [unknownField(release.version, Object.keys(fields), name, here)];
		if (!isKnown(field, release.minor)) return [laterField(release.version, field.first, here)];
		const refusal = field.refused?.find(({ from }) => from === undefined || compareMinor(from, release.minor) <= 0);
		if (refusal !== undefined && !(refusal.why === 'operator' && refusal.only === entry)) {
			return [refused(release, refusal, here)];
		}
		return checkShape(release, field.shape, entry, here);
	});
}

function refused(release: ClassicRelease, refusal: Refusal, path: string): ReleaseProblem {
	switch (refusal.why) {
		case 'ownField':
			return {
				path,
				reason: 'Invalid',
				message: `${path} has a field of its own, ${refusal.field}`,
				remedy: `Set ${refusal.field} instead.`,
			};
		case 'operator':
			return {
				path,
				reason: 'Invalid',
				message: `${path} must not be set: ${refusal.because}`,
				remedy: refusal.remedy,
			};
		case 'noEffect':
			return {
				path,
				reason: 'FieldNotInRelease',
				message: `${path} has no effect in Istio ${release.version}: ${refusal.because}`,
				remedy: refusal.remedy,
			};
	}
}

function checkShape(release: ClassicRelease, shape: Shape, value: unknown, path: string): readonly ReleaseProblem[] {
	switch (shape.is) {
		case 'text':
			return expect(typeof value === 'string' && value !== '', path, 'a text that is not empty');
		case 'boolean':
			return expect(typeof value === 'boolean', path, 'true or false');
		case 'integer':
			return expect(
				Number.isInteger(value) && Number(value) >= shape.min && Number(value) <= shape.max,
				path,
				`a whole number from ${shape.min} to ${shape.max}`,
			);
		case 'duration':
			return expect(
				isDuration(value, shape),
				path,
				`a duration from ${shape.min} to ${shape.max}, such as 45s or 1m0s`,
			);
		case 'address':
			return expect(isAddress(value), path, 'host:port, such as collector.tracing:9411');
		case 'one of':
			return expect(shape.values.includes(value as string), path, `one of ${shape.values.join(', ')}`);
		case 'list':
			return Array.isArray(value)
				? value.flatMap((item, index) => checkShape(release, shape.of, item, `${path}[${index}]`))
				: expect(false, path, 'a list');
		case 'map':
			return isObject(value)
				? Object.entries(value).flatMap(([key, item]) => checkShape(release, shape.of, item, child(path, key)))
				: expect(false, path, 'an object');
		case 'fields':
			return isObject(value) ? checkFields(release, shape.fields, value, path) : expect(false, path, 'an object');
	}
}

function expect(holds: boolean, path: string, what: string): readonly ReleaseProblem[] {
	return holds ? [] : [wrongValue(path, what)];
}

/** `host:port` with a name or an IP address; IPv6 in brackets. */
function isAddress(value: unknown): boolean {
	const [, , bracketed, port] =
		/^([a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[([0-9a-fA-F:.]+)\]):([0-9]{1,5})$/.exec(
			typeof value === 'string' ? value : '',
		) ?? [];
	return port !== undefined && Number(port) >= 1 && Number(port) <= 65535 && bracketed !== '';
}

function isDuration(value: unknown, { min, max }: { readonly min: string; readonly max: string }): boolean {
	if (typeof value !== 'string') {
		return false;
	}
	try {
		const length = parseDuration(value);
		return length >= parseDuration(min) && length <= parseDuration(max);
	} catch (error) {
		if (error instanceof RangeError) {
			return false;
		}
		throw error;
	}
}
