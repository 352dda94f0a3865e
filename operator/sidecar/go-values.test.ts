/** Values as Go 1.10 to 1.13 write them. These versions built the injectors. */
import test from 'ava';
import { annotation, entries, given, joined, setting } from './expression.ts';
import { goJson } from './go-json.ts';
import { printTemplate } from './go-template.ts';
import { goDuration, injectorSettings } from './injector-settings.ts';

test('durations are written as Go writes them', (t) => {
	for (const [milliseconds, text] of [
		[0, '0s'],
		[1, '1ms'],
		[300, '300ms'],
		[1000, '1s'],
		[1500, '1.5s'],
		[1001, '1.001s'],
		[60_000, '1m0s'],
		[90_500, '1m30.5s'],
		[3_600_000, '1h0m0s'],
		[86_400_000, '24h0m0s'],
	] as const) {
		t.is(goDuration(milliseconds), text);
	}
});

test('JSON is safe in HTML, as Go writes it', (t) => {
	t.is(
		goJson({ a: '<b> & "c" \\ \n\t\b\f\u2028 é' }),
		'{"a":"\\u003cb\\u003e \\u0026 \\"c\\" \\\\ \\n\\t\\u0008\\u000c\\u2028 é"}',
	);
	t.is(goJson('\\b'), '"\\\\b"');
});

test('what the mesh configuration does not say has the default of the injector', (t) => {
	const old = injectorSettings({}, '1.0');
	t.is(old(setting('proxy', 'drainDuration', 'duration')), '2s');
	t.is(old(setting('mesh', 'enableTracing', 'truth')), 'true');
	const settings = injectorSettings({ defaultConfig: { tracing: { zipkin: { address: 'zipkin:9411' } } } }, '1.4');
	t.is(settings(setting('proxy', 'drainDuration', 'duration')), '45s');
	t.is(settings(setting('proxy', 'tracing.zipkin.address')), 'zipkin:9411');
	t.is(settings(setting('proxy', 'tracing.lightstep.address')), '');
	t.is(settings(setting('proxy', 'concurrency', 'number')), '0');
});

test('a template quotes what a user may have written, and what YAML or Go would read', (t) => {
	const fragment = {
		args: [
			'word',
			'yes',
			'1',
			'{{ x }}',
			annotation('a.b/c', '"d"'),
			joined('100%-', { is: 'label', name: 'app' } as const),
			entries(given(setting('proxy', 'concurrency', 'number')), ['--concurrency']),
		],
	};
	t.is(
		printTemplate(fragment, ['{{', '}}']),
		[
			'args:',
			'- word',
			'- "yes"',
			'- "1"',
			'- {{ printf "%q" "{{ x }}" }}',
			'- {{ printf "%q" (annotation .ObjectMeta "a.b/c" "\\"d\\"") }}',
			'- {{ printf "%q" (printf "100%%-%v" (index .ObjectMeta.Labels "app")) }}',
			'{{- if .ProxyConfig.Concurrency }}',
			'- "--concurrency"',
			'{{- end }}',
		].join('\n'),
	);
});
