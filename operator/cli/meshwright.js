#!/usr/bin/env node
/**
 * `npx meshwright …`: in a checkout it runs the sources as they are, and in the npm package, which has none, the bundle. It is
 * plain JavaScript for any Node from 18 on, because its whole work is to find a Node that understands the rest.
 */
import { spawn } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(realpathSync(fileURLToPath(import.meta.url)));
const sources = join(here, 'meshwright.ts');
const isCheckout = existsSync(sources);
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 19)) {
	// Keeps stripped types and compiled code in the system's folder for temporary files: the next start takes a third less
	// time.
	module.enableCompileCache();
	await import(isCheckout ? './meshwright.ts' : '../../dist/meshwright.js');
} else {
	const installed = join(here, '../../node_modules/.bin/node');
	if (!isCheckout || !existsSync(installed)) {
		process.stderr.write(
			`meshwright needs Node 22.19 or newer, and this is ${process.versions.node}.\n` +
				(isCheckout
					? 'Run `npm ci` in the checkout (it brings a newer Node along), or install one from https://nodejs.org\n'
					: 'Install one from https://nodejs.org\n'),
		);
		process.exit(2);
	}
	const child = spawn(installed, [...process.execArgv, sources, ...process.argv.slice(2)], {
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
