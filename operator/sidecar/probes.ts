/**
 * When a pod asks for it by annotation, its HTTP probes go to the agent beside the proxy, and the agent asks the
 * application. With mutual TLS the kubelet could not ask it itself (istio 1.2-1.4 `pkg/kube/inject/app_probe.go`).
 */
import { annotations } from './annotations.ts';
import { goJson } from './go-json.ts';
import type { PodContainer, PodMetadata } from './pod.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The agent reads from this variable what it has to ask. */
const variable = 'ISTIO_KUBE_APP_PROBERS';

const probes = [
	['readinessProbe', 'readyz'],
	['livenessProbe', 'livez'],
] as const;

/** Those that today's istiod points at the agent. */
const allProbes = [...probes, ['startupProbe', 'startupz']] as const;
const lifecycle = [
	['preStop', 'prestopz'],
	['postStart', 'poststartz'],
] as const;

/** Reads the annotation as Go's `strconv.ParseBool` does. Anything else means that the pod did not ask. */
export function rewritesProbes({ annotations: given = {} }: PodMetadata): boolean {
	return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(given[annotations.rewriteAppHTTPProbers] ?? '');
}

/** The containers with their probes pointed at the agent, and the proxy with what the agent has to ask. */
export function rewriteProbes(
	applications: readonly PodContainer[],
	proxy: PodContainer,
): { readonly applications: readonly PodContainer[]; readonly proxy: PodContainer } {
	const asked = Object.fromEntries(
		applications.flatMap((container) =>
			probes.flatMap(([field, path]) => {
				const action = withNumber(httpGetOf(container, field), container);
				return action === undefined ? [] : [[urlOf(container, path), action]];
			}),
		),
	);
	const told: PodContainer = {
		...proxy,
		env: [...listOf(proxy.env), { name: variable, value: goJson(sortKeys(asked)) }],
	};
	const port = statusPortOf(proxy);
	return {
		applications: port === undefined ? applications : applications.map((each) => toAgent(each, port)),
		proxy: told,
	};
}

function toAgent(container: PodContainer, port: number): PodContainer {
	const changed = probes.flatMap(([field, path]) => {
		const action = httpGetOf(container, field);
		if (action === undefined) {
			return [];
		}
		const scheme = action.scheme === 'HTTPS' ? { scheme: 'HTTP' } : {};
		const httpGet = { ...action, path: urlOf(container, path), port, ...scheme };
		return [[field, { ...fieldsOf(container[field]), httpGet }] as const];
	});
	return { ...container, ...Object.fromEntries(changed) };
}

/** The containers with their original probes, which are read from the proxy that is being removed. */
export function restoreProbes(
	applications: readonly PodContainer[],
	proxies: readonly PodContainer[],
): readonly PodContainer[] {
	const told = proxies.flatMap(({ env }) => listOf(env)).find((entry) => fieldsOf(entry).name === variable)?.value;
	const asked = typeof told === 'string' ? readAsked(told) : {};
	return applications.map((container) => {
		const restored = allProbes.flatMap(([field, path]) => {
			const action = actionOf(asked[urlOf(container, path)]);
			return action === undefined ? [] : [[field, withAction(container[field], action)] as const];
		});
		const hooks = lifecycle.flatMap(([field, path]) => {
			const action = actionOf(asked[`/app-lifecycle/${container.name}/${path}`]);
			return action === undefined ? [] : [[field, withAction(fieldsOf(container.lifecycle)[field], action)] as const];
		});
		return {
			...container,
			...Object.fromEntries(restored),
			...(hooks.length === 0 ? {} : { lifecycle: { ...fieldsOf(container.lifecycle), ...Object.fromEntries(hooks) } }),
		};
	});
}

/** What the agent asks: an HTTP request (istio 1.2-1.4), or one of several kinds by its name (1.7 and newer). */
function actionOf(asked: unknown): Fields | undefined {
	if (typeof asked !== 'object' || asked === null) return undefined;
	const { httpGet, tcpSocket, grpc } = fieldsOf(asked);
	const named = Object.entries({ httpGet, tcpSocket, grpc }).filter(([, action]) => action !== undefined);
	return named.length === 0 ? { httpGet: asked } : Object.fromEntries(named);
}

/** A probe or hook with its own action in place of the request to the agent. */
function withAction(pointed: unknown, action: Fields): Fields {
	const { httpGet: _, ...others } = fieldsOf(pointed);
	return { ...others, ...action };
}

/** Empty when somebody else has written the text and it can't be read. */
function readAsked(text: string): Fields {
	try {
		return fieldsOf(JSON.parse(text));
	} catch (error) {
		if (error instanceof SyntaxError) {
			return {};
		}
		throw error;
	}
}

function urlOf({ name }: PodContainer, path: string): string {
	return `/app-health/${name}/${path}`;
}

function httpGetOf(container: PodContainer, field: string): Fields | undefined {
	const action = fieldsOf(container[field]).httpGet;
	return typeof action === 'object' && action !== null ? (action as Fields) : undefined;
}

/**
 * The fields of an action in Kubernetes' order, with the name of a port replaced by its number. Undefined for an unknown
 * name.
 */
function withNumber(action: Fields | undefined, { ports = [] }: PodContainer): Fields | undefined {
	if (action === undefined) {
		return undefined;
	}
	const port =
		typeof action.port === 'string' ? ports.findLast(({ name }) => name === action.port)?.containerPort : action.port;
	if (port === undefined) {
		return undefined;
	}
	const { path, host, scheme, httpHeaders } = action;
	const given = { path, port, host, scheme, httpHeaders };
	return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && value !== ''));
}

/** The agent's port, read from the arguments of the proxy. */
function statusPortOf({ args }: PodContainer): number | undefined {
	const list: readonly unknown[] = Array.isArray(args) ? args : [];
	const at = list.indexOf('--statusPort');
	const port = Number(list[at + 1]);
	return at < 0 || !Number.isInteger(port) ? undefined : port;
}

function sortKeys(fields: Fields): Fields {
	return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fieldsOf(value: unknown): Fields {
	return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
	return Array.isArray(value) ? value : [];
}
