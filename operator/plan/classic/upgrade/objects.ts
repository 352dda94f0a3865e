/**
 * What a change between classic releases does to one of the users' objects: its kind is no longer read, or only from now on,
 * the new release refuses it, or means something else by it. Pure, and the object is anybody's.
 */
import { isObject, managedByLabel, managedByValue } from '../../../../api/v1/index.ts';
import {
	type ClassicRelease,
	checkObject,
	classicReleases,
	compareMinor,
	crdsOf,
	type ResolvedClassicMesh,
} from '../../../releases/classic/index.ts';
import type { IstioCrd, ObjectKind } from '../../../releases/index.ts';
import { describeObject, groupOf, type KubeObject } from '../../../runtime/object.ts';
import { found } from '../../upgrade/catalogue.ts';
import type { UpgradeFinding } from '../../upgrade/finding.ts';
import type { Hop } from '../../upgrade/rules.ts';
import { regexProblems } from './regex.ts';

type ClassicHop = Hop<ResolvedClassicMesh>;

const serviceKind: ObjectKind = { apiVersion: 'v1', kind: 'Service', plural: 'services', namespaced: true };

/** Every kind of the line, by its name `plural.group`. A definition may be left over from any release. */
const allKinds: ReadonlyMap<string, IstioCrd> = new Map(classicReleases.flatMap(crdsOf).map((crd) => [crd.name, crd]));

/** All kinds that one of the two releases ships or reads. */
export function kindsOfHop(hop: ClassicHop): readonly ObjectKind[] {
	// A Pilot that serves another cluster reads the objects there.
	if (hop.to.pilotKubeconfig !== undefined) return [];
	const releases = [releaseBefore(hop), hop.to.release].filter((release) => release !== undefined);
	const names = new Set(
		releases.flatMap((release) => [
			...crdsOf(release).map(({ name }) => name),
			...readBy(release, release === hop.to.release ? hop.to : (hop.from.mesh ?? hop.to)),
		]),
	);
	const crds = [...allKinds.values()].filter(({ name }) => names.has(name));
	return [
		...crds.map(({ group, version, kind, plural, scope }) => ({
			apiVersion: `${group}/${version}`,
			kind,
			plural,
			namespaced: scope === 'Namespaced',
		})),
		...(blocksHttpOn443(hop) ? [serviceKind] : []),
	];
}

export function findingsOfObject(hop: ClassicHop, object: KubeObject): readonly UpgradeFinding[] {
	// The operator writes its own anew.
	if (object.metadata.labels?.[managedByLabel] === managedByValue) return [];
	if (object.kind === serviceKind.kind && groupOf(object.apiVersion) === '') return httpService(hop, object);
	return [
		...readings(hop, object),
		...refusals(hop, object),
		...(object.kind === 'VirtualService' ? regexes(hop, object) : []),
		...(object.kind === 'ServiceEntry' ? httpEntry(hop, object) : []),
	];
}

function releaseBefore({ from }: ClassicHop): ClassicRelease | undefined {
	return classicReleases.find(({ version }) => version === from.release?.version);
}

/** Names, `plural.group`, of the kinds that a mesh of a release reads: Pilot's, and Mixer's where it runs. */
function readBy(release: ClassicRelease, { mixer }: Pick<ResolvedClassicMesh, 'mixer'>): ReadonlySet<string> {
	const hasMixer = mixer.policy !== undefined || mixer.telemetry !== undefined;
	const ofMixer = hasMixer ? release.mixer.configKinds.map((plural) => `${plural}.config.istio.io`) : [];
	return new Set([...release.pilot.configTypes, ...ofMixer]);
}

function readings(hop: ClassicHop, object: KubeObject): readonly UpgradeFinding[] {
	const before = releaseBefore(hop);
	if (before === undefined) return [];
	const { to } = hop;
	const group = groupOf(object.apiVersion);
	const crd = [...allKinds.values()].find((one) => one.group === group && one.kind === object.kind);
	if (crd === undefined) return [];
	const wasRead = readBy(before, hop.from.mesh ?? to).has(crd.name);
	const isRead = readBy(to.release, to).has(crd.name);
	const subject = describeObject(object);
	if (wasRead && !isRead) {
		const message = `is a ${object.kind} of ${group}, which Istio ${before.version} reads and ${to.release.version} does not`;
		return [found('kind-not-read', subject, message, insteadOf(group))];
	}
	if (!wasRead && isRead) {
		const message = `is a ${object.kind} of ${group}, which Istio ${to.release.version} reads and ${before.version} does not`;
		return [found('kind-newly-read', subject, message)];
	}
	const isNewThere = compareMinor(before.minor, '1.1') < 0 && compareMinor(to.release.minor, '1.1') >= 0;
	return object.kind === 'RbacConfig' && isNewThere
		? [found('rbac-config', subject, 'is read only while there is no ClusterRbacConfig named default')]
		: [];
}

