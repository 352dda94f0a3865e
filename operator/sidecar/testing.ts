/** Pods for tests of injection. */
import type { Injection, Pod, PodContainer } from './pod.ts';

/** A pod with one port and the label that names its service. */
export const shop: Pod = {
	metadata: { name: 'shop', labels: { app: 'shop' } },
	spec: { containers: [{ name: 'shop', image: 'shop:1', ports: [{ containerPort: 8080 }] }] },
};

/** `shop` with annotations. */
export function annotatedShop(annotations: Readonly<Record<string, string>>): Pod {
	return { ...shop, metadata: { ...shop.metadata, annotations } };
}

/** The one container of this name in an injected pod. Throws when there is none or several. */
export function only(injection: Injection, name: string): PodContainer {
	if (injection.kind !== 'injected') {
		throw new Error(`not injected: ${JSON.stringify(injection)}`);
	}
	const { initContainers = [], containers = [] } = injection.spec;
	const [found, ...others] = [...initContainers, ...containers].filter((container) => container.name === name);
	if (found === undefined || others.length > 0) {
		throw new Error(`${others.length + (found === undefined ? 0 : 1)} containers ${name}, not one`);
	}
	return found;
}

/** The arguments of a container of an injected pod. */
export function argsOf(injection: Injection, name = 'istio-proxy'): readonly string[] {
	return only(injection, name).args as readonly string[];
}

/** The argument after a flag. Undefined when the flag is missing. */
export function after(args: readonly string[], flag: string): string | undefined {
	const at = args.indexOf(flag);
	return at < 0 ? undefined : args[at + 1];
}

/** The environment of an injected pod's proxy, by name. */
export function envOf(injection: Injection): Readonly<Record<string, unknown>> {
	const env = only(injection, 'istio-proxy').env as readonly { readonly name: string; readonly value?: string }[];
	return Object.fromEntries(env.map(({ name, value, ...rest }) => [name, value ?? rest]));
}
