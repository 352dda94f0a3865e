/** What the program that runs templates makes of them, and that it is no other language than the injectors' Go had. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { runTemplates, type TemplateAnswer, type TemplateRequest, templateProgram } from './template-program.ts';

const data = {
	name: 'web',
	empty: '',
	list: ['a', 'b'],
	none: [],
	map: { b: 'two', a: 'one' },
	deep: { er: { text: 'x' } },
	yes: true,
	big: 20971520,
};

const requests: TemplateRequest[] = [];
let answers: Promise<readonly TemplateAnswer[]> | undefined;

/** Asks for an answer, together with all other tests of this file: one process gives them all. */
function asked(request: TemplateRequest): () => Promise<TemplateAnswer> {
	const index = requests.push(request) - 1;
	return async () => {
		answers ??= runTemplates(requests);
		const answer = (await answers)[index];
		if (answer === undefined) {
			throw new Error('the program has not answered');
		}
		return answer;
	};
}

/** What a template prints. Throws where it does not. */
function printed({ unreadable, results }: TemplateAnswer): string {
	const result = results?.[0];
	const error = unreadable ?? (result === undefined ? 'there is no result' : result.error);
	if (result === undefined || error !== undefined) {
		throw new Error(error);
	}
	return result.text;
}

for (const [template, text] of [
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
	['{{ .name | printf "%v+%v" "a" | printf "%v+%v" "b" }}{{ printf "%v+%v" (printf "%v+%v" 1 2) 3 }}', 'b+a+web1+2+3'],
	['{{ index .map "a" }}{{ index .map "z" }}{{ index .list 1 }}{{ len .list }}{{ len .name }}', 'one<no value>b23'],
	['{{ eq .name "x" "web" }}{{ ne .name "x" }}{{ lt 1 2 }}{{ ge "b" "a" }}', 'truetruetruetrue'],
	['{{ printf "%s-%d-%v-%%" .name 3 .yes }}{{ printf "%q" "a\\"\\n\\u0001é<" }}', 'web-3-true-%"a\\"\\n\\x01é<"'],
	['{{ print "a" 1 2 "b" }}', 'a1 2b'],
	['{{ toYaml .map | indent 2 }}', '"a": "one"\n  "b": "two"\n  '],
	[
		'{{ toYaml (fromJSON `{"b":[{"d":{"e":[[1]]},"c":null}],"a":{},"f":[],"g":20971520}`) }}',
		'"a": {}\n"b":\n  - "c": null\n    "d":\n      "e":\n        - - 1\n"f": []\n"g": 20971520\n',
	],
] as const) {
	const answer = asked({ minor: '1.4', template, data: [data] });
	test(`${JSON.stringify(template)} gives ${JSON.stringify(text)}`, async (t) => {
		t.is(printed(await answer()), text);
	});
}

for (const template of [
	'{{ .name ',
	'{{ if .name }}',
	'{{ end }}',
	'{{ else }}',
	'{{ unknown .name }}',
	'{{ if false }}{{ unknown }}{{ end }}',
	'{{ define "x" }}',
	'{{ break }}',
	'{{ range .list }}{{- break }}{{ end }}',
	'{{ range .list }}{{continue}}{{ end }}',
	'{{ with .empty }}{{ else with .name }}{{ end }}',
	'{{ .name | "a" }}',
	'{{ (.name }}',
	'{{ }}',
	'{{ $x }}',
]) {
	const answer = asked({ minor: '1.4', template, data: [data] });
	test(`${JSON.stringify(template)} can’t be read`, async (t) => {
		t.is(typeof (await answer()).unreadable, 'string');
	});
}

for (const template of [
	'{{ "a" .name }}',
	'{{ .name.x }}',
	'{{ index .list 5 }}',
	'{{ eq .list .list }}',
	'{{ eq 1 "1" }}',
	'{{ range .name }}{{ end }}',
	'{{ or .name (index .list 9) }}',
	'{{ and .empty (index .list 9) }}',
	'{{ len .yes }}',
]) {
	const answer = asked({ minor: '1.4', template, data: [data] });
	test(`${JSON.stringify(template)} ends with an error`, async (t) => {
		const { unreadable, results } = await answer();
		t.is(unreadable, undefined);
		t.is(typeof results?.[0]?.error, 'string');
	});
}

