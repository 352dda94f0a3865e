/** The interpreter against what Go's own `text/template` prints. */
import test from 'ava';
import { fromJson, type GoValue } from './go-values.ts';
import { printDuration } from './istio-functions.ts';
import { compileTemplate } from './template-run.ts';

const data = fromJson({
	name: 'web',
	empty: '',
	list: ['a', 'b'],
	none: [],
	map: { b: 'two', a: 'one' },
	deep: { er: { text: 'x' } },
	yes: true,
	big: 20971520,
});

function run(template: string, left = '{{', right = '}}'): string {
	const add = (...args: readonly GoValue[]): GoValue => args.map(String).join('+');
	return compileTemplate(template, { delimiters: { left, right }, functions: { add } })(data);
}

for (const [template, printed] of [
	['plain', 'plain'],
	['a{{ .name }}b', 'awebb'],
	['a \n {{- .name -}} \n b', 'awebb'],
	['a {{-3}}', 'a -3'],
	['{{/* nothing */}}x', 'x'],
	['{{ `{{ "x" }}` }}', '{{ "x" }}'],
	['{{ "a\\tb" }}', 'a\tb'],
	['{{ .deep.er.text }}{{ (.deep).er.text }}{{ $.name }}', 'xxweb'],
	['{{ .missing }}', '<no value>'],
	['{{ .list }} {{ .map }} {{ .big }} {{ .yes }}', '[a b] map[a:one b:two] 2.097152e+07 true'],
	['{{ if .empty }}a{{ else if .none }}b{{ else }}c{{ end }}', 'c'],
	['{{ if .name }}a{{ else if .none }}b{{ else }}c{{ end }}d', 'ad'],
	['{{ if and .name .yes }}{{ or .empty "x" }}{{ end }}{{ not .empty }}', 'xtrue'],
	['{{ and .empty .name }}|{{ and .name .empty }}|{{ or .name .empty }}|{{ or .empty .none }}', '||web|[]'],
	['{{ range .list }}{{ . }},{{ end }}{{ range .none }}x{{ else }}none{{ end }}', 'a,b,none'],
	['{{ range $i, $e := .list }}{{ $i }}={{ $e }};{{ end }}', '0=a;1=b;'],
	['{{ range $k, $v := .map }}{{ $k }}={{ $v }};{{ end }}', 'a=one;b=two;'],
	['{{ with .deep.er }}{{ .text }}{{ $.name }}{{ end }}{{ with .empty }}x{{ else }}{{ .name }}{{ end }}', 'xwebweb'],
	['{{ $x := "1" }}{{ if .yes }}{{ $x := "2" }}{{ $x }}{{ end }}{{ $x }}', '21'],
	['{{ $x := "1" }}{{ if .yes }}{{ $x = "2" }}{{ end }}{{ $x }}', '2'],
	['{{ .name | add "a" | add "b" }}{{ add (add 1 2) 3 }}', 'b+a+web1+2+3'],
	['{{ index .map "a" }}{{ index .map "z" }}{{ index .list 1 }}{{ len .list }}{{ len .name }}', 'one<no value>b23'],
	['{{ eq .name "x" "web" }}{{ ne .name "x" }}{{ lt 1 2 }}{{ ge "b" "a" }}', 'truetruetruetrue'],
	['{{ printf "%s-%d-%v-%%" .name 3 .yes }}{{ printf "%q" "a\\"\\n\\u0001é<" }}', 'web-3-true-%"a\\"\\n\\x01é<"'],
	['{{ print "a" 1 2 "b" }}', 'a1 2b'],
] as const) {
	test(`${JSON.stringify(template)} gives ${JSON.stringify(printed)}`, (t) => {
		t.is(run(template), printed);
	});
}

for (const template of [
	'{{ .name ',
	'{{ if .name }}',
	'{{ end }}',
	'{{ else }}',
	'{{ unknown .name }}',
	'{{ if false }}{{ unknown }}{{ end }}',
	'{{ define "x" }}{{ end }}',
	'{{ break }}',
	'{{ "a" .name }}',
	'{{ .name | "a" }}',
	'{{ (.name }}',
	'{{ }}',
]) {
	test(`${JSON.stringify(template)} can’t be read`, (t) => {
		t.throws(() => run(template), { instanceOf: SyntaxError });
	});
}

for (const template of [
	'{{ .name.x }}',
	'{{ $x }}',
	'{{ index .list 5 }}',
	'{{ eq .list .list }}',
	'{{ eq 1 "1" }}',
	'{{ range .name }}{{ end }}',
	'{{ or .name (index .list 9) }}',
	'{{ len .yes }}',
]) {
	test(`${JSON.stringify(template)} ends with an error`, (t) => {
		t.throws(() => run(template), { instanceOf: TypeError });
	});
}

for (const [written, printed] of [
	['45s', '45s'],
	['60s', '1m0s'],
	['1h', '1h0m0s'],
	['1m30.5s', '1m30.5s'],
	['1500ms', '1.5s'],
	['300ms', '300ms'],
	['0.00025s', '250µs'],
	['0s', '0s'],
] as const) {
	test(`the duration ${written} prints as ${printed}`, (t) => {
		t.is(printDuration(written), printed);
	});
}

test('delimiters of other kinds leave the usual ones alone', (t) => {
	t.is(run('{{ x }}[[ .name ]]', '[[', ']]'), '{{ x }}web');
});
