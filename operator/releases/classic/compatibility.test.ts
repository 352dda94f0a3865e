/** `UPDATE_GOLDEN=1 npx ava operator/releases/classic/compatibility.test.ts` rewrites the tables in docs/compatibility.md. */
import { readFile, writeFile } from 'node:fs/promises';
import test from 'ava';
import {
	gatewayTable,
	injectorTable,
	meshConfigTable,
	mixerTable,
	pilotTable,
	securityTable,
} from './compatibility.ts';

const file = new URL('../../../docs/compatibility.md', import.meta.url);

const tables = {
	pilot: pilotTable,
	mixer: mixerTable,
	security: securityTable,
	injector: injectorTable,
	gateways: gatewayTable,
	'mesh-config': meshConfigTable,
};

test.serial('the tables of docs/compatibility.md are those of the data', async (t) => {
	const written = await readFile(file, 'utf8');
	let expected = written;
	for (const [name, table] of Object.entries(tables)) {
		const pattern = new RegExp(`(<!-- table: ${name} -->\n)[^]*?(<!-- end -->)`);
		t.regex(written, pattern, name);
		expected = expected.replace(pattern, (_, start: string, end: string) => `${start}\n${table()}\n\n${end}`);
	}
	if (process.env.UPDATE_GOLDEN === '1') {
		await writeFile(file, expected);
	} else {
		t.is(written, expected);
	}
});
