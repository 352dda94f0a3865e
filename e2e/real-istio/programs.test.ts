/** Istio's own programs of each line, as they are built here. */
import { upstream } from '../charts/istiod/renderings.ts';
import { outputOf } from '../support/output-of.ts';
import { istioctl } from './istioctl.ts';
import { istiodDeployment } from './istiod-process.ts';
import { testWithIstio } from './test-with-istio.ts';

testWithIstio('each program says its version, and istioctl renders the charts of its module', async (t, real) => {
	const { version, envoy } = real.pins;
	const words = `client version: ${version}`;
	t.is((await istioctl(real, ['version', '--remote=false', '--short'])).trim(), words);
	for (const name of ['pilot-discovery', 'pilot-agent'] as const) {
		t.is((await outputOf(real.program(name), ['version', '--short'])).trim(), words, name);
	}
	t.true((await outputOf(real.envoy, ['--version'])).includes(`/${envoy.version}/`));
	const objects = await upstream(real, { revision: 'canary' });
	t.is(istiodDeployment(objects).metadata.name, 'istiod-canary');
});
