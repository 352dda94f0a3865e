/** The functions that an injector gives to its template, per release of the injector (istio `pkg/kube/inject/inject.go`). */
import { stringify } from 'yaml';
import { minors } from '../../operator/releases/classic/minors.ts';
import type { Minor } from '../../operator/releases/index.ts';
import { fieldOf, fromJson, type GoValue, isGoMap, isSlice, isStruct, jsonOf, sprint } from './go-values.ts';
import type { GoFunction } from './template-run.ts';

function text(value: GoValue | undefined): string {
	if (typeof value !== 'string') {
		throw new TypeError(
			`wrong type for value; expected string; got ${value === undefined ? 'nothing' : JSON.stringify(value)}`,
		);
	}
	return value;
}

function stringMap(value: GoValue | undefined): Readonly<Record<string, GoValue>> {
	if (value === undefined || !isGoMap(value) || value.element !== 'string') {
		throw new TypeError('wrong type for value; expected map[string]string');
	}
	return value.entries;
}

function given(value: GoValue | undefined): GoValue {
	if (value === undefined) {
		throw new TypeError('wrong number of args');
	}
	return value;
}

/** Lengths of Go's units in nanoseconds. */
const units: Readonly<Record<string, bigint>> = {
	ns: 1n,
	us: 1000n,
	µs: 1000n,
	ms: 1_000_000n,
	s: 1_000_000_000n,
	m: 60_000_000_000n,
	h: 3_600_000_000_000n,
};

/** `1m30s` as JSON of protocol buffers and YAML write it, in nanoseconds. */
function nanoseconds(duration: string): bigint {
	let total = 0n;
	for (const [, whole = '', fraction = '', unit = ''] of duration.matchAll(
		/([0-9]+)(?:\.([0-9]+))?(ns|us|µs|ms|s|m|h)/g,
	)) {
		const length = units[unit] ?? 0n;
		total +=
			BigInt(whole) * length + (fraction === '' ? 0n : (BigInt(fraction) * length) / 10n ** BigInt(fraction.length));
	}
	return total;
}

function withFraction(amount: bigint, unit: bigint): string {
	const fraction = String(amount % unit)
		.padStart(String(unit).length - 1, '0')
		.replace(/0+$/, '');
	return `${amount / unit}${fraction === '' ? '' : `.${fraction}`}`;
}

/** As `time.Duration` prints itself. */
export function printDuration(duration: string): string {
	const amount = nanoseconds(duration);
	const [us = 1n, ms = 1n, s = 1n] = [units.us, units.ms, units.s];
	if (amount === 0n) {
		return '0s';
	}
	if (amount < s) {
		return amount < us
			? `${amount}ns`
			: amount < ms
				? `${withFraction(amount, us)}µs`
				: `${withFraction(amount, ms)}ms`;
	}
	const seconds = amount / s;
	const rest = `${withFraction(amount - (seconds / 60n) * 60n * s, s)}s`;
	const minutes = seconds / 60n;
	return minutes === 0n ? rest : minutes < 60n ? `${minutes}m${rest}` : `${minutes / 60n}h${minutes % 60n}m${rest}`;
}

