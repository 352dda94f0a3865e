/**
 * What Galley refused beyond the form of an object, for the kinds that people write most. Sources: `ValidateVirtualService`
 * and its like in istio 1.0-1.2 `pilot/pkg/model/validation.go`, 1.3 and 1.4 `pkg/config/validation/validation.go`. Rules that
 * a release before 1.4 does not have are left out.
 */
import { isIP } from 'node:net';
import { isObject } from '../../../../api/v1/index.ts';
import type { ObjectFinding } from '../../object-check.ts';
import type { ClassicRelease } from '../release.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Checked {
	readonly name: string;
	readonly spec: Fields;
	readonly release: ClassicRelease;
}

type Finding = ObjectFinding | false | undefined;

/** The rules of a kind. Their objects have the right form. */
export function rulesOf(kind: string, object: Checked): readonly ObjectFinding[] {
	const rules = Object.hasOwn(byKind, kind) ? byKind[kind] : undefined;
	return (rules?.(object) ?? []).filter((finding) => finding !== undefined && finding !== false);
}

const byKind: Readonly<Record<string, (object: Checked) => readonly Finding[]>> = {
	VirtualService: virtualService,
	DestinationRule: destinationRule,
	Gateway: gateway,
	ServiceEntry: serviceEntry,
	Sidecar: sidecar,
	Policy: policy,
	MeshPolicy: ({ name, spec }) => [
		wrong(name !== 'default', 'metadata.name', 'must be default: it is the only one of its cluster'),
		wrong(some(spec.targets), 'spec.targets', 'must not be there: the policy is for all services'),
	],
	ServiceRole: ({ spec }) => [wrong(!some(spec.rules), 'spec.rules', 'must have one rule or more')],
	ServiceRoleBinding: ({ spec }) => [wrong(!some(spec.subjects), 'spec.subjects', 'must have one subject or more')],
	RbacConfig: rbacConfig,
	ClusterRbacConfig: rbacConfig,
};

function virtualService({ spec }: Checked): readonly Finding[] {
	const gateways = texts(spec.gateways);
	const isForMesh = gateways.length === 0 || gateways.includes('mesh');
	return [
		wrong(!some(spec.hosts), 'spec.hosts', 'must have one host or more'),
		...texts(spec.hosts).flatMap((host, index) => [
			hostname(`spec.hosts[${index}]`, host),
			wrong(
				isForMesh && host === '*',
				`spec.hosts[${index}]`,
				'must not be * without gateways, or with the gateway mesh',
			),
		]),
		wrong(!some(spec.http) && !some(spec.tls) && !some(spec.tcp), 'spec', 'must have routes: http, tls or tcp'),
		...list(spec.http).flatMap((route, index) => httpRoute(route, `spec.http[${index}]`)),
		...list(spec.tls).flatMap((route, index) => {
			const path = `spec.tls[${index}]`;
			return [
				wrong(!some(route.match), `${path}.match`, 'must have one condition or more'),
				...list(route.match).flatMap((match, at) =>
					sniHosts(match, `${path}.match[${at}].sniHosts`, texts(spec.hosts)),
				),
				wrong(!some(route.route), `${path}.route`, 'must have one destination or more'),
				...destinations(route.route, `${path}.route`),
			];
		}),
		...list(spec.tcp).flatMap((route, index) => [
			wrong(!some(route.route), `spec.tcp[${index}].route`, 'must have one destination or more'),
			...destinations(route.route, `spec.tcp[${index}].route`),
		]),
		exportTo(spec),
	];
}

/** Each must be one of the hosts, or one that a host with * covers (`validateSniHost` in all of them). */
function sniHosts(match: Fields, path: string, hosts: readonly string[]): readonly Finding[] {
	const names = get(match, 'sniHosts');
	return [
		wrong(!some(names), path, 'must have one host or more'),
		...texts(names).flatMap((name, index) => [
			hostname(`${path}[${index}]`, name),
			wrong(
				hosts.length > 0 && !hosts.some((host) => covers(host, name)),
				`${path}[${index}]`,
				'must be one of spec.hosts, or covered by one that begins with *',
			),
		]),
	];
}

