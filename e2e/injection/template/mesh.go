package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// Istio's own types as far as templates have use for them, by istio.io/api at the tags of Istio 1.0.9 to 1.4.10: one per
// release that adds to it. A template that names a field or a getter which its release doesn't have ends with an error.
// Getters can be called on nil, fields can't be read from it; of the getters there are those that templates call.
//
// encoding/json finds the fields by their names, as the YAML of a mesh configuration has them in another case.

type proxyConfig10 struct {
	ConfigPath                 string
	BinaryPath                 string
	ServiceCluster             string
	DrainDuration              *Duration
	ParentShutdownDuration     *Duration
	DiscoveryAddress           string
	DiscoveryRefreshDelay      *Duration
	ZipkinAddress              string
	ConnectTimeout             *Duration
	StatsdUdpAddress           string
	ProxyAdminPort             int32
	AvailabilityZone           string
	ControlPlaneAuthPolicy     authenticationPolicy
	CustomConfigFile           string
	StatNameLength             int32
	Concurrency                int32
	ProxyBootstrapTemplatePath string
	InterceptionMode           interceptionMode
}

type proxyConfig11 struct {
	proxyConfig10
	EnvoyMetricsServiceAddress string
	Tracing                    *tracing11
}

type proxyConfig13 struct {
	proxyConfig10
	EnvoyMetricsServiceAddress string
	Tracing                    *tracing13
	EnvoyMetricsService        *service
	EnvoyAccessLogService      *service
}

func (p *proxyConfig11) GetTracing() *tracing11             { return p.Tracing }
func (p *proxyConfig13) GetTracing() *tracing13             { return p.Tracing }
func (p *proxyConfig13) GetEnvoyMetricsService() *service   { return p.EnvoyMetricsService }
func (p *proxyConfig13) GetEnvoyAccessLogService() *service { return p.EnvoyAccessLogService }

type meshConfig10[Proxy any] struct {
	MixerCheckServer    string
	MixerReportServer   string
	DisablePolicyChecks bool
	PolicyCheckFailOpen bool
	ProxyListenPort     int32
	ProxyHttpPort       int32
	ConnectTimeout      *Duration
	IngressClass        string
	IngressService      string
	EnableTracing       bool
	AccessLogFile       string
	SdsUdsPath          string
	DefaultConfig       *Proxy
}

type meshConfig11[Proxy any] struct {
	meshConfig10[Proxy]
	EnableSdsTokenMount bool
	TrustDomain         string
	RootNamespace       string
	DnsRefreshRate      *Duration
}

type meshConfig14 struct {
	meshConfig11[proxyConfig13]
	EnableAutoMtls *wrapped[bool]
}

// A tracers is one of several, which a template only gets by a getter.
type tracers struct {
	zipkin      *service
	lightstep   *lightstep
	datadog     *service
	stackdriver *stackdriver
}

func (t *tracers) UnmarshalJSON(text []byte) error {
	var given struct {
		Zipkin, Datadog *service
		Lightstep       *lightstep
		Stackdriver     *stackdriver
	}
	err := json.Unmarshal(text, &given)
	*t = tracers{given.Zipkin, given.Lightstep, given.Datadog, given.Stackdriver}
	return err
}

type tracing11 struct{ tracers }
type tracing13 tracing11

func (t *tracing11) GetZipkin() *service {
	return get(t, func(t *tracing11) *service { return t.zipkin })
}
func (t *tracing11) GetLightstep() *lightstep {
	return get(t, func(t *tracing11) *lightstep { return t.lightstep })
}
func (t *tracing11) GetDatadog() *service {
	return get(t, func(t *tracing11) *service { return t.datadog })
}
func (t *tracing13) GetZipkin() *service      { return (*tracing11)(t).GetZipkin() }
func (t *tracing13) GetLightstep() *lightstep { return (*tracing11)(t).GetLightstep() }
func (t *tracing13) GetDatadog() *service     { return (*tracing11)(t).GetDatadog() }
func (t *tracing13) GetStackdriver() *stackdriver {
	return get(t, func(t *tracing13) *stackdriver { return t.stackdriver })
}

