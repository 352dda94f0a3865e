/** Where a control plane comes from: a choice made by pure functions from what the environment offers. */
import { coerce, gte } from 'semver';
import { type Parts, programsFor } from './pins.ts';

export interface Offers {
	readonly parts: Parts;
	/** `MESHWRIGHT_TEST_KUBECONFIG`. */
	readonly kubeconfig: string | undefined;
	/** `KUBEBUILDER_ASSETS` and the names of the files in it. */
	readonly assets: { readonly directory: string; readonly files: readonly string[] } | undefined;
	/** The directory in the cache when this version has been built already. */
	readonly built: string | undefined;
	/** What `go version` prints; undefined when there is no Go. */
	readonly go: string | undefined;
}

export type Source =
	/** A cluster that runs already, offered to the tests. */
	| { readonly kind: 'kubeconfig'; readonly file: string }
	/** A directory with every program that is needed. */
	| { readonly kind: 'binaries'; readonly directory: string }
	/** Nothing there yet: build the programs first. */
	| { readonly kind: 'build' };

const leastGo = '1.21';

/** Whether this Go understands the `go` and `toolchain` lines of go.mod, and can so fetch the toolchain that is asked for. */
export function isGoUsable(version: string): boolean {
	const found = coerce(/\bgo(\d+\.\d+)/.exec(version)?.[1]);
	return found !== null && gte(found, `${leastGo}.0`);
}

/** Takes the first offer that suffices. Throws, with everything that would help, when there is none. */
export function chooseSource({ parts, kubeconfig, assets, built, go }: Offers): Source {
	if (kubeconfig !== undefined) {
		return { kind: 'kubeconfig', file: kubeconfig };
	}
	const missing = programsFor(parts).filter((name) => !assets?.files.includes(name));
	if (assets !== undefined && missing.length === 0) {
		return { kind: 'binaries', directory: assets.directory };
	}
	if (built !== undefined) {
		return { kind: 'binaries', directory: built };
	}
	if (go !== undefined && isGoUsable(go)) {
		return { kind: 'build' };
	}
	const reasons = [
		go === undefined ? 'there is no Go to build it with' : `${go} is older than go${leastGo}`,
		...(assets === undefined ? [] : [`KUBEBUILDER_ASSETS=${assets.directory} lacks ${missing.join(', ')}`]),
	];
	throw new Error(
		[
			`no Kubernetes control plane to test against: ${reasons.join('; ')}. Do one of these:`,
			'  - install Go 1.26 or newer (https://go.dev/dl/): the control plane is then built once, in about 4 minutes',
			`  - set KUBEBUILDER_ASSETS to a directory with ${programsFor(parts).join(', ')}`,
			'  - set MESHWRIGHT_TEST_KUBECONFIG to the kubeconfig of a throw-away cluster on 127.0.0.1',
		].join('\n'),
	);
}

/** Environment variables, empty ones taken as unset. */
export function setting(env: NodeJS.ProcessEnv, name: string): string | undefined {
	const value = env[name]?.trim();
	return value === undefined || value === '' ? undefined : value;
}