/** Whether a host, perhaps with * as its first label, is or contains another one (`Hostname.SubsetOf`). */
function covers(host: string, name: string): boolean {
	if (!host.startsWith('*')) return host === name;
	const isNarrower = !name.startsWith('*') || name.length >= host.length;
	return isNarrower && name.replace(/^\*/, '').endsWith(host.slice(1));
}

function httpRoute(route: Fields, path: string): readonly Finding[] {
	const { redirect, rewrite, fault, retries, mirror } = route;
	return [
		wrong(redirect === undefined && !some(route.route), path, 'must have a route or a redirect'),
		wrong(redirect !== undefined && some(route.route), path, 'must not have both route and redirect'),
		wrong(redirect !== undefined && fault !== undefined, path, 'must not have both fault and redirect'),
		wrong(redirect !== undefined && rewrite !== undefined, path, 'must not have both rewrite and redirect'),
		wrong(isObject(redirect) && !redirect.uri && !redirect.authority, `${path}.redirect`, 'must have uri or authority'),
		wrong(isObject(rewrite) && !rewrite.uri && !rewrite.authority, `${path}.rewrite`, 'must have uri or authority'),
		wrong(isObject(retries) && Number(retries.attempts ?? 0) < 0, `${path}.retries.attempts`, 'must not be negative'),
		...(isObject(mirror) ? destination(mirror, `${path}.mirror`) : []),
		...destinations(route.route, `${path}.route`),
	];
}

/** Weighted destinations: the weights of several have to be 100 together. */
function destinations(value: unknown, path: string): readonly Finding[] {
	const all = list(value);
	const total = all.reduce((sum, { weight }) => sum + Number(weight ?? 0), 0);
	return [
		...all.flatMap((one, index) => {
			const at = `${path}[${index}]`;
			const weight = Number(one.weight ?? 0);
			return [
				wrong(weight < 0 || weight > 100, `${at}.weight`, 'must be from 0 to 100'),
				...(isObject(one.destination)
					? destination(one.destination, `${at}.destination`)
					: [wrong(true, `${at}.destination`, 'is missing')]),
			];
		}),
		wrong(all.length > 1 && total !== 100, path, `must have weights of 100 together, not ${total}`),
	];
}

function destination(value: Fields, path: string): readonly Finding[] {
	const { host, subset, port } = value;
	return [
		wrong(host === '*', `${path}.host`, 'must be one host'),
		hostname(`${path}.host`, host),
		wrong(typeof subset === 'string' && subset !== '' && !isLabel(subset), `${path}.subset`, 'must be a DNS label'),
		portNumber(`${path}.port.number`, isObject(port) ? port.number : undefined),
	];
}

function destinationRule({ spec }: Checked): readonly Finding[] {
	return [
		hostname('spec.host', spec.host),
		...trafficPolicy(spec.trafficPolicy ?? spec.traffic_policy, 'spec.trafficPolicy'),
		...list(spec.subsets).flatMap((subset, index) => {
			const path = `spec.subsets[${index}]`;
			return [
				wrong(typeof subset.name !== 'string' || !isLabel(subset.name), `${path}.name`, 'must be a DNS label'),
				...trafficPolicy(get(subset, 'trafficPolicy'), `${path}.trafficPolicy`),
			];
		}),
		exportTo(spec),
	];
}

function trafficPolicy(value: unknown, path: string): readonly Finding[] {
	if (!isObject(value)) return [];
	const { tls } = value;
	const isMutual = isObject(tls) && tls.mode === 'MUTUAL';
	return [
		wrong(isMutual && !get(tls, 'clientCertificate'), `${path}.tls.clientCertificate`, 'is needed with mode MUTUAL'),
		wrong(isMutual && !get(tls, 'privateKey'), `${path}.tls.privateKey`, 'is needed with mode MUTUAL'),
		...list(get(value, 'portLevelSettings')).map((one, index) =>
			wrong(one.port === undefined, `${path}.portLevelSettings[${index}].port`, 'is missing'),
		),
	];
}

