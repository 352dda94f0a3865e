/** What releases of every line tell of their components: ports, resources, rights, images. */

/** Kubernetes versions (`major.minor`) that a release runs on once Meshwright has prepared the ground. */
export interface KubernetesSupport {
	/** The oldest: the definition of MeshInstallation needs it (the CEL function `isCIDR`), and all that is rendered is stable there. */
	readonly minimum: string;
	/** The newest that was tried. Newer ones are not refused. */
	readonly tested: string;
	/** What Istio's own project says about it. */
	readonly upstream: string;
}

/** A port that a container listens on and, unless `service` is absent, a Service offers under that name. */
export interface Port {
	readonly port: number;
	/** At most 15 characters, as Kubernetes demands of container ports. */
	readonly container: string;
	/** Sidecars and Prometheus configurations find ports by these names (charts of istio 1.0-1.4). */
	readonly service?: string;
}

/** An amount of compute, in Kubernetes' canonical form. */
export interface Resources {
	readonly requests?: Readonly<Record<string, string>>;
	readonly limits?: Readonly<Record<string, string>>;
}

/** Permission to read one resource. */
export interface ReadRule {
	readonly group: string;
	readonly resource: string;
	readonly verbs: readonly ('get' | 'list' | 'watch')[];
}

/** Permission to use one resource. */
export interface AccessRule {
	readonly group: string;
	readonly resource: string;
	readonly verbs: readonly ('get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete')[];
	/** Only the objects of these names. Creating, listing and watching can't be narrowed so. */
	readonly names?: readonly string[];
}

/** What every component of a release has. */
export interface ComponentRelease {
	/** Name of the image below the registry. */
	readonly image: string;
	/** Flags that the binary knows: any other one ends it at start. Without leading dashes. */
	readonly flags: readonly string[];
	/** What its container asks for when the installation does not say. */
	readonly resources: Resources;
}
