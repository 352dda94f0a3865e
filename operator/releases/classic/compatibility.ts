/** Makes the tables of `docs/compatibility.md` from the data of the releases. */
import { isObject } from '../../../api/v1/index.ts';
import type { GatewayName } from '../gateways.ts';
import { crdsOf } from './crds.ts';
import { statusPort } from './gateways.ts';
import { isKnown, isRead } from './mesh-config-check.ts';
import { meshConfigFields, proxyConfigFields } from './mesh-config-fields.ts';
import { knowsReportBatch } from './mesh-config-mixer.ts';
import type { Field, Fields } from './mesh-config-shapes.ts';
import { mixerMetrics } from './mixer-metrics.ts';
import type { ClassicRelease } from './release.ts';
import { classicReleases } from './releases.ts';
import { initImages } from './resolve-images.ts';

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
	return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text: string): string {
	return `\`${text}\``;
}

function list(texts: readonly string[]): string {
	return texts.length === 0 ? 'none' : texts.map(code).join(', ');
}

/** How each release's Pilot is started. */
export function pilotTable(): string {
	const row = (title: string, cell: (release: ClassicRelease) => string) => [title, ...classicReleases.map(cell)];
	return table(
		['Pilot', ...classicReleases.map(({ version }) => version)],
		[
			row('arguments', ({ pilot }) => list(pilot.args)),
			row('environment', ({ pilot }) => list(Object.entries(pilot.env).map(([name, value]) => `${name}=${value}`))),
			row('ports', ({ pilot }) => pilot.ports.map(({ port, service = '' }) => `${port} ${code(service)}`).join(', ')),
			row('`/ready` every', ({ pilot }) => `${pilot.readinessPeriodSeconds} s`),
			row('port in `discoveryAddress`', ({ mesh }) => String(mesh.discoveryPort)),
			row('mesh configuration', ({ pilot }) => (pilot.reloadsMeshConfig ? 'followed' : 'read once: pods are replaced')),
			row('`meshNetworks`', ({ mesh }) => (mesh.networks ? 'yes' : 'no')),
			row('where a joined cluster is in `meshNetworks`', ({ mesh: { networks, followsNetworks } }) =>
				networks ? (followsNetworks ? 'followed' : 'read once: pods are replaced') : '–',
			),
			row('gateways of networks', ({ mesh: { networks, gatewaysByService } }) =>
				networks ? (gatewaysByService ? 'by address or Service' : 'by address') : '–',
			),
			row('written unless said otherwise', ({ mesh }) =>
				list(
					Object.entries(mesh.defaults).map(
						([name, value]) => `${name}: ${isObject(value) ? JSON.stringify(value) : String(value)}`,
					),
				),
			),
			row('definitions (CRDs)', (release) => String(crdsOf(release).length)),
			row('of which Pilot lists', ({ pilot }) => String(pilot.configTypes.length)),
		],
	);
}

/** How Citadel, and the proxies in front of Pilot and Mixer, differ from release to release. */
export function securityTable(): string {
	const row = (title: string, cell: (release: ClassicRelease) => string) => [title, ...classicReleases.map(cell)];
	return table(
		['Citadel and proxies', ...classicReleases.map(({ version }) => version)],
		[
			row('ports of Citadel', ({ citadel }) =>
				citadel.ports.map(({ port, service = '' }) => `${port} ${code(service)}`).join(', '),
			),
			row('DNS names in certificates of', ({ citadel }) => list(Object.keys(citadel.dnsNames))),
			row('root also in ConfigMap `istio-security`', ({ citadel }) => (citadel.publishesRoot ? 'yes' : 'no')),
			row('what Citadel does in all namespaces', ({ citadel }) =>
				citadel.clusterAccess.map(({ resource, verbs }) => `${code(resource)}: ${verbs.join(', ')}`).join('; '),
			),
			row('port in `discoveryAddress` with `mtls.controlPlane`', ({ mesh }) => String(mesh.secureDiscoveryPort)),
			row('`--domain` of the proxies', ({ controlPlaneProxy: { domain } }) =>
				domain === undefined ? 'not passed' : code(domain),
			),
			row('further arguments of the proxies', ({ controlPlaneProxy }) => list(controlPlaneProxy.logArgs)),
			row('environment of the proxies', ({ controlPlaneProxy }) =>
				list(Object.entries(controlPlaneProxy.env).map(([name, value]) => `${name}=${value}`)),
			),
			row('proxies report under `mtls.controlPlane`', ({ controlPlaneProxy }) =>
				controlPlaneProxy.reportsUnderMutualTls ? 'yes' : 'no: they would be refused',
			),
		],
	);
}

