/** The data that releases of every line have about their components: ports, resources, rights, images. */

/** Kubernetes versions (`major.minor`) on which Meshwright can run a release. */
export interface KubernetesSupport {
	/**
	 * The oldest version. The definition of MeshInstallation needs it (the CEL function `isCIDR`), and all rendered APIs are
	 * stable in it.
	 */
	readonly minimum: string;
	/** The newest version that was tried. Newer ones are not refused. */
	readonly tested: string;
	/** What Istio's own project says about that. */
	readonly upstream: string;
}

/** A port that a container listens on. When `service` is set, a Service offers it under that name. */
export interface Port {
	readonly port: number;
	/** Name of the container port. Kubernetes allows 15 characters. */
	readonly container: string;
	/** Name in the Service. Sidecars and Prometheus configurations find ports by these names (charts of istio 1.0-1.4). */
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
	/**
	 * Only objects of these names. Kubernetes can't restrict create like that, and restricts list and watch to requests that
	 * select one name (`metadata.name=…`).
	 */
	readonly names?: readonly string[];
}

/** What every component of a release has. */
export interface ComponentRelease {
	/** Name of the image below the registry. */
	readonly image: string;
	/** Flags that the binary knows, without leading dashes. Any other flag ends it at start. */
	readonly flags: readonly string[];
	/** The container's resources when the installation sets none. */
	readonly resources: Resources;
}
