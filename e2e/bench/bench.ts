/**
 * `npm run bench`: the figures by which Meshwright is measured, on a real API server, each with its goal. Medians of one
 * run; where a figure is a ratio, both sides are taken in that run.
 *
 *     npm run bench                          all of them
 *     npm run bench -- --only drift          one part
 *     npm run bench -- --json figures.json   the same under fixed names, to be followed over time
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildBundle } from '../../deploy/build.ts';
import { measureApply, measureFirst } from './measure-apply.ts';
import { measureCounts } from './measure-counts.ts';
import { measureDrift } from './measure-drift.ts';
import { measureFull, measureFullCalls } from './measure-full.ts';
import { measureChild, measureProcess, measureRender } from './measure-process.ts';

type Figures = Readonly<Record<string, number | readonly string[]>>;

const runs = 5;
const parts: Readonly<Record<string, () => Promise<Figures> | Figures>> = {
	apply: async () => ({ ...(await measureApply(runs)) }),
	full: async () => ({ ...(await measureFull(runs)) }),
	calls: async () => ({ ...(await measureFullCalls()) }),
	first: async () => ({ ...(await measureFirst(runs)) }),
	drift: async () => ({ ...(await measureDrift(200)) }),
	counts: async () => ({ ...(await measureCounts()) }),
	process: async () => ({ ...(await measureProcess(runs)) }),
	child: async () => ({ ...(await measureChild()) }),
	render: () => ({ ...measureRender(runs) }),
};

/** The most that a figure may be. */
const goals: Readonly<Record<string, number>> = {
	'apply.single.ratio': 1.4,
	'apply.fifty.ratio': 1.15,
	'full.single.ratio': 1.4,
	'full.calls_per_object': 1.1,
	'drift.p50_ms': 10,
	'drift.p99_ms': 50,
	'noop.writes': 0,
	'resync.writes': 0,
	'restart.writes': 0,
	'change.calls': 2,
	rss_mb: 126,
	child_kib: 1,
	ready_s: 1,
};

const { values } = parseArgs({
	options: {
		json: { type: 'string' },
		only: { type: 'string', multiple: true },
		help: { type: 'boolean', short: 'h' },
	},
});
if (values.help === true) {
	console.log(`npm run bench -- [--only ${Object.keys(parts).join('|')}]… [--json FILE]`);
	process.exit(0);
}
const unknown = (values.only ?? []).filter((part) => !Object.hasOwn(parts, part));
if (unknown.length > 0) {
	console.error(`There is no part ${unknown.join(', ')}; there are: ${Object.keys(parts).join(', ')}.`);
	process.exit(2);
}

const root = join(import.meta.dirname, '../..');
await buildBundle(join(root, 'dist'));
const environment = {
	commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim(),
	node: process.versions.node,
	kubernetes: process.env.MESHWRIGHT_KUBERNETES_VERSION ?? '1.36',
	cores: availableParallelism(),
	processor: cpus()[0]?.model ?? 'unknown',
};
console.log(
	Object.entries(environment)
		.map(([key, value]) => `${key} ${value}`)
		.join(', '),
);

const figures: Record<string, number> = {};
for (const [part, measure] of Object.entries(parts)) {
	if (values.only !== undefined && !values.only.includes(part)) continue;
	console.log(`\n${part}`);
	const { notes, ...measured } = await measure();
	for (const note of Array.isArray(notes) ? notes : []) console.log(`  ${note}`);
	for (const [name, value] of Object.entries(measured)) {
		if (typeof value !== 'number') continue;
		figures[name] = value;
		const goal = goals[name];
		const verdict =
			goal === undefined
				? ''
				: value <= goal
					? `goal ${goal}, met`
					: `goal ${goal}, missed by ${(value - goal).toFixed(2)}`;
		console.log(`  ${name.padEnd(24)} ${value.toFixed(2).padStart(10)}  ${verdict}`);
	}
}
if (values.json !== undefined) {
	writeFileSync(values.json, `${JSON.stringify({ ...figures, environment }, undefined, '\t')}\n`);
}
