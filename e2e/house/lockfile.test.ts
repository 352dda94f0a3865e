/** What is installed is what was looked at: every package of the lock file has a hash, and comes from npm's registry. */
import { readFile } from 'node:fs/promises';
import test from 'ava';

interface Entry {
	readonly version?: string;
	readonly integrity?: string;
	readonly resolved?: string;
	readonly link?: boolean;
}

test('every entry of the lock file has a SHA-512, and none names another source than npm’s registry', async (t) => {
	const lock = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
		readonly packages: Readonly<Record<string, Entry>>;
	};
	const { '': root, ...packages } = lock.packages;
	t.truthy(root);
	t.true(Object.keys(packages).length > 100);
	for (const [path, { version = '', integrity = '', resolved, link = false }] of Object.entries(packages)) {
		t.regex(path, /^node_modules\//);
		t.false(link, path);
		t.regex(version, /^\d+\.\d+\.\d+/, path);
		t.regex(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path);
		if (resolved !== undefined) t.is(new URL(resolved).origin, 'https://registry.npmjs.org', path);
	}
});
