import test from 'ava';
import { classicReleases } from '../releases/classic/index.ts';
import { meshOf } from '../render/testing.ts';
import { annotations } from './annotations.ts';
import { sidecarTemplate } from './inject.ts';
import { warnOfAnnotations } from './known-annotations.ts';

function warned(names: readonly string[], minor: '1.0' | '1.1' | '1.2' | '1.3' | '1.4' = '1.4'): readonly string[] {
	return warnOfAnnotations({ annotations: Object.fromEntries(names.map((name) => [name, 'x'])) }, minor);
}

test('a misspelt annotation is told with the nearest name that is known', (t) => {
	t.deepEqual(warned(['sidecar.istio.io/injcet']), [
		'metadata.annotations[sidecar.istio.io/injcet] changes nothing: Istio 1.4 does not know it; the nearest name that is known is sidecar.istio.io/inject',
	]);
	for (const [wrong, right] of [
		['sidecar.istio.io/Inject', annotations.inject],
		['sidecar.istio.io/proxyCpu', annotations.proxyCPU],
		['sidecar.istio.io/uservolumes', annotations.userVolume],
		['sidecars.istio.io/proxyImage', annotations.proxyImage],
		['traffic.istio.io/excludeInboundPorts', annotations.excludeInboundPorts],
		['traffic.sidecar.istio.io/excludeOutboundIpRange', annotations.excludeOutboundIPRanges],
		['status.sidecar.istio.io/prot', annotations.statusPort],
		['readiness.sidecar.istio.io/periodSeconds', annotations.readinessPeriod],
		['policy.istio.io/checkRetry', 'policy.istio.io/checkRetries'],
	] as const) {
		t.regex(warned([wrong])[0] ?? '', new RegExp(`the nearest name that is known is ${right}$`), wrong);
	}
});

test('one that only other releases read is told as that, misspelt or not', (t) => {
	t.regex(warned(['sidecar.istio.io/proxyCPULimit'])[0] ?? '', /Istio 1\.4 does not support it, later releases do$/);
	t.regex(
		warned(['sidecar.istio.io/rewriteAppHTTPProbers'], '1.1')[0] ?? '',
		/Istio 1\.1 does not support it, Istio 1\.2 and later do$/,
	);
	t.regex(
		warned(['traffic.sidecar.istio.io/includeOutbondPorts'])[0] ?? '',
		/known is traffic\.sidecar\.istio\.io\/includeOutboundPorts, which Istio 1\.4 does not support either, later releases do$/,
	);
});

test("others' annotations are nobody's business", (t) => {
	t.deepEqual(warned(['prometheus.io/scrape', 'example.com/sidecar.istio.io', 'notistio.io/x', 'inject']), []);
});

test('a name as long as annotations can be costs no time', (t) => {
	t.is(warned([`sidecar.istio.io/${'x'.repeat(200_000)}`]).length, 1);
});

for (const { version, minor } of classicReleases) {
	test(`${version}: what its template reads is known, and nobody is warned of it`, (t) => {
		const template = sidecarTemplate(meshOf({ version }));
		const read = new Set(template.match(/[a-z.]*\bistio\.io\/[A-Za-z]+/g));
		read.delete('security.istio.io/tlsMode');
		t.true(read.size >= 12, [...read].join());
		t.deepEqual(warned([...read], minor), []);
	});
}