for (const [written, text] of [
	['45s', '45s'],
	['60s', '1m0s'],
	['1h', '1h0m0s'],
	['1m30.5s', '1m30.5s'],
	['1500ms', '1.5s'],
	['300ms', '300ms'],
	['0.00025s', '250µs'],
	['0s', '0s'],
] as const) {
	const template = '{{ formatDuration .MeshConfig.ConnectTimeout }}';
	const answer = asked({ minor: '1.4', template, mesh: { connectTimeout: written }, pods: [{}] });
	test(`the duration ${written} prints as ${text}`, async (t) => {
		t.is(printed(await answer()), text);
	});
}

const other = asked({ minor: '1.1', template: '{{ x }}[[ .name ]]', data: [data] });
test('delimiters of other kinds leave the usual ones alone', async (t) => {
	t.is(printed(await other()), '{{ x }}web');
});

const mesh = {
	defaultConfig: {
		interceptionMode: 'TPROXY',
		tracing: { stackdriver: { debug: true, maxNumberOfAttributes: 7 } },
	},
};
const pod = {
	objectMeta: { name: 'web', annotations: { a: 'b' } },
	spec: {
		containers: [
			{
				name: 'app',
				ports: [
					{ containerPort: 80, hostPort: 0 },
					{ protocol: 'UDP', containerPort: 53 },
				],
			},
		],
	},
};

for (const [what, template, text] of [
	['fields that are missing are empty', '{{ .ObjectMeta.Namespace }}|{{ .ProxyConfig.Concurrency }}', '|0'],
	[
		'numbers that print as words do',
		'{{ .ProxyConfig.InterceptionMode }} {{ .ProxyConfig.ControlPlaneAuthPolicy }}',
		'TPROXY NONE',
	],
	['getters answer where nothing is', '{{ .ProxyConfig.GetTracing.GetLightstep.GetAddress }}|', '|'],
	[
		'getters give what is there',
		'{{ with .ProxyConfig.GetTracing.GetStackdriver }}{{ .Debug }} {{ .MaxNumberOfAttributes.Value }}{{ end }}',
		'true 7',
	],
	[
		'ports are JSON as Kubernetes writes it',
		'{{ range (index .Spec.Containers 0).Ports }}{{ structToJSON . }}{{ end }}',
		'{"containerPort":80}{"containerPort":53,"protocol":"UDP"}',
	],
	[
		'a mesh has the defaults of its release',
		'{{ .MeshConfig.ProxyListenPort }} {{ .MeshConfig.EnableAutoMtls.Value }} {{ formatDuration .ProxyConfig.DrainDuration }}',
		'15001 false 45s',
	],
] as const) {
	const answer = asked({ minor: '1.4', template, mesh, pods: [pod] });
	test(`with an injector’s types, ${what}`, async (t) => {
		t.is(printed(await answer()), text);
	});
}

for (const [minor, template] of [
	['1.0', '[[ .DeploymentMeta ]]'],
	['1.0', '[[ .ProxyConfig.GetTracing ]]'],
	['1.1', '[[ .Values ]]'],
	['1.2', '{{ .TypeMeta }}'],
	['1.2', '{{ .ProxyConfig.GetTracing.GetStackdriver }}'],
	['1.3', '{{ .MeshConfig.EnableAutoMtls }}'],
	['1.4', '{{ .MeshConfig.Mode }}'],
	['1.4', '{{ .ProxyConfig.Tracing.Zipkin }}'],
	['1.4', '{{ .Spec.SecurityContext.X }}'],
] as const) {
	const answer = asked({ minor, template, pods: [{}] });
	test(`${minor}: ${template} ends with an error, for the field is not there`, async (t) => {
		t.regex(String((await answer()).results?.[0]?.error), /can't evaluate field|nil pointer/);
	});
}

test('without the program and without Go, it is told what would help', async (t) => {
	const cache = await mkdtemp(join(tmpdir(), 'meshwright-template-'));
	t.teardown(() => rm(cache, { recursive: true, force: true }));
	await t.throwsAsync(templateProgram({ MESHWRIGHT_CACHE: cache, PATH: cache }, t.fail), {
		message: /^no program to run injection templates with: there is no Go .* Install Go/,
	});
});
