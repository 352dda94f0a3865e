/**
 * The annotations by which pods tell the injector what they want, and the values that it accepts (istio 1.0-1.4
 * `pkg/kube/inject/inject.go`).
 */
import { isCidr, isQuantity } from '../../api/v1/index.ts';
import { compareMinor, type Minor } from '../releases/classic/index.ts';
import type { PodMetadata, PodProblem } from './pod.ts';

const sidecar = 'sidecar.istio.io';
const readiness = `readiness.status.${sidecar}`;
const traffic = `traffic.${sidecar}`;

export const annotations = {
	inject: `${sidecar}/inject`,
	status: `${sidecar}/status`,
	bootstrapOverride: `${sidecar}/bootstrapOverride`,
	controlPlaneAuthPolicy: `${sidecar}/controlPlaneAuthPolicy`,
	discoveryAddress: `${sidecar}/discoveryAddress`,
	interceptionMode: `${sidecar}/interceptionMode`,
	proxyCPU: `${sidecar}/proxyCPU`,
	proxyImage: `${sidecar}/proxyImage`,
	proxyMemory: `${sidecar}/proxyMemory`,
	rewriteAppHTTPProbers: `${sidecar}/rewriteAppHTTPProbers`,
	userVolume: `${sidecar}/userVolume`,
	userVolumeMount: `${sidecar}/userVolumeMount`,
	statusPort: `status.${sidecar}/port`,
	readinessInitialDelay: `${readiness}/initialDelaySeconds`,
	readinessPeriod: `${readiness}/periodSeconds`,
	readinessFailures: `${readiness}/failureThreshold`,
	readinessPorts: `${readiness}/applicationPorts`,
	includeOutboundIPRanges: `${traffic}/includeOutboundIPRanges`,
	excludeOutboundIPRanges: `${traffic}/excludeOutboundIPRanges`,
	includeInboundPorts: `${traffic}/includeInboundPorts`,
	excludeInboundPorts: `${traffic}/excludeInboundPorts`,
	excludeOutboundPorts: `${traffic}/excludeOutboundPorts`,
	kubevirtInterfaces: `${traffic}/kubevirtInterfaces`,
	datadogEnv: 'apm.datadoghq.com/env',
} as const;

/** Which values an annotation may have. */
interface Rule {
	readonly form: string;
	readonly takes: (value: string) => boolean;
	/** First minor whose injector has this rule. */
	readonly since?: Minor;
	/** Last minor whose injector has this rule. */
	readonly until?: Minor;
}

function isPort(value: string): boolean {
	return /^[0-9]+$/.test(value.trim()) && Number(value) <= 65_535;
}

function arePorts(value: string): boolean {
	return value.trim() === '' || value.split(',').every(isPort);
}

function areCidrs(value: string): boolean {
	return value === '' || value.split(',').every((block) => isCidr(block));
}

function orAll(takes: (value: string) => boolean): (value: string) => boolean {
	return (value) => value === '*' || takes(value);
}

function isUint32(value: string): boolean {
	return /^[0-9]+$/.test(value) && Number(value) <= 4_294_967_295;
}

const ports = { form: 'port numbers, separated by commas', takes: arePorts } as const;
const portsOrAll = { form: 'port numbers, separated by commas, or "*"', takes: orAll(arePorts) } as const;
const count = { form: 'a whole number', takes: isUint32 } as const;
const amount = { form: 'an amount, such as 100m or 128Mi', takes: isQuantity } as const;

const rules: Readonly<Record<string, readonly Rule[]>> = {
	[annotations.interceptionMode]: [
		{ form: 'REDIRECT or TPROXY', takes: (value) => ['REDIRECT', 'TPROXY'].includes(value), until: '1.0' },
		{
			form: 'REDIRECT, TPROXY or NONE',
			takes: (value) => ['REDIRECT', 'TPROXY', 'NONE'].includes(value),
			since: '1.1',
		},
	],
	// The injector does not check these, but what it makes of a wrong value is no valid pod.
	[annotations.proxyCPU]: [amount],
	[annotations.proxyMemory]: [amount],
	[annotations.statusPort]: [{ form: 'a port number', takes: isPort }],
	[annotations.readinessInitialDelay]: [count],
	[annotations.readinessPeriod]: [count],
	[annotations.readinessFailures]: [count],
	[annotations.readinessPorts]: [portsOrAll],
	[annotations.includeOutboundIPRanges]: [
		{ form: 'address blocks, separated by commas, or "*"', takes: orAll(areCidrs) },
	],
	[annotations.excludeOutboundIPRanges]: [{ form: 'address blocks, separated by commas', takes: areCidrs }],
	[annotations.includeInboundPorts]: [portsOrAll],
	[annotations.excludeInboundPorts]: [ports],
	[annotations.excludeOutboundPorts]: [{ ...ports, since: '1.2' }],
};

/** The annotations for which the injector of that minor would refuse the pod. */
export function checkAnnotations({ annotations: given = {} }: PodMetadata, minor: Minor): readonly PodProblem[] {
	return Object.entries(given).flatMap(([name, value]) =>
		(Object.hasOwn(rules, name) ? (rules[name] ?? []) : [])
			.filter(
				({ since, until, takes }) =>
					(since === undefined || compareMinor(since, minor) <= 0) &&
					(until === undefined || compareMinor(minor, until) <= 0) &&
					!takes(value),
			)
			.map(({ form }) => annotationProblem(name, `must be ${form}, not ${JSON.stringify(value)}`)),
	);
}

export function annotationProblem(name: string, message: string): PodProblem {
	const path = `metadata.annotations[${name}]`;
	return { path, message: `${path} ${message}`, remedy: 'correct the value, or remove the annotation' };
}
