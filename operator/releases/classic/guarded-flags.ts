/**
 * Flags that a component knows and that no MeshInstallation sets: they would have it trust, or tell, somebody else than the
 * mesh does. Each with what it would do, to complete "must not set --plugins: it would …".
 */
type Guarded = Readonly<Record<string, string>>;

// ControlZ shows environment and flags, changes log levels and reads nobody's credentials (istio.io/pkg `ctrlz`).
const ofAll: Guarded = {
	ctrlz_address: 'open the introspection of the process, which asks nobody who he is, to the network',
};

/** Of Pilot (istio 1.0-1.4 `pilot/cmd/pilot-discovery/main.go`). */
export const guardedPilotFlags: Guarded = {
	...ofAll,
	cfConfig: 'read services from a file for another platform',
	consulserverURL: 'take services from a server of somebody else',
	mcpServerAddrs: 'take the configuration of all proxies from a server of somebody else',
	plugins: 'leave out what makes proxies check identities, rights and policies',
	registries: 'take services from elsewhere than the cluster',
	webhookEndpoint: 'let a server of somebody else change what proxies get',
};

/** Of Mixer (istio 1.0-1.4 `mixer/cmd/mixs/cmd/server.go`). */
export const guardedMixerFlags: Guarded = {
	...ofAll,
	caCertFile: 'trust an authority from a file of its own choice',
	certFile: 'show a certificate from a file of its own choice',
	keyFile: 'use a key from a file of its own choice',
	profile: 'open the profiler, which asks nobody who he is, to the network',
};

/** Of Citadel (istio 1.0-1.4 `security/cmd/istio_ca/main.go`). */
export const guardedCitadelFlags: Guarded = {
	...ofAll,
	'enable-profiling': 'open the profiler of the process that holds the key of the authority to the network',
	'grpc-host-identities': 'let others than the Citadel of the mesh speak as it',
	'sign-ca-certs': 'let every workload sign certificates for any identity of the mesh',
	'upstream-ca-address': 'have certificates signed by somebody else',
};
