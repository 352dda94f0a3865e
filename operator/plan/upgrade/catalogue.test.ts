import { readFile } from 'node:fs/promises';
import test from 'ava';
import { type CatalogueEntry, upgradeCatalogue } from './catalogue.ts';

const entries = Object.entries<CatalogueEntry>(upgradeCatalogue);
const page = new URL('../../../docs/upgrade-checks.md', import.meta.url);

function tableOf(severity: CatalogueEntry['severity']): string {
	const rows = entries
		.filter(([, entry]) => entry.severity === severity)
		.map(([name, { meaning, remedy, canInsist }]) => {
			const cells = [
				`\`${name}\``,
				meaning,
				remedy,
				...(severity === 'blocker' ? [canInsist === false ? 'no' : 'yes'] : []),
			];
			return `| ${cells.join(' | ')} |`;
		});
	const head = ['name', 'what it means', 'what to do', ...(severity === 'blocker' ? ['can be insisted on'] : [])];
	return [`| ${head.join(' | ')} |`, `| ${head.map(() => '---').join(' | ')} |`, ...rows].join('\n');
}

for (const severity of ['blocker', 'warning'] as const) {
	test(`docs/upgrade-checks.md has every ${severity}, as it is`, async (t) => {
		const text = await readFile(page, 'utf8');
		const [, rest = ''] = text.split(`<!-- table: ${severity}s -->\n`);
		t.is(rest.trimStart().split('\n\n')[0], tableOf(severity));
	});
}

test('names are words in kebab-case, and texts are sentences', (t) => {
	for (const [name, { meaning, remedy }] of entries) {
		t.regex(name, /^[a-z0-9]+(-[a-z0-9]+)*$/);
		for (const text of [meaning, remedy]) t.regex(text, /^[A-Z].*\.$/, name);
	}
});
