/**
 * Istio's custom resource definitions, read from data (`crds/istio/istiod.json`). Those of the newest release serve every
 * release of the line: each release only adds to them.
 */
import data from '../../../crds/istio/istiod.json' with { type: 'json' };
import type { IstioCrd } from '../crd.ts';

/** Sorted by name. */
export const istiodCrds = data.definitions as readonly unknown[] as readonly IstioCrd[];
