/** Checks `spec.mesh.config` field by field against what the release knows. Names every problem. */
import { isObject, tryDuration } from '../../../api/v1/index.ts';
import data from '../../../crds/istio/mesh-config.json' with { type: 'json' };
import { laterField, unknownField, wrongValue } from '../mesh-config-problems.ts';
import { child, type ReleaseProblem } from '../problem.ts';
import { isSince, type Minor } from './minors.ts';
import type { IstiodRelease } from './release.ts';

/** Fields of messages by their JSON names: `list string`, `map Topology`, `enum X`, each with `since 1.31` or without. */
const messages: Readonly<Record<string, Readonly<Record<string, string>>>> = data.messages;
const enums: Readonly<Record<string, readonly string[]>> = data.enums;

/** Fields of the mesh configuration that have a place of their own in a MeshInstallation, or that the operator decides. */
const elsewhere: Readonly<Record<string, string>> = {
	accessLogEncoding: 'Set spec.mesh.accessLog.encoding instead.',
	accessLogFile: 'Set spec.mesh.accessLog.file instead.',
	connectTimeout: 'Set spec.proxy.connectTimeout instead.',
	enableTracing: 'Set spec.mesh.tracing.enabled instead.',
	outboundTrafficPolicy: 'Set spec.mesh.outboundTraffic instead.',
	rootNamespace: 'Remove it: it is the namespace of the mesh.',
	trustDomain: 'Set spec.mesh.trustDomain instead.',
	'defaultConfig.concurrency': 'Set spec.proxy.concurrency instead.',
	'defaultConfig.discoveryAddress': 'Remove it: it follows from the namespace of the mesh.',
	'defaultConfig.drainDuration': 'Set spec.proxy.drainDuration instead.',
	'defaultConfig.interceptionMode': 'Set spec.proxy.interceptionMode instead.',
	'defaultConfig.proxyAdminPort': 'Set spec.proxy.adminPort instead.',
	'defaultConfig.serviceCluster': 'Set spec.proxy.serviceCluster instead.',
	'defaultConfig.statsdUdpAddress': 'Set spec.mesh.statsd.address instead.',
	// Pods' probes and what istiod makes of them name the same port.
	'defaultConfig.statusPort': 'Remove it: it is 15020.',
	'defaultConfig.zipkinAddress': 'Set spec.mesh.tracing.zipkin.address instead.',
	// Programs and files of the proxy's own image.
	'defaultConfig.binaryPath': 'Remove it: the image of the proxy decides it.',
	'defaultConfig.configPath': 'Remove it: the image of the proxy decides it.',
	'defaultConfig.customConfigFile': 'Remove it: the image of the proxy decides it.',
	'defaultConfig.proxyBootstrapTemplatePath': 'Remove it: the image of the proxy decides it.',
};

const root = 'spec.mesh.config';

/** All problems of a value for the mesh configuration of a release. */
export function checkMeshConfig(
	release: IstiodRelease,
	config: Readonly<Record<string, unknown>>,
): readonly ReleaseProblem[] {
	return checkMessage(release, 'MeshConfig', config, root);
}

function checkMessage(
	release: IstiodRelease,
	message: string,
	value: unknown,
	path: string,
): readonly ReleaseProblem[] {
	// Some messages are of other packages, whose fields nobody lists.
	const fields = messages[message];
	if (!isObject(value)) return expected(path, 'an object');
	if (fields === undefined) return [];
	return Object.entries(value).flatMap(([name, entry]) => {
		const here = child(path, name);
		const [type = '', since] = (Object.hasOwn(fields, name) ? (fields[name] ?? '') : '').split(' since ');
		if (type === '') return [unknownField(release.version, Object.keys(fields), name, here)];
		if (since !== undefined && !isSince(release.minor, since as Minor)) {
			return [laterField(release.version, since, here)];
		}
		const remedy = elsewhere[here.slice(`${root}.`.length)];
		if (remedy !== undefined) {
			return [{ path: here, reason: 'Invalid', message: `${here} must not be set here`, remedy }];
		}
		return checkValue(release, type, entry, here);
	});
}

function checkValue(release: IstiodRelease, type: string, value: unknown, path: string): readonly ReleaseProblem[] {
	const of = (form: string) => (type.startsWith(`${form} `) ? type.slice(form.length + 1) : undefined);
	const [item, entry, choice] = [of('list'), of('map'), of('enum')];
	if (item !== undefined) {
		return Array.isArray(value)
			? value.flatMap((one, index) => checkValue(release, item, one, `${path}[${index}]`))
			: expected(path, 'a list');
	}
	if (entry !== undefined) {
		return isObject(value)
			? Object.entries(value).flatMap(([key, one]) => checkValue(release, entry, one, child(path, key)))
			: expected(path, 'an object');
	}
	if (choice === undefined) return checkScalar(release, type, value, path);
	const values = enums[choice] ?? [];
	return typeof value === 'string' && values.includes(value) ? [] : expected(path, `one of ${values.join(', ')}`);
}

const wholeNumbers: Readonly<Record<string, readonly [min: number, max: number]>> = {
	int32: [-(2 ** 31), 2 ** 31 - 1],
	uint32: [0, 2 ** 32 - 1],
	int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
	uint64: [0, Number.MAX_SAFE_INTEGER],
};

function checkScalar(release: IstiodRelease, type: string, value: unknown, path: string): readonly ReleaseProblem[] {
	const range = wholeNumbers[type];
	if (range !== undefined) {
		const [min, max] = range;
		const fits = Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
		return fits ? [] : expected(path, `a whole number from ${min} to ${max}`);
	}
	switch (type) {
		case 'string':
			return typeof value === 'string' ? [] : expected(path, 'a text');
		case 'bool':
			return typeof value === 'boolean' ? [] : expected(path, 'true or false');
		case 'duration':
			return typeof value === 'string' && tryDuration(value) !== undefined
				? []
				: expected(path, 'a duration, such as 45s or 1m0s');
		case 'float':
		case 'double':
			return typeof value === 'number' ? [] : expected(path, 'a number');
		case 'object':
			return isObject(value) ? [] : expected(path, 'an object');
		case 'any':
		case 'bytes':
			return [];
		default:
			return checkMessage(release, type, value, path);
	}
}

function expected(path: string, what: string): readonly ReleaseProblem[] {
	return [wrongValue(path, what)];
}
