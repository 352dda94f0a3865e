#!/usr/bin/env node
/**
 * `npx meshwright …` in a checkout: runs the sources as they are. It is plain JavaScript for any Node from 18 on, because
 * its whole work is to find a Node that understands the rest. The bundle (`npm run build`) does not need it.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 19)) {
	// Keeps stripped types and compiled code in the system's folder for temporary files: the next start takes a third less
	// time.
	module.enableCompileCache();
	await import('./meshwright.ts');
} else {
	const installed = join(here, '../../node_modules/.bin/node');
	if (!existsSync(installed)) {
		process.stderr.write(
			`meshwright needs Node 22.19 or newer, and this is ${process.versions.node}.\n` +
				'Run `npm ci` in the checkout (it brings a newer Node along), or install one from https://nodejs.org\n',
		);
		process.exit(2);
	}
	const child = spawn(installed, [...process.execArgv, join(here, 'meshwright.ts'), ...process.argv.slice(2)], {
		stdio: 'inherit',
	});
	// A terminal sends Ctrl-C to parent and child, and the child decides when it is done. SIGTERM comes to this process
	// alone.
	process.on('SIGINT', () => undefined);
	process.on('SIGTERM', () => child.kill('SIGTERM'));
	process.on('SIGHUP', () => child.kill('SIGHUP'));
	child.on('error', (error) => {
		process.stderr.write(`${installed}: ${error.message}\n`);
		process.exitCode = 2;
	});
	child.on('exit', (status, signal) => {
		process.exitCode = status ?? 128 + (signal === null ? 0 : constants.signals[signal]);
	});
}