const protocols: ReadonlySet<string> = new Set([
	'HTTP',
	'HTTP2',
	'HTTPS',
	'GRPC',
	'GRPC-WEB',
	'MONGO',
	'REDIS',
	'MYSQL',
	'TCP',
	'TLS',
	'UDP',
]);

function gateway({ spec, release }: Checked): readonly Finding[] {
	const names = new Set<unknown>();
	return [
		wrong(!some(spec.servers), 'spec.servers', 'must have one server or more'),
		...list(spec.servers).flatMap((server, index) => {
			const path = `spec.servers[${index}]`;
			const port = isObject(server.port) ? server.port : {};
			const { tls } = server;
			const protocol = String(port.protocol ?? '').toUpperCase();
			const isTls = protocol === 'HTTPS' || protocol === 'TLS';
			const isDouble = port.name !== undefined && names.has(port.name);
			names.add(port.name);
			return [
				wrong(!some(server.hosts), `${path}.hosts`, 'must have one host or more'),
				wrong(server.port === undefined, `${path}.port`, 'is missing'),
				wrong(server.port !== undefined && !port.name, `${path}.port.name`, 'is missing'),
				wrong(isDouble, `${path}.port.name`, 'is the name of another port'),
				portNumber(`${path}.port.number`, port.number),
				wrong(
					server.port !== undefined && !protocols.has(protocol),
					`${path}.port.protocol`,
					`must be one of ${[...protocols].join(', ')}`,
				),
				wrong(isTls && tls === undefined, `${path}.tls`, `is needed with the protocol ${protocol}`),
				...serverTls(tls, `${path}.tls`, release.minor !== '1.0'),
			];
		}),
	];
}

/** @param needsKey 1.0 takes a server without a key */
function serverTls(tls: unknown, path: string, needsKey: boolean): readonly Finding[] {
	if (!isObject(tls) || get(tls, 'credentialName')) return [];
	const { mode } = tls;
	const needs = mode === 'SIMPLE' || mode === 'MUTUAL';
	return [
		wrong(needs && !get(tls, 'serverCertificate'), `${path}.serverCertificate`, `is needed with mode ${String(mode)}`),
		wrong(needs && needsKey && !get(tls, 'privateKey'), `${path}.privateKey`, `is needed with mode ${String(mode)}`),
		wrong(mode === 'MUTUAL' && !get(tls, 'caCertificates'), `${path}.caCertificates`, 'is needed with mode MUTUAL'),
	];
}

function serviceEntry({ spec }: Checked): readonly Finding[] {
	const resolution = spec.resolution ?? 'NONE';
	const ports = list(spec.ports);
	const names = new Set(ports.map(({ name }) => name));
	const endpoints = list(spec.endpoints);
	return [
		wrong(!some(spec.hosts), 'spec.hosts', 'must have one host or more'),
		...texts(spec.hosts).flatMap((host, index) => [
			wrong(host === '*', `spec.hosts[${index}]`, 'must be narrower than *'),
			hostname(`spec.hosts[${index}]`, host),
		]),
		wrong(names.size < ports.length, 'spec.ports', 'must have different names'),
		wrong(
			new Set(ports.map(({ number }) => Number(number))).size < ports.length,
			'spec.ports',
			'must have different numbers',
		),
		...ports.flatMap((port, index) => [
			wrong(typeof port.name !== 'string' || !isLabel(port.name), `spec.ports[${index}].name`, 'must be a DNS label'),
			portNumber(`spec.ports[${index}].number`, port.number, true),
		]),
		wrong(resolution === 'NONE' && endpoints.length > 0, 'spec.endpoints', 'must not be there with resolution NONE'),
		wrong(
			resolution === 'STATIC' && endpoints.length === 0,
			'spec.endpoints',
			'must have one endpoint or more with resolution STATIC',
		),
		...endpoints.flatMap((endpoint, index) =>
			Object.keys(isObject(endpoint.ports) ? endpoint.ports : {}).map((name) =>
				wrong(!names.has(name), `spec.endpoints[${index}].ports[${name}]`, 'is no port of spec.ports'),
			),
		),
		exportTo(spec),
	];
}

