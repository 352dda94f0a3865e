/**
 * `npm run bench`: measures Meshwright's figures on a real API server, each with its goal. Figures are medians of one run.
 * For a ratio, both sides are measured in that run.
 *
 *     npm run bench                          all of them
 *     npm run bench -- --only drift          one part
 *     npm run bench -- --only hostile --mode 'events without end'
 *     npm run bench -- --only clusters --clusters 500
 *     npm run bench -- --json figures.json   the same under fixed names, to be followed over time
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { pinsFor } from '../control-plane/pins.ts';
import { setting } from '../control-plane/source.ts';
import { measureApply, measureFirst } from './measure-apply.ts';
import { measureClusters, wholeScale } from './measure-clusters.ts';
import { measureCounts } from './measure-counts.ts';
import { measureDrift } from './measure-drift.ts';
import { measureFull, measureFullCalls } from './measure-full.ts';
import { measureHostile } from './measure-hostile.ts';
import { measurePods } from './measure-pods.ts';
import { measureChild, measureProcess, measureRender } from './measure-process.ts';
import { measureUpgrade } from './measure-upgrade.ts';

type Figures = Readonly<Record<string, number | readonly string[]>>;

interface Part {
	/** The figures that it measures. The names never change, because figures are compared over years. */
	readonly figures: readonly string[];
	readonly measure: () => Promise<object> | object;
}

const runs = 5;

function ratio(name: string): readonly string[] {
	return [`${name}.ratio`, `${name}.ms`, `${name}.floor_ms`];
}

const parts: Readonly<Record<string, Part>> = {
	apply: { figures: [...ratio('apply.single'), ...ratio('apply.fifty')], measure: () => measureApply(runs) },
	full: { figures: [...ratio('full.single'), ...ratio('full.istiod')], measure: () => measureFull(runs) },
	calls: { figures: ['full.calls_per_object'], measure: measureFullCalls },
	first: { figures: ['apply.first_ms'], measure: () => measureFirst(runs) },
	drift: {
		figures: ['drift', 'drift.istiod'].flatMap((of) => [
			`${of}.p50_ms`,
			`${of}.p99_ms`,
			`${of}.p50_ratio`,
			`${of}.p99_ratio`,
		]),
		measure: () => measureDrift(112),
	},
	counts: { figures: ['noop.writes', 'resync.writes', 'restart.writes', 'change.calls'], measure: measureCounts },
	clusters: {
		figures: ['clusters.join_s', 'clusters.mb_each', 'clusters.requests_per_minute_each', 'clusters.dead.drift_ratio'],
		measure: () => measureClusters({ ...wholeScale, clusters: Number(values.clusters) }),
	},
	hostile: {
		figures: ['hostile.healthz_ms', 'hostile.drift_ratio', 'hostile.rss_mb'],
		measure: () => measureHostile(values.mode),
	},
	upgrade: {
		figures: ['upgrade.writes_per_object', 'upgrade.overhead_ratio'],
		measure: () => measureUpgrade(runs),
	},
	pods: { figures: ['pods.fifty_thousand.mb', 'pods.fifty_thousand.list_s'], measure: () => measurePods(runs) },
	process: { figures: ['rss_mb', 'ready_s'], measure: () => measureProcess(runs) },
	child: { figures: ['child_kib'], measure: measureChild },
	render: { figures: ['render_ms'], measure: () => measureRender(runs) },
};

/** The largest value that each figure may have. */
const goals: Readonly<Record<string, number>> = {
	'apply.single.ratio': 1.4,
	'apply.fifty.ratio': 1.15,
	'full.single.ratio': 1.2,
	'full.istiod.ratio': 1.2,
	'full.calls_per_object': 1.05,
	'drift.p50_ms': 10,
	'drift.p99_ms': 50,
	'drift.p50_ratio': 1.6,
	'drift.p99_ratio': 2,
	'drift.istiod.p50_ms': 10,
	'drift.istiod.p99_ms': 50,
	'drift.istiod.p50_ratio': 1.6,
	'drift.istiod.p99_ratio': 2,
	'noop.writes': 0,
	'resync.writes': 0,
	'restart.writes': 0,
	'change.calls': 2,
	'clusters.mb_each': 0.5,
	'clusters.requests_per_minute_each': 4,
	'clusters.dead.drift_ratio': 1.1,
	'hostile.healthz_ms': 100,
	'hostile.drift_ratio': 1.2,
	// 160 MiB.
	'hostile.rss_mb': 167.8,
	'upgrade.writes_per_object': 1.15,
	'upgrade.overhead_ratio': 1.5,
	'pods.fifty_thousand.mb': 25,
	rss_mb: 126,
	child_kib: 1,
	ready_s: 1,
};

const usage = `npm run bench -- [--only PART]… [--mode MODE]… [--clusters NUMBER] [--json FILE]

parts, and the figures that each measures:
${Object.entries(parts)
	.map(([name, { figures }]) => `  ${name.padEnd(8)} ${figures.join(', ')}`)
	.join('\n')}`;

function readOptions() {
	try {
		return parseArgs({
			options: {
				json: { type: 'string' },
				only: { type: 'string', multiple: true },
				mode: { type: 'string', multiple: true },
				clusters: { type: 'string', default: String(wholeScale.clusters) },
				help: { type: 'boolean', short: 'h' },
			},
		}).values;
	} catch (error) {
		return refuse(error instanceof Error ? error.message : String(error));
	}
}

function refuse(why: string): never {
	console.error(`${why}\n\n${usage}`);
	process.exit(2);
}

const values = readOptions();
if (values.help === true) {
	console.log(usage);
	process.exit(0);
}
if (!/^[1-9]\d*$/.test(values.clusters) || Number(values.clusters) <= wholeScale.dead + wholeScale.real)
	refuse(`--clusters takes a number above ${wholeScale.dead + wholeScale.real}, not ${values.clusters}.`);
const unknown = (values.only ?? []).filter((part) => !Object.hasOwn(parts, part));
if (unknown.length > 0) refuse(`There is no part ${unknown.join(', ')}.`);

const root = join(import.meta.dirname, '../..');
const environment = {
	commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim(),
	node: process.versions.node,
	kubernetes: pinsFor(setting(process.env, 'MESHWRIGHT_KUBERNETES_VERSION')).kubernetes,
	cores: availableParallelism(),
	processor: cpus()[0]?.model ?? 'unknown',
};
console.log(
	Object.entries(environment)
		.map(([key, value]) => `${key} ${value}`)
		.join(', '),
);

const figures: Record<string, number> = {};
for (const [part, { figures: names, measure }] of Object.entries(parts)) {
	if (values.only !== undefined && !values.only.includes(part)) continue;
	console.log(`\n${part}`);
	const { notes, ...measured }: Figures = { ...(await measure()) };
	for (const note of Array.isArray(notes) ? notes : []) console.log(`  ${note}`);
	for (const name of names) {
		const value = measured[name];
		if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${part} gave no figure ${name}`);
		figures[name] = value;
		console.log(`  ${name.padEnd(33)} ${value.toFixed(2).padStart(10)}  ${verdict(value, goals[name])}`);
	}
}
if (values.json !== undefined) {
	writeFileSync(values.json, `${JSON.stringify({ ...figures, environment }, undefined, '\t')}\n`);
}

function verdict(value: number, goal: number | undefined): string {
	if (goal === undefined) return '';
	return value <= goal ? `goal ${goal}, met` : `goal ${goal}, missed by ${(value - goal).toFixed(2)}`;
}
