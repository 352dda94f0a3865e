import test from 'ava';
import { meshwright } from '../../../e2e/support/cli.ts';
import { lines } from '../../lines/index.ts';
import { report } from './validate.ts';

function release(version: string) {
	const found = lines.releases.find((one) => one.version === version);
	if (found === undefined) throw new Error(`no release ${version}`);
	return found;
}

const right = {
	apiVersion: 'networking.istio.io/v1alpha3',
	kind: 'VirtualService',
	metadata: { name: 'web', namespace: 'shop' },
	spec: { hosts: ['web'], http: [{ route: [{ destination: { host: 'web' } }] }] },
};
const wrong = { ...right, spec: { ...right.spec, htp: [], exportTo: ['shop'] } };

test('each mistake is a line with file, object, field and what becomes of it', (t) => {
	const rule = { apiVersion: 'config.istio.io/v1alpha2', kind: 'rule', metadata: { name: 'r' }, spec: { any: 1 } };
	const objects = [right, wrong, rule, { apiVersion: 'v1', kind: 'Service' }, null].map((object) => ({
		source: 'app.yaml',
		object,
	}));
	const result = report(release('1.4.10'), objects);
	t.deepEqual(result.lines, [
		'app.yaml: VirtualService shop/web: spec.htp is no field of VirtualService: write http (Istio goes on as if the field were not there)',
		'app.yaml: VirtualService shop/web: spec.exportTo must be one of . and * (Istio takes it, and may do something else than you mean)',
	]);
	t.like(result, { wrong: 1, checked: 2 });
	t.deepEqual([...result.unknown], ['rule']);
});

test('the exit code tells whether something is wrong; lists are read, and a release has to be known', async (t) => {
	const run = (object: unknown, ...args: readonly string[]) =>
		meshwright(['validate', '-f', '-', ...args], JSON.stringify(object));
	const good = await run({ kind: 'List', items: [right] }, '--version', '1.4.10');
	t.deepEqual([good.exitCode, good.stdout], [0, '']);
	t.regex(good.stderr, /1 object checked for Istio 1\.4\.10: nothing is wrong/);
	const bad = await run({ kind: 'List', items: [right, wrong] }, '--version', '1.4.10');
	t.is(bad.exitCode, 1);
	t.regex(bad.stdout, /^standard input: VirtualService shop\/web: spec\.htp is no field/);
	t.regex(bad.stderr, /2 objects checked for Istio 1\.4\.10: 1 is wrong/);
	const unknown = await run(right, '--version', '1.4.9');
	t.is(unknown.exitCode, 2);
	t.regex(unknown.stderr, /1\.4\.9 is not a release that is known here.*1\.4\.10/s);
});
