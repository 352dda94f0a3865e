/** Which versions of the control plane's parts belong together. One row per Kubernetes minor that tests can run against. */
import { SemVer } from 'semver';

export interface Pins {
	/** Minor, as `MESHWRIGHT_KUBERNETES_VERSION` names it: `1.36`. */
	readonly minor: string;
	/** Version of the module `k8s.io/kubernetes`. */
	readonly kubernetes: string;
	/** Version of the staging modules (`k8s.io/api` and so on) that belongs to it. */
	readonly staging: string;
	/** Version of `go.etcd.io/etcd/server/v3`. */
	readonly etcd: string;
	/** Version of `sigs.k8s.io/kwok`. */
	readonly kwok: string;
}

export const defaultMinor = '1.36';

function row(kubernetes: string, etcd: string, kwok: string): Pins {
	const { major, minor, patch } = new SemVer(kubernetes);
	return { minor: `${major}.${minor}`, kubernetes, staging: `v0.${minor}.${patch}`, etcd, kwok };
}

/**
 * The default minor is built from the `go.mod` and `go.sum` in this folder, which a test keeps equal to this table. For
 * the others Go resolves the same packages anew and checks them against its public checksum database.
 */
export const supported: readonly Pins[] = [
	row('v1.36.3', 'v3.6.8', 'v0.8.0'),
	row('v1.35.4', 'v3.6.8', 'v0.8.0'),
	row('v1.34.4', 'v3.6.8', 'v0.8.0'),
];

/** The pins for a setting like `1.35` or `v1.35`; the default when there is none. Throws for a minor that is not in the table. */
export function pinsFor(setting: string | undefined): Pins {
	const minor = (setting ?? defaultMinor).replace(/^v/, '');
	const found = supported.find((pins) => pins.minor === minor);
	if (found === undefined) {
		const known = supported.map((pins) => pins.minor).join(', ');
		throw new Error(`MESHWRIGHT_KUBERNETES_VERSION=${setting}: choose one of ${known}`);
	}
	return found;
}

/** A program that a control plane runs, and the Go package that it is built from. */
export interface Program {
	readonly name: 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';
	readonly package: string;
	/** The name that `go install` gives the binary: the last element of the package's path, without its major version. */
	readonly installedAs: string;
	readonly version: (pins: Pins) => string;
}

function kubernetesProgram(name: Program['name']): Program {
	return {
		name,
		package: `k8s.io/kubernetes/cmd/${name}`,
		installedAs: name,
		version: (pins) => pins.kubernetes,
	};
}

export const programs: readonly Program[] = [
	{ name: 'etcd', package: 'go.etcd.io/etcd/server/v3', installedAs: 'server', version: (pins) => pins.etcd },
	kubernetesProgram('kube-apiserver'),
	kubernetesProgram('kube-controller-manager'),
	kubernetesProgram('kube-scheduler'),
	{ name: 'kwok', package: 'sigs.k8s.io/kwok/cmd/kwok', installedAs: 'kwok', version: (pins) => pins.kwok },
];

/** `api-server`: etcd and kube-apiserver. `all`: the controllers, the scheduler and simulated nodes too. */
export type Parts = 'api-server' | 'all';

/** The programs that a control plane of these parts needs. */
export function programsFor(parts: Parts): readonly Program['name'][] {
	return parts === 'all' ? programs.map((program) => program.name) : ['etcd', 'kube-apiserver'];
}

/** Linker flags: without them the programs report the version `v0.0.0-master+$Format`, which clients cannot parse. */
export function linkerFlags(pins: Pins): string {
	const { major, minor } = new SemVer(pins.kubernetes);
	const version = 'k8s.io/component-base/version';
	return [
		'-s -w',
		`-X ${version}.gitVersion=${pins.kubernetes}`,
		`-X ${version}.gitMajor=${major}`,
		`-X ${version}.gitMinor=${minor}`,
	].join(' ');
}
