/** The options of the demo. */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { lines } from '../../operator/lines/index.ts';
import { root } from './steps.ts';

export interface Options {
	readonly once: boolean;
	/** Files to apply one after the other, each when the one before is ready. Only with one cluster. */
	readonly files: readonly string[];
	/** Version of Istio for the mesh of all files, instead of theirs. */
	readonly version: string | undefined;
	/** Number of nodes in each cluster. */
	readonly nodes: number;
	readonly clusters: number;
	/** Shows a change of version. Only with one cluster. */
	readonly upgrade: boolean;
	/** Runs Istio's own istiod and proxies. Only with one cluster. */
	readonly real: boolean;
}

export const mostClusters = 5;

/** Throws when an option is wrong, with a message for the user. */
export function readOptions(args?: readonly string[]): Options {
	const { values } = parseArgs({
		...(args === undefined ? {} : { args: [...args] }),
		options: {
			once: { type: 'boolean', default: false },
			filename: { type: 'string', short: 'f' },
			nodes: { type: 'string', default: '3' },
			clusters: { type: 'string', default: '1' },
			upgrade: { type: 'boolean', default: false },
			version: { type: 'string' },
			real: { type: 'boolean', default: false },
		},
	});
	const clusters = wholeNumber('--clusters', values.clusters, mostClusters);
	if (clusters > 1 && values.filename !== undefined) {
		throw new Error('-f is for one cluster: with --clusters the demo writes a mesh for each of them');
	}
	if (values.upgrade && (clusters > 1 || values.filename !== undefined)) {
		throw new Error('--upgrade shows a mesh of its own in one cluster: leave away -f and --clusters');
	}
	if (
		values.real &&
		(clusters > 1 || values.filename !== undefined || values.upgrade || values.version !== undefined)
	) {
		throw new Error(
			'--real shows a mesh of its own in one cluster: leave away -f, --clusters, --upgrade and --version',
		);
	}
	const { version } = values;
	const release = lines.releases.find((known) => known.version === version);
	if (version !== undefined && release === undefined) {
		const known = lines.releases.map((one) => one.version).join(', ');
		throw new Error(`--version must be one of ${known}, not ${JSON.stringify(version)}`);
	}
	if (version !== undefined && (clusters > 1 || values.upgrade || values.filename !== undefined)) {
		throw new Error('--version is for the examples in one cluster: leave away -f, --clusters and --upgrade');
	}
	const folder = release?.line === 'classic' ? 'deploy/examples/classic' : 'deploy/examples';
	const examples = ['minimal', 'default'].map((name) => path.join(root, folder, `${name}.yaml`));
	const files = values.filename === undefined ? examples : [path.resolve(values.filename)];
	return {
		once: values.once,
		files,
		version,
		nodes: wholeNumber('--nodes', values.nodes, 50),
		clusters,
		upgrade: values.upgrade,
		real: values.real,
	};
}

function wholeNumber(option: string, text: string, most: number): number {
	const value = Number(text);
	if (!/^[0-9]+$/.test(text) || value < 1 || value > most) {
		throw new Error(`${option} must be a whole number from 1 to ${most}, not ${JSON.stringify(text)}`);
	}
	return value;
}