function sidecar({ spec }: Checked): readonly Finding[] {
	const egress = list(spec.egress);
	return [
		wrong(egress.length === 0, 'spec.egress', 'must have one listener or more'),
		...egress.flatMap((listener, index) => [
			wrong(!some(listener.hosts), `spec.egress[${index}].hosts`, 'must have one host or more'),
			...texts(listener.hosts).map((host, at) =>
				wrong(!/^[^/]+\/[^/]+$/.test(host), `spec.egress[${index}].hosts[${at}]`, 'must be namespace/host'),
			),
			wrong(
				listener.port === undefined && index < egress.length - 1,
				`spec.egress[${index}]`,
				'has no port: only the last listener may have none',
			),
		]),
		...list(spec.ingress).flatMap((listener, index) => [
			wrong(listener.port === undefined, `spec.ingress[${index}].port`, 'is missing'),
			wrong(!get(listener, 'defaultEndpoint'), `spec.ingress[${index}].defaultEndpoint`, 'is missing'),
		]),
	];
}

function policy({ name, spec }: Checked): readonly Finding[] {
	const hasTargets = some(spec.targets);
	return [
		wrong(!hasTargets && name !== 'default', 'metadata.name', 'must be default for a policy without targets'),
		wrong(hasTargets && name === 'default', 'spec.targets', 'must not be there in a policy of the name default'),
		...list(spec.origins).map((origin, index) =>
			wrong(origin.jwt === undefined, `spec.origins[${index}].jwt`, 'is missing'),
		),
	];
}

function rbacConfig({ name, spec }: Checked): readonly Finding[] {
	return [
		wrong(name !== 'default', 'metadata.name', 'must be default'),
		wrong(
			spec.mode === 'ON_WITH_INCLUSION' && spec.inclusion === undefined,
			'spec.inclusion',
			'is needed with mode ON_WITH_INCLUSION ({} for none)',
		),
		wrong(
			spec.mode === 'ON_WITH_EXCLUSION' && spec.exclusion === undefined,
			'spec.exclusion',
			'is needed with mode ON_WITH_EXCLUSION ({} for none)',
		),
	];
}

/** The rule of 1.1 and newer; 1.0 has no such field. */
function exportTo(spec: Fields): Finding {
	const values = texts(get(spec, 'exportTo'));
	return wrong(
		values.length > 1 || values.some((value) => value !== '.' && value !== '*'),
		'spec.exportTo',
		'must be one of . and *',
	);
}

/** A DNS name, perhaps with `*` as its first label, or an address. */
function hostname(path: string, value: unknown): Finding {
	const host = typeof value === 'string' ? value : '';
	const isName =
		host.length <= 253 &&
		host !== '' &&
		host
			.replace(/^\*([.-]|$)?/, '')
			.replace(/\.$/, '')
			.split('.')
			.every((label, index, all) => isLabel(label.toLowerCase()) || (label === '' && all.length === 1 && index === 0));
	return wrong(
		!isName && isIP(host) === 0,
		path,
		host === '' ? 'is missing' : 'must be a DNS name, perhaps with * as its first label',
	);
}

function portNumber(path: string, value: unknown, isNeeded = false): Finding {
	const number = Number(value ?? 0);
	return wrong(
		(isNeeded || value !== undefined) && !(Number.isInteger(number) && number >= 1 && number <= 65535),
		path,
		'must be a port from 1 to 65535',
	);
}

function isLabel(text: string): boolean {
	return /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/i.test(text);
}

function wrong(isWrong: boolean, path: string, words: string): Finding {
	return isWrong && { path, message: `${path} ${words}`, effect: 'taken' };
}

/** A field by its name in lower camel case or as the protocol buffer has it. */
function get(fields: Fields, name: string): unknown {
	return fields[name] ?? fields[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}

function list(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value.filter(isObject) : [];
}

function texts(value: unknown): readonly string[] {
	return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function some(value: unknown): boolean {
	return Array.isArray(value) && value.length > 0;
}
