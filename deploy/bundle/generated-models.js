/**
 * What the bundle has in place of client-node's `gen/index.js`: the two names that `KubeConfig.makeApiClient` uses.
 * They carry the values and do nothing, since no API class in the bundle reads them.
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
