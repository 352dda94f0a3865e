/** Where an alias is written out, every parser reads what it has read by the alias: no scalar changes its type or text. */
import test from 'ava';
import fc from 'fast-check';
import { CORE_SCHEMA, load, type Schema, YAML11_SCHEMA } from 'js-yaml';
import { parse } from 'yaml';
import { aliased, type ReadAliased, writtenOut } from './scalars-testing.ts';

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
	'js-yaml, YAML 1.2': (text) => load(text, { schema: CORE_SCHEMA as Schema }),
	'js-yaml, YAML 1.1': (text) => load(text, { schema: YAML11_SCHEMA as Schema }),
	'yaml, YAML 1.2': (text) => parse(text, { intAsBigInt: true, logLevel: 'silent' }),
	'yaml, YAML 1.1': (text) => parse(text, { intAsBigInt: true, version: '1.1', logLevel: 'silent' }),
};

for (const [title, read] of Object.entries(parsers)) {
	test(`${title}: what was read by an alias is read where it is written out`, (t) => {
		fc.assert(
			fc.property(aliased, ({ text, length }) => {
				const before = read(text) as ReadAliased;
				const after = read(writtenOut(text)) as ReadAliased;
				t.is(before.one.list.length, length);
				t.deepEqual(after.one, before.one, text);
				t.deepEqual(after.there.two, { ...before.there.two, add: ['new'] }, text);
			}),
			{ numRuns: 150 },
		);
	});
}
