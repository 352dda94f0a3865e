package main

// Kubernetes' types as far as templates have use for them, by k8s.io/api at the tags of Istio 1.0.9 to 1.4.10. A template
// that names another field ends with an error.

// A pod is what a template is told of the pod, and of the workload that owns it (from 1.1 and 1.3 on).
type pod struct {
	ObjectMeta     *ObjectMeta
	Spec           *PodSpec
	DeploymentMeta *ObjectMeta
	TypeMeta       *TypeMeta
}

type TypeMeta struct {
	Kind       string `json:"kind,omitempty"`
	APIVersion string `json:"apiVersion,omitempty"`
}

type ObjectMeta struct {
	Name         string            `json:"name,omitempty"`
	GenerateName string            `json:"generateName,omitempty"`
	Namespace    string            `json:"namespace,omitempty"`
	UID          string            `json:"uid,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

type PodSpec struct {
	InitContainers           []Container         `json:"initContainers,omitempty"`
	Containers               []Container         `json:"containers"`
	DNSPolicy                string              `json:"dnsPolicy,omitempty"`
	ServiceAccountName       string              `json:"serviceAccountName,omitempty"`
	DeprecatedServiceAccount string              `json:"serviceAccount,omitempty"`
	NodeName                 string              `json:"nodeName,omitempty"`
	HostNetwork              bool                `json:"hostNetwork,omitempty"`
	SecurityContext          *PodSecurityContext `json:"securityContext,omitempty"`
	Hostname                 string              `json:"hostname,omitempty"`
	Subdomain                string              `json:"subdomain,omitempty"`
}

// A PodSecurityContext is only asked whether it is there.
type PodSecurityContext struct{}

type Container struct {
	Name       string          `json:"name"`
	Image      string          `json:"image,omitempty"`
	Command    []string        `json:"command,omitempty"`
	Args       []string        `json:"args,omitempty"`
	WorkingDir string          `json:"workingDir,omitempty"`
	Ports      []ContainerPort `json:"ports,omitempty"`
}

type ContainerPort struct {
	Name          string `json:"name,omitempty"`
	HostPort      int32  `json:"hostPort,omitempty"`
	ContainerPort int32  `json:"containerPort"`
	Protocol      string `json:"protocol,omitempty"`
	HostIP        string `json:"hostIP,omitempty"`
}
