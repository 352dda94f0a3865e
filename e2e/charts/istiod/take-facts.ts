/**
 * Takes the facts of upstream's charts of the istiod line, `node e2e/charts/istiod/take-facts.ts`: what istioctl renders, reduced
 * by `istiodFactsOf`, into `facts/`. `npm run real-istio` builds istioctl of every line.
 */
import { stdout } from 'node:process';
import { locateAll } from '../../real-istio/locate.ts';
import { istiodFactsOf } from './facts.ts';
import { keepFacts } from './kept.ts';
import { renderingNames, upstreamRendering } from './renderings.ts';

for (const real of (await locateAll()).toReversed()) {
	for (const name of renderingNames) {
		const facts = istiodFactsOf(await upstreamRendering(real, name));
		await keepFacts(real.pins.line, name, facts);
		stdout.write(`${real.pins.line} ${name}: ${Object.keys(facts).length} objects\n`);
	}
}
