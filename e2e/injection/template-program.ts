/**
 * Templates of sidecar injection, run by Go's own `text/template`: by the program in the folder `template`, which is given
 * what injectors give to theirs. It is built once and kept in the cache.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Minor } from '../../operator/releases/classic/index.ts';
import { buildOnce, cacheRoot, exists } from '../control-plane/build-once.ts';
import { go, goVersion } from '../control-plane/go.ts';
import { isGoUsable } from '../control-plane/source.ts';
import type { Fields } from './webhook-types.ts';

const source = fileURLToPath(new URL('template/', import.meta.url));
const name = 'template';

/** A template, and what it is run for: once for each pod, or for each value of `data`. */
export interface TemplateRequest {
	/** Of the injector: it says which functions, fields and delimiters there are. */
	readonly minor: Minor;
	readonly template: string;
	/** The mesh configuration without defaults. */
	readonly mesh?: unknown;
	readonly values?: unknown;
	readonly pods?: readonly TemplatePod[];
	/** In place of pods, where the template needs nothing of an injector's types. */
	readonly data?: readonly unknown[];
}

/** Absent parts are nil for the template. */
export interface TemplatePod {
	readonly objectMeta?: Fields;
	readonly spec?: Fields;
	/** Of the workload that the pod belongs to. */
	readonly deploymentMeta?: Fields;
	readonly typeMeta?: Fields;
}

export interface TemplateAnswer {
	/** Why no run was possible; absent when all were. */
	readonly unreadable?: string;
	/** One for each pod or value; null where there were none. */
	readonly results: readonly TemplateResult[] | null;
}

export interface TemplateResult {
	readonly text: string;
	/** What the run ended with; absent when it went to the end. */
	readonly error?: string;
}

let located: Promise<string> | undefined;

/** Runs templates, all in one process, and answers in the order of the requests. */
export async function runTemplates(requests: readonly TemplateRequest[]): Promise<readonly TemplateAnswer[]> {
	located ??= templateProgram();
	const program = await located;
	const output = await new Promise<string>((resolve, reject) => {
		const child = execFile(program, [], { maxBuffer: Number.POSITIVE_INFINITY }, (error, stdout, stderr) => {
			if (error === null) {
				resolve(stdout);
			} else {
				reject(new Error(`the template program failed:\n${stderr}`, { cause: error }));
			}
		});
		// When it ends early, its exit code is what counts.
		child.stdin?.on('error', () => undefined);
		child.stdin?.end(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
	});
	return output
		.trimEnd()
		.split('\n')
		.map((line) => JSON.parse(line) as TemplateAnswer);
}

/** The program, built if it was not. Throws, with what would help, where it can't be built. */
export async function templateProgram(
	env: NodeJS.ProcessEnv = process.env,
	log: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<string> {
	const directory = path.join(cacheRoot(env), 'injection-template', await hashOfSource());
	const program = path.join(directory, name);
	if (await exists(program)) {
		return program;
	}
	const found = await goVersion(env);
	if (found === undefined || !isGoUsable(found)) {
		throw new Error(
			`no program to run injection templates with: ${found === undefined ? 'there is no Go to build it with' : `${found} is too old to build it`}. ` +
				'Install Go 1.26 or newer (https://go.dev/dl/): it is then built once, in some seconds',
		);
	}
	await buildOnce({
		directory,
		product: name,
		onWait: () => log('another process builds the program that runs injection templates: waiting for it'),
		compile: async (temporary) => {
			log('building the program that runs injection templates (once, some seconds)');
			const goEnv = { ...env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' };
			await go(['build', '-trimpath', '-o', path.join(temporary, name), '.'], source, goEnv);
		},
	});
	return program;
}

/** Changes with everything that the program is built from. */
async function hashOfSource(): Promise<string> {
	const files = (await readdir(source)).filter((file) => file === 'go.mod' || file.endsWith('.go')).toSorted();
	const contents = await Promise.all(files.map((file) => readFile(path.join(source, file), 'utf8')));
	const inputs = [files, contents, process.platform, process.arch];
	return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 12);
}
