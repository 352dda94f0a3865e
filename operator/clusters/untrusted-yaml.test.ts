import test from 'ava';
import { stringify } from 'yaml';
import { kubeconfigObject, kubeconfigText, marker } from '../../e2e/support/cluster-kubeconfig.ts';
import { readClusterKubeconfig } from './kubeconfig/kubeconfig.ts';

const settings = { allowLoopback: false, allowProxies: false };
const yaml = stringify(kubeconfigObject());
const mebibyte = 1024 * 1024;

/** Nine levels of ten aliases each: a thousand million texts. */
const laughs = [
	`a0: &a0 [${marker}]`,
	...Array.from({ length: 9 }, (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(10)}]`),
].join('\n');

const utf16 = (text: string, bigEndian = false) => {
	const bytes = Buffer.from(`\ufeff${text}`, 'utf16le');
	return bigEndian ? bytes.swap16() : bytes;
};
const utf32 = (text: string) => {
	const bytes = Buffer.alloc((text.length + 1) * 4);
	for (const [index, code] of [0xfeff, ...Buffer.from(text)].entries()) {
		bytes.writeUInt32LE(code, index * 4);
	}
	return bytes;
};

type Hostile = readonly [title: string, content: string | Buffer, message: RegExp];

const hostile: readonly Hostile[] = [
	['nothing', '', /is empty/],
	['spaces and remarks alone', '\n # x\n', /is empty/],
	['null', 'null', /current-context is missing/],
	['text', marker, /is not an object/],
	['a list', `- ${marker}`, /is not an object/],
	['a cut text', `${yaml}  x: [${marker}`, /is not YAML; see its line \d+/],
	['JSON cut off', kubeconfigText().slice(0, -2), /is not YAML/],
	['a text that is too long', ' '.repeat(mebibyte + 1), /longer than 1048576 bytes/],
	['aliases that explode', laughs, /YAML anchor/],
	['an anchor alone', yaml.replace('apiVersion: v1', 'apiVersion: &x v1'), /YAML anchor/],
	['an alias of nothing', yaml.replace('kind: Config', 'kind: *x'), /YAML alias/],
	['an alias of itself', `x: &x [*x]\n${yaml}`, /YAML anchor/],
	['a tag', yaml.replace('kind: Config', 'kind: !!str Config'), /YAML tag/],
	['a tag of a program', yaml.replace('kind: Config', `kind: !!js/function ${marker}`), /YAML tag/],
	['binary', yaml.replace('kind: Config', 'kind: !!binary Q29uZmln'), /YAML tag/],
	['a directive', `%YAML 1.1\n---\n${yaml}`, /YAML directive/],
	['a directive of tags', `%TAG ! tag:${marker},2026:\n---\n${yaml}`, /YAML directive/],
	['a merge key', `<<: {kind: ${marker}}\n${yaml}`, /key that no kubeconfig has/],
	['a key twice', `${yaml}kind: ${marker}\n`, /a key twice, below line 1$/],
	['a key twice in JSON', kubeconfigText().replace('{', '{"kind":"Config",'), /a key twice/],
	['a key twice further down', yaml.replace('token:', `token: ${marker}\n      token:`), /a key twice/],
	['a key twice, once in quotes', `${yaml}"kin\\u0064": ${marker}\n`, /a key twice/],
	['the key __proto__', `__proto__: {exec: ${marker}}\n${yaml}`, /key that no kubeconfig has/],
	[
		'the key constructor',
		kubeconfigText({ cluster: { constructor: { prototype: marker } } }),
		/key that no kubeconfig has/,
	],
	['a key that is an object', `{${marker}: 1}: 2\n${yaml}`, /is not YAML|key that no kubeconfig has/],
	['two documents', `${yaml}---\n${yaml}`, /several YAML documents/],
	['a second document that is empty', `${yaml}---\n`, /several YAML documents/],
	['UTF-16, little end first', utf16(yaml), /not text in UTF-8/],
	['UTF-16, big end first', utf16(yaml, true), /not text in UTF-8/],
	['UTF-16 without a mark', Buffer.from(yaml, 'utf16le'), /not text in UTF-8/],
	['UTF-32', utf32(yaml), /not text in UTF-8/],
	['bytes that are no UTF-8', Buffer.concat([Buffer.from(yaml), Buffer.from([0xc3, 0x28])]), /not text in UTF-8/],
	['UTF-8 longer than need be', Buffer.concat([Buffer.from(yaml), Buffer.from([0xc0, 0xaf])]), /not text in UTF-8/],
	['a NUL', `${yaml}# \0 ${marker}`, /not text in UTF-8/],
	['a control character', `${yaml}# \u001b[2J ${marker}`, /control characters/],
	['lists so deep that parsing them would end the process', `${yaml}x: ${'['.repeat(25_000)}`, /more than 32 levels/],
	['maps as deep', `${yaml}x: ${'{a: '.repeat(5_000)}`, /more than 32 levels/],
	['lists as deep on one line', `${yaml}x:\n  ${'- '.repeat(9_000)}x`, /more than 32 levels/],
	['deep lists', `${yaml}x: ${'['.repeat(200)}${']'.repeat(200)}`, /more than 32 levels|not YAML/],
	[
		'deep objects',
		kubeconfigText({ top: { x: JSON.parse(`${'{"a":'.repeat(100)}1${'}'.repeat(100)}`) } }),
		/more than 32 levels/,
	],
	['a wrong escape', `${yaml}x: "\\z${marker}"`, /wrong escape/],
];

for (const [title, content, message] of hostile) {
	test(`refused: ${title}`, (t) => {
		const result = readClusterKubeconfig(Buffer.from(content as string), settings);
		t.false(result.ok);
		t.is(result.ok ? '' : result.problem.reason, 'KubeconfigInvalid');
		t.regex(result.ok ? '' : result.problem.message, message);
		t.notRegex(JSON.stringify(result), new RegExp(marker, 'i'));
	});
}

/** Texts of a mebibyte each that cost a parser most. */
const costly: Readonly<Record<string, string>> = {
	'open lists': '['.repeat(mebibyte),
	'open objects': '{a: '.repeat(mebibyte / 4),
	'lists in one line': '- '.repeat(mebibyte / 2),
	'keys in one line': '? '.repeat(mebibyte / 2),
	keys: Array.from({ length: 100_000 }, (_, index) => `k${index}: 1`).join('\n'),
	commas: `[${','.repeat(mebibyte - 2)}]`,
	'wrong escapes': `"${'\\z'.repeat(mebibyte / 2 - 1)}"`,
	'wrong code points': `"${'\\UFFFFFFFF'.repeat(100_000)}"`,
	quotes: '"'.repeat(mebibyte),
	documents: '---\n'.repeat(mebibyte / 4),
	steps: Array.from({ length: 1400 }, (_, index) => `${' '.repeat(index)}a:`).join('\n'),
	'folded lines': `a: >\n${' b\n  c\n\n'.repeat(100_000)}`,
	digits: `a: ${'1'.repeat(mebibyte - 3)}`,
};

for (const [title, text] of Object.entries(costly)) {
	test(`a mebibyte of ${title} is refused without much work`, (t) => {
		const before = process.cpuUsage();
		t.false(readClusterKubeconfig(Buffer.from(text), settings).ok);
		const { user, system } = process.cpuUsage(before);
		// Measured: at most 0.5 s. What this guards against took minutes.
		t.true(user + system < 10_000_000, `${(user + system) / 1e6} s of CPU`);
	});
}

for (const [title, content] of [
	['a byte order mark of UTF-8', `\ufeff${yaml}`],
	['a document that begins with its mark', `---\n${yaml}`],
	['remarks', `# ${marker}\n${yaml}# end\n`],
	['line ends of Windows', yaml.replaceAll('\n', '\r\n')],
	['names that objects inherit, as values', yaml.replaceAll(`${marker}-user`, '__proto__')],
	['marks inside of texts', yaml.replaceAll(`${marker}-user`, '"&a *b !c %d"')],
	['marks inside of plain texts', yaml.replace('preferences: {}', 'preferences: {note: a &b *c !d}')],
] as const) {
	test(`taken: ${title}`, (t) => {
		const result = readClusterKubeconfig(Buffer.from(content), settings);
		t.is(result.ok ? 'ok' : result.problem.message, 'ok');
	});
}
