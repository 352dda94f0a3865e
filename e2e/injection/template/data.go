package main

import "encoding/json"

// What the injectors give to their templates (SidecarTemplateData): again one type per release that adds to it.

type data10[Proxy, Mesh any] struct {
	ObjectMeta  *ObjectMeta
	Spec        *PodSpec
	ProxyConfig *Proxy
	MeshConfig  *Mesh
}

type data11[Proxy, Mesh any] struct {
	data10[Proxy, Mesh]
	DeploymentMeta *ObjectMeta
}

type data12[Proxy, Mesh any] struct {
	data11[Proxy, Mesh]
	Values map[string]any
}

type data13[Proxy, Mesh any] struct {
	data12[Proxy, Mesh]
	TypeMeta *TypeMeta
}

// A dataSource reads a mesh configuration into the defaults of its release. The function that it returns makes the data of
// the template for a pod.
type dataSource func(mesh json.RawMessage, values map[string]any) (func(pod) any, error)

// dataSources has the releases by their minors.
var dataSources = []dataSource{
	func(given json.RawMessage, _ map[string]any) (func(pod) any, error) {
		proxy := oldProxyConfig()
		mesh := oldMeshConfig(&proxy)
		return func(of pod) any { return newData10(of, &proxy, &mesh) }, read(given, &mesh)
	},
	func(given json.RawMessage, _ map[string]any) (func(pod) any, error) {
		proxy := proxyConfig11{proxyConfig10: newProxyConfig()}
		mesh := newMeshConfig(&proxy)
		return func(of pod) any { return newData11(of, &proxy, &mesh) }, read(given, &mesh)
	},
	func(given json.RawMessage, values map[string]any) (func(pod) any, error) {
		proxy := proxyConfig11{proxyConfig10: newProxyConfig()}
		mesh := newMeshConfig(&proxy)
		return func(of pod) any { return newData12(of, &proxy, &mesh, values) }, read(given, &mesh)
	},
	func(given json.RawMessage, values map[string]any) (func(pod) any, error) {
		proxy := newestProxyConfig()
		mesh := newMeshConfig(&proxy)
		return func(of pod) any { return newData13(of, &proxy, &mesh, values) }, read(given, &mesh)
	},
	func(given json.RawMessage, values map[string]any) (func(pod) any, error) {
		proxy := newestProxyConfig()
		mesh := meshConfig14{newMeshConfig(&proxy), &wrapped[bool]{}}
		return func(of pod) any { return newData13(of, &proxy, &mesh, values) }, read(given, &mesh)
	},
}

func read(given json.RawMessage, mesh any) error {
	if len(given) == 0 {
		return nil
	}
	return json.Unmarshal(given, mesh)
}

func newData10[Proxy, Mesh any](of pod, proxy *Proxy, mesh *Mesh) data10[Proxy, Mesh] {
	return data10[Proxy, Mesh]{of.ObjectMeta, of.Spec, proxy, mesh}
}

func newData11[Proxy, Mesh any](of pod, proxy *Proxy, mesh *Mesh) data11[Proxy, Mesh] {
	return data11[Proxy, Mesh]{newData10(of, proxy, mesh), of.DeploymentMeta}
}

func newData12[Proxy, Mesh any](of pod, proxy *Proxy, mesh *Mesh, values map[string]any) data12[Proxy, Mesh] {
	return data12[Proxy, Mesh]{newData11(of, proxy, mesh), values}
}

func newData13[Proxy, Mesh any](of pod, proxy *Proxy, mesh *Mesh, values map[string]any) data13[Proxy, Mesh] {
	return data13[Proxy, Mesh]{newData12(of, proxy, mesh, values), of.TypeMeta}
}

// The defaults are DefaultProxyConfig and DefaultMeshConfig of each tag, as far as there are fields for them: 1.0 has its
// own, 1.3 and 1.4 two addresses more.

func oldProxyConfig() proxyConfig10 {
	config := newProxyConfig()
	config.DrainDuration = seconds(2)
	config.ParentShutdownDuration = seconds(3)
	config.DiscoveryRefreshDelay = seconds(1)
	config.StatNameLength = 0
	return config
}

func newProxyConfig() proxyConfig10 {
	return proxyConfig10{
		ConfigPath:             "/etc/istio/proxy",
		BinaryPath:             "/usr/local/bin/envoy",
		ServiceCluster:         "istio-proxy",
		DrainDuration:          seconds(45),
		ParentShutdownDuration: seconds(60),
		DiscoveryAddress:       "istio-pilot:15007",
		ConnectTimeout:         seconds(1),
		ProxyAdminPort:         15000,
		StatNameLength:         189,
	}
}

func newestProxyConfig() proxyConfig13 {
	return proxyConfig13{
		proxyConfig10:         newProxyConfig(),
		EnvoyMetricsService:   &service{},
		EnvoyAccessLogService: &service{},
	}
}

func oldMeshConfig(proxy *proxyConfig10) meshConfig10[proxyConfig10] {
	return meshConfig10[proxyConfig10]{
		ProxyListenPort: 15001,
		ConnectTimeout:  seconds(1),
		IngressClass:    "istio",
		EnableTracing:   true,
		AccessLogFile:   "/dev/stdout",
		DefaultConfig:   proxy,
	}
}

func newMeshConfig[Proxy any](proxy *Proxy) meshConfig11[Proxy] {
	return meshConfig11[Proxy]{
		meshConfig10: meshConfig10[Proxy]{
			DisablePolicyChecks: true,
			ProxyListenPort:     15001,
			ConnectTimeout:      seconds(1),
			IngressService:      "istio-ingressgateway",
			EnableTracing:       true,
			AccessLogFile:       "/dev/stdout",
			DefaultConfig:       proxy,
		},
		RootNamespace:  "istio-system",
		DnsRefreshRate: seconds(5),
	}
}
