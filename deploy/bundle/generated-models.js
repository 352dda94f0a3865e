/**
 * Replaces client-node's `gen/index.js` in the bundle: the two names that `KubeConfig.makeApiClient` uses. They hold the
 * values and do nothing, because no API class in the bundle reads them.
 */
export class ServerConfiguration {
	constructor(url, variables) {
		this.url = url;
		this.variables = variables;
	}
}

export function createConfiguration(parameters) {
	return parameters;
}
