import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import test from 'ava';
import { parse } from 'yaml';
import { notSupportedYet } from '../v1/index.ts';
import { customResourceDefinition } from './crd.ts';
import { structuralSchema } from './schema.ts';
import type { Schema } from './structural.ts';
import { typescript } from './types.ts';

test('the generated files in the repository are up to date', async (t) => {
	const script = new URL('../generate.ts', import.meta.url).pathname;
	await t.notThrowsAsync(promisify(execFile)(process.execPath, [script, '--check'], { timeout: 60_000 }));
});

test('the file of the definition is the definition', async (t) => {
	const file: unknown = parse(await readFile(new URL('../../crds/meshinstallations.yaml', import.meta.url), 'utf8'));
	t.deepEqual(file, JSON.parse(JSON.stringify(customResourceDefinition(structuralSchema()))));
});

test('every entry of the list of unsupported fields is refused by a rule that names it', (t) => {
	const rules = JSON.stringify(structuralSchema());
	t.false(rules.includes('is not supported yet') && notSupportedYet.length === 0);
	for (const path of notSupportedYet) {
		t.true(rules.includes(`"message":"${path}`), path);
	}
});

test('nothing below an unsupported field has a default, which the server would fill in', (t) => {
	t.true(notSupportedYet.every((path) => path.startsWith('spec.')));
	for (const path of notSupportedYet) {
		const field = path
			.split('.')
			.reduce<Schema | undefined>((node, name) => node?.properties?.[name], structuralSchema());
		t.truthy(field, path);
		t.false(JSON.stringify(field).includes('"default":'), path);
	}
});

test('two different interfaces cannot share a name', async (t) => {
	const schema: Schema = {
		type: 'object',
		title: 'Root',
		properties: {
			a: { type: 'object', title: 'Same', properties: { x: { type: 'boolean' } } },
			b: { type: 'object', title: 'Same', properties: { y: { type: 'boolean' } } },
		},
	};
	await t.throwsAsync(typescript(schema), { message: 'two different schemas have the title Same' });
});
