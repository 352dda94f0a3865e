import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { clusterReasons } from '../../api/v1/index.ts';

const operator = join(import.meta.dirname, '..');

test('every reason of a cluster in the table is given somewhere in the code', (t) => {
	const files = readdirSync(operator, { recursive: true, encoding: 'utf8' })
		.filter((file) => /^(clusters|status|render)\/.*\.ts$|^apply\/pod-trouble\.ts$/.test(file))
		// These files only list reasons that others give.
		.filter((file) => !/\.test\.ts$|testing\.ts$|status\/transitions\.ts$|clusters\/keep\/health\.ts$/.test(file));
	const given = new Set<string>();
	for (const file of files) {
		const source = readFileSync(join(operator, file), 'utf8');
		for (const [, reason = ''] of source.matchAll(
			/(?:reason: |say\(\s*|problem\(\s*|Error\(\s*|UnusableToken\(\s*)'([A-Z][A-Za-z]+)'/g,
		))
			given.add(reason);
	}
	t.deepEqual(
		Object.keys(clusterReasons).filter((reason) => !given.has(reason)),
		[],
	);
});
