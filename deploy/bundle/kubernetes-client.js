/**
 * What the bundle has in place of `@kubernetes/client-node`: the real KubeConfig, and nothing of the generated API
 * classes and models, which would cost 90 MB of memory. `@dot-i/k8s-operator` names a few of them; `OperatorContract`
 * overrides every method that would use them. One that is called all the same says so.
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