function insteadOf(group: string): string | undefined {
	if (group === 'rbac.istio.io') return 'Write it as ServiceRole and ServiceRoleBinding, then delete it.';
	if (group !== 'config.istio.io') return undefined;
	return 'Write it as a handler with compiledAdapter, or as an instance with compiledTemplate, point its rules there, then delete it.';
}

/** What passes now and will not pass then. What is wrong already is told by the status anyway. */
function refusals(hop: ClassicHop, object: KubeObject): readonly UpgradeFinding[] {
	const before = releaseBefore(hop);
	const after = checkObject(hop.to.release, object);
	if (before === undefined || after.kind !== 'checked') return [];
	const was = checkObject(before, object);
	// Its kind is judged by who reads it.
	if (was.kind !== 'checked' || was.findings.some(({ path }) => path === 'kind' || path === 'apiVersion')) return [];
	const known = new Set(was.findings.map(({ path }) => path));
	return after.findings
		.filter(({ path }) => !known.has(path) && path !== 'kind')
		.slice(0, 3)
		.map(({ message }) => found('object-refused', describeObject(object), `is refused: ${message.slice(0, 512)}`));
}

function crosses14({ from, to }: ClassicHop): boolean {
	const before = classicReleases.find(({ version }) => version === from.release?.version);
	return before !== undefined && compareMinor(before.minor, '1.4') < 0 && compareMinor(to.release.minor, '1.4') >= 0;
}

/** The value that a variable of Pilot has in the new version, when its owner sets one. */
function envOfPilot({ to }: ClassicHop, name: string): unknown {
	return to.pilot.env.find((entry) => entry.name === name)?.value;
}

/** Istio reads its variables by Go's `strconv.ParseBool` (`pkg/env/var.go`). */
const yes: ReadonlySet<unknown> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const no: ReadonlySet<unknown> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

function regexes(hop: ClassicHop, object: KubeObject): readonly UpgradeFinding[] {
	if (!crosses14(hop) || yes.has(envOfPilot(hop, 'PILOT_ENABLE_UNSAFE_REGEX'))) return [];
	return regexProblems(object.spec)
		.slice(0, 3)
		.map(({ path, message }) => found('regex-not-re2', `${describeObject(object)}: ${path}`, message));
}

/** Istio 1.4.10 `pilot/pkg/networking/core/v1alpha3/listener.go`, `CanonicalHTTPSPort`. Only plain HTTP is refused there. */
function blocksHttpOn443(hop: ClassicHop): boolean {
	return crosses14(hop) && !no.has(envOfPilot(hop, 'PILOT_BLOCK_HTTP_ON_443'));
}

const message443 = (what: string) => `${what} says that HTTP is spoken at port 443: proxies get no listener for it`;

/** The protocol of a port is the beginning of its name (istio 1.4.10 `pkg/config/protocol/instance.go`). */
function httpService(hop: ClassicHop, object: KubeObject): readonly UpgradeFinding[] {
	if (!blocksHttpOn443(hop) || !isObject(object.spec)) return [];
	return portsIn(object.spec)
		.filter(({ port, name }) => port === 443 && typeof name === 'string' && /^http(-|$)/i.test(name))
		.map(({ name }) =>
			found('http-on-443', describeObject(object), message443(`its port ${String(name).slice(0, 63)}`)),
		);
}

function httpEntry(hop: ClassicHop, object: KubeObject): readonly UpgradeFinding[] {
	if (!blocksHttpOn443(hop) || !isObject(object.spec)) return [];
	return portsIn(object.spec)
		.filter(({ number, protocol }) => Number(number) === 443 && String(protocol).toUpperCase() === 'HTTP')
		.map(() => found('http-on-443', describeObject(object), message443('spec.ports')));
}

function portsIn({ ports }: Readonly<Record<string, unknown>>): readonly Readonly<Record<string, unknown>>[] {
	return Array.isArray(ports) ? ports.filter(isObject) : [];
}