// A service is one of Tracing_Zipkin, Tracing_Datadog and RemoteService: what is at an address.
type service struct{ Address string }

func (s *service) GetAddress() string { return get(s, func(s *service) string { return s.Address }) }

type lightstep struct {
	Address     string
	AccessToken string
	Secure      bool
	CacertPath  string
}

func (l *lightstep) GetAddress() string {
	return get(l, func(l *lightstep) string { return l.Address })
}
func (l *lightstep) GetAccessToken() string {
	return get(l, func(l *lightstep) string { return l.AccessToken })
}
func (l *lightstep) GetSecure() bool {
	return get(l, func(l *lightstep) bool { return l.Secure })
}
func (l *lightstep) GetCacertPath() string {
	return get(l, func(l *lightstep) string { return l.CacertPath })
}

type stackdriver struct {
	Debug                    bool
	MaxNumberOfAttributes    *wrapped[int64]
	MaxNumberOfAnnotations   *wrapped[int64]
	MaxNumberOfMessageEvents *wrapped[int64]
}

func (s *stackdriver) GetDebug() bool {
	return get(s, func(s *stackdriver) bool { return s.Debug })
}
func (s *stackdriver) GetMaxNumberOfAttributes() *wrapped[int64] {
	return get(s, func(s *stackdriver) *wrapped[int64] { return s.MaxNumberOfAttributes })
}
func (s *stackdriver) GetMaxNumberOfAnnotations() *wrapped[int64] {
	return get(s, func(s *stackdriver) *wrapped[int64] { return s.MaxNumberOfAnnotations })
}
func (s *stackdriver) GetMaxNumberOfMessageEvents() *wrapped[int64] {
	return get(s, func(s *stackdriver) *wrapped[int64] { return s.MaxNumberOfMessageEvents })
}

// get reads a field, or gives its zero value where there is no message.
func get[Message, Value any](message *Message, field func(*Message) Value) (value Value) {
	if message != nil {
		value = field(message)
	}
	return value
}

// A wrapped value, unlike a bare one, can be absent. In JSON it stands bare.
type wrapped[Value any] struct{ Value Value }

func (w *wrapped[Value]) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &w.Value) }

// A Duration stands in JSON as Go writes it: 1m30s.
type Duration struct {
	Seconds int64
	Nanos   int32
}

func (d *Duration) UnmarshalJSON(text []byte) error {
	var written string
	if err := json.Unmarshal(text, &written); err != nil {
		return err
	}
	parsed, err := time.ParseDuration(written)
	*d = Duration{int64(parsed / time.Second), int32(parsed % time.Second)}
	return err
}

func seconds(number int64) *Duration { return &Duration{Seconds: number} }

// Both are numbers that print as words.
type authenticationPolicy int32
type interceptionMode int32

var authenticationPolicies = map[int32]string{0: "NONE", 1: "MUTUAL_TLS", 1000: "INHERIT"}
var interceptionModes = map[int32]string{0: "REDIRECT", 1: "TPROXY"}

func (p authenticationPolicy) String() string { return authenticationPolicies[int32(p)] }
func (m interceptionMode) String() string     { return interceptionModes[int32(m)] }

func (p *authenticationPolicy) UnmarshalJSON(text []byte) error {
	return readWord(text, authenticationPolicies, (*int32)(p))
}
func (m *interceptionMode) UnmarshalJSON(text []byte) error {
	return readWord(text, interceptionModes, (*int32)(m))
}

func readWord(text []byte, words map[int32]string, number *int32) error {
	var written string
	if err := json.Unmarshal(text, &written); err != nil {
		return err
	}
	for value, word := range words {
		if word == written {
			*number = value
			return nil
		}
	}
	return fmt.Errorf("unknown value %q", written)
}