/** How each release's Mixer is started, and the kinds in which its configuration is written. */
export function mixerTable(): string {
	const row = (title: string, cell: (release: ClassicRelease) => string) => [title, ...classicReleases.map(cell)];
	const form = (kind: string, example: string) => (how: 'typed' | 'generic') =>
		how === 'typed' ? `of the kind ${code(example)}, …` : `of the kind ${code(kind)}`;
	return table(
		['Mixer', ...classicReleases.map(({ version }) => version)],
		[
			row('arguments of both', ({ mixer }) => list(mixer.args)),
			row('of `istio-policy`', ({ mixer }) => list(mixer.policyArgs)),
			row('of `istio-telemetry`', ({ mixer }) => list(mixer.telemetryArgs)),
			row('environment', ({ mixer }) => list(Object.entries(mixer.env).map(([name, value]) => `${name}=${value}`))),
			row('monitoring port', ({ mixer }) => String(mixer.monitoringPort)),
			row('handlers', ({ mixer }) => form('handler', 'prometheus')(mixer.config.handlers)),
			row('instances', ({ mixer }) => form('instance', 'metric')(mixer.config.instances)),
			row('default metrics', ({ minor }) => String(mixerMetrics(minor).length)),
			row('looks up pods (`kubernetesenv`)', ({ mixer }) => (mixer.config.kubernetesenv ? 'yes' : 'no: it would hang')),
			row('kinds of `config.istio.io` that it follows', ({ mixer }) => String(mixer.configKinds.length)),
			row('`reportBatch`', (release) => (knowsReportBatch(release) ? 'yes' : 'refused')),
		],
	);
}

/** How each release's injector is started, and what differs in the sidecar. */
export function injectorTable(): string {
	const row = (title: string, cell: (release: ClassicRelease) => string) => [title, ...classicReleases.map(cell)];
	return table(
		['Injection', ...classicReleases.map(({ version }) => version)],
		[
			row('image of the injector', ({ version, injector }) => code(`${injector.image}:${injector.tag ?? version}`)),
			row('arguments', ({ injector }) => list(injector.args)),
			row('ports', ({ injector }) =>
				injector.ports.map(({ port, service = '' }) => `${port} ${code(service)}`).join(', '),
			),
			row('reads of its own webhook', ({ injector }) =>
				injector.webhookReads.length === 0 ? 'nothing, and has no token' : injector.webhookReads.join(', '),
			),
			row('actions of the template', ({ injector }) => injector.delimiters.map(code).join(' ')),
			row('key `values`', ({ injector }) => (injector.values ? 'yes' : 'no')),
			row('`neverInject`, `alwaysInject`', ({ injector }) => (injector.selectors ? 'yes' : 'refused')),
			row('image of `istio-init`', ({ minor }) => code(initImages[minor])),
			row('command of `istio-init`', ({ injector }) =>
				injector.initCommand.length === 0 ? "the image's own" : list(injector.initCommand),
			),
			row('capabilities of `istio-init`', ({ injector }) => list(injector.initCapabilities)),
			row('port for readiness', ({ injector }) => (injector.statusPort === 0 ? 'none' : String(injector.statusPort))),
		],
	);
}

/** How each release's gateways are started. */
export function gatewayTable(): string {
	const row = (title: string, cell: (release: ClassicRelease) => string) => [title, ...classicReleases.map(cell)];
	const ports = (key: GatewayName) => (release: ClassicRelease) =>
		[{ name: statusPort.container, port: statusPort.port }, ...release.gateways.ports[key]]
			.map(({ port, name }) => `${port} ${code(name)}`)
			.join(', ');
	return table(
		['Gateways', ...classicReleases.map(({ version }) => version)],
		[
			row('arguments, beside those that follow from the mesh', ({ gateways }) => list(gateways.args)),
			row('environment', ({ gateways }) =>
				list(Object.entries(gateways.env).map(([name, value]) => `${name}=${value}`)),
			),
			row('from the pod', ({ gateways }) => list(Object.keys(gateways.fieldEnv))),
			row('ports of `istio-ingressgateway`', ports('ingress')),
			row('ports of `istio-egressgateway`', ports('egress')),
			row('tracers beside Zipkin', ({ gateways }) => list(gateways.tracers)),
			row('tells its labels to Pilot', ({ gateways }) => (gateways.tellsLabels ? 'yes' : 'Pilot looks the pod up')),
		],
	);
}

/** Which fields of the mesh configuration each release knows and reads. */
export function meshConfigTable(): string {
	const rows = (fields: Fields, prefix: string) =>
		Object.entries(fields).map(([name, field]) => [
			code(`${prefix}${name}`),
			...classicReleases.map(({ minor }) => (isRead(field, minor) ? 'yes' : isKnown(field, minor) ? 'no effect' : '–')),
			settingOf(field),
		]);
	return table(
		['Field', ...classicReleases.map(({ minor }) => minor), 'Set by'],
		[...rows(meshConfigFields, ''), ...rows(proxyConfigFields, 'defaultConfig.')],
	);
}

function settingOf(field: Field): string {
	for (const refusal of field.refused ?? []) {
		switch (refusal.why) {
			case 'ownField':
				return code(refusal.field);
			case 'operator':
				return 'the operator';
			case 'noEffect':
		}
	}
	return field.refused?.some(({ from }) => from === undefined) ? 'nobody' : '`spec.mesh.config`';
}
