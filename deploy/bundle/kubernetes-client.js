/**
 * Replaces `@kubernetes/client-node` in the bundle: it has the real KubeConfig, and none of the generated API classes and
 * models, which would cost 90 MB of memory. `@dot-i/k8s-operator` mentions a few of them. `OperatorContract` overrides
 * every method that would use them. If one is called all the same, it says so.
 */
export { KubeConfig } from '../../node_modules/@kubernetes/client-node/dist/config.js';

function leftOut(name) {
	throw new Error(
		`${name} of @kubernetes/client-node is left out of the bundle, because it carries every generated model with it. ` +
			'Requests go over operator/runtime/client/api-server.ts',
	);
}

export class CoreV1Api {
	constructor() {
		leftOut('CoreV1Api');
	}
}

export class ApiextensionsV1Api {
	constructor() {
		leftOut('ApiextensionsV1Api');
	}
}

export class Watch {
	constructor() {
		leftOut('Watch');
	}
}

export function loadYaml() {
	leftOut('loadYaml');
}
