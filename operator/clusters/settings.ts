/** What the operator's owner allows joined clusters, beyond what is safe everywhere. */
export interface ClusterSettings {
	/** Allows API servers at loopback addresses: for tests and the demo, where all clusters are on one machine. */
	readonly allowLoopback: boolean;
	/** Allows `proxy-url` in kubeconfigs: all requests to that cluster, tokens included, go through the proxy. */
	readonly allowProxies: boolean;
}