/** JSON of `encoding/json`: keys in their order, and what HTML could read written by its number. */
function goJson(value: GoValue): string {
	return JSON.stringify(jsonOf(value))
		.replaceAll('\\b', '\\u0008')
		.replaceAll('\\f', '\\u000c')
		.replaceAll(
			/[<>&\u2028\u2029]/g,
			(character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
		);
}

/** Fields in the order of the struct, empty ones left out, as `json:",omitempty"` has it. */
function structJson(value: GoValue): string {
	if (!isStruct(value)) {
		return goJson(value);
	}
	if (value.json === undefined) {
		return 'null';
	}
	const always = value.type.name === 'v1.ContainerPort' ? ['containerPort'] : [];
	const parts = Object.entries(value.type.fields).flatMap(([name, { json }]) => {
		const field = fieldOf(value, name);
		const isEmpty = field === '' || field === 0 || field === false || field === null;
		return isEmpty && !always.includes(json) ? [] : [`${JSON.stringify(json)}:${goJson(field)}`];
	});
	return `{${parts.join(',')}}`;
}

function containers(value: GoValue | undefined): readonly GoValue[] {
	if (value === undefined || !isSlice(value) || value.element !== 'v1.Container') {
		throw new TypeError('wrong type for value; expected []v1.Container');
	}
	return value.items;
}

function portsOf(minor: Minor, list: readonly GoValue[]): string {
	return list
		.flatMap((container) => {
			const ports = fieldOf(container, 'Ports');
			return isSlice(ports) ? ports.items : [];
		})
		.filter((port) => minor !== '1.4' || !['UDP', 'SCTP'].includes(sprint(fieldOf(port, 'Protocol'))))
		.map((port) => sprint(fieldOf(port, 'ContainerPort')))
		.join(',');
}

function excludeInboundPort(port: GoValue | undefined, excluded: GoValue | undefined): string {
	const wanted = sprint(given(port)).trim();
	const list = text(excluded).split(',');
	if (wanted === '' || wanted === '0' || list.includes(wanted)) {
		return text(excluded);
	}
	return [...list.map((entry) => entry.trim()).filter((entry) => entry !== ''), wanted].join(',');
}

const from10 = (minor: Minor): Readonly<Record<string, GoFunction>> => ({
	formatDuration: (value) => {
		if (value === undefined || !isStruct(value) || value.type.name !== 'types.Duration') {
			throw new TypeError('wrong type for value; expected *types.Duration');
		}
		return value.json === undefined ? '1s' : printDuration(sprint(fieldOf(value, 'Text')));
	},
	isset: (map, key) => Object.hasOwn(stringMap(map), text(key)),
	excludeInboundPort,
	includeInboundPorts: (list) => portsOf(minor, containers(list)),
	applicationPorts: (list) =>
		portsOf(
			minor,
			containers(list).filter((container) => fieldOf(container, 'Name') !== 'istio-proxy'),
		),
	annotation: (meta, name, otherwise) => {
		if (meta === undefined || !isStruct(meta) || meta.type.name !== 'v1.ObjectMeta') {
			throw new TypeError('wrong type for value; expected v1.ObjectMeta');
		}
		const annotations = stringMap(fieldOf(meta, 'Annotations'));
		return Object.hasOwn(annotations, text(name)) ? (annotations[text(name)] ?? '') : sprint(given(otherwise));
	},
	toJson: (map) => toJson(map),
});

function toJson(map: GoValue | undefined): string {
	stringMap(map);
	const value = given(map);
	return isGoMap(value) && value.isNil ? '{}' : goJson(value);
}

function parseJson(json: string): GoValue {
	try {
		return fromJson(JSON.parse(json));
	} catch {
		return '{}'; // As the original has it: the text, not the object.
	}
}

const from11: Readonly<Record<string, GoFunction>> = {
	kubevirtInterfaces: (value) => text(value),
	toJSON: (map) => toJson(map),
	fromJSON: (json) => parseJson(text(json)),
	toYaml: (value) =>
		stringify(jsonOf(given(value)), { version: '1.1', sortMapEntries: true, indentSeq: false, lineWidth: 0 }),
	indent: (spaces, source) => {
		if (typeof spaces !== 'number') {
			throw new TypeError('wrong type for value; expected int');
		}
		return text(source)
			.split('\n')
			.map((line, index) => (index === 0 ? line : ' '.repeat(spaces) + line))
			.join('\n');
	},
	directory: (path) => text(path).replace(/[^/]*$/, ''),
	valueOrDefault: (value, otherwise) => (text(value) === '' ? text(otherwise) : text(value)),
};

const from12: Readonly<Record<string, GoFunction>> = {
	contains: (needle, haystack) => text(haystack).includes(text(needle)),
	valueOrDefault: (value, otherwise) =>
		value === '' || value === null || value === undefined ? given(otherwise) : value,
};

const from13: Readonly<Record<string, GoFunction>> = {
	toLower: (value) => text(value).toLowerCase(),
	structToJSON: (value) => (value === undefined || value === null ? '{}' : structJson(value)),
};

/** The functions of the injector of a minor. One that is not here ends the injector's template. */
export function istioFunctions(minor: Minor): Readonly<Record<string, GoFunction>> {
	const isFrom = (first: Minor): boolean => minors.indexOf(minor) >= minors.indexOf(first);
	return {
		...from10(minor),
		...(isFrom('1.1') ? from11 : {}),
		...(isFrom('1.2') ? from12 : {}),
		...(isFrom('1.3') ? from13 : {}),
	};
}
