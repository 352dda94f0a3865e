/**
 * `npm run demo`: one MeshInstallation becomes a running mesh, before your eyes. The demo starts a Kubernetes control plane
 * with simulated nodes on this machine, and runs the operator against it with its own rights. Then it applies an
 * installation of istiod alone (`deploy/examples/minimal.yaml`), and lets it grow to a whole mesh
 * (`deploy/examples/default.yaml`). The cluster stays until Ctrl-C, and nothing stays after it.
 *
 *     npm run demo                  # look around until Ctrl-C
 *     npm run demo -- --once        # end at once; exit code 0 when the mesh became ready
 *     npm run demo -- -f mesh.yaml  # another installation
 *     npm run demo -- --version 1.4.10  # another version: Pilot, Mixer and injector of Istio 1.4
 *     npm run demo -- --upgrade     # a change of version, held by a missing image, mended and finished
 *     npm run demo -- --real        # a request through Istio's own istiod and Envoy, which the operator installs
 *     npm run demo -- --clusters 3  # three clusters join each other, and one of them dies and comes back
 */
import { demoOfManyClusters } from './many-clusters.ts';
import { demoOfOneCluster } from './one-cluster.ts';
import { readOptions } from './options.ts';
import { demoOfRealIstio } from './real.ts';
import { paint } from './steps.ts';
import { demoOfAnUpgrade } from './upgrade.ts';

function demo(signal: AbortSignal): Promise<boolean> {
	const options = readOptions();
	if (options.real) return demoOfRealIstio(options, signal);
	if (options.upgrade) return demoOfAnUpgrade(options, signal);
	return options.clusters === 1 ? demoOfOneCluster(options, signal) : demoOfManyClusters(options, signal);
}

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.on(name, () => {
		if (interrupt.signal.aborted) {
			process.exit(130); // The user asked twice. The guards end what is left.
		}
		interrupt.abort();
	});
}
try {
	process.exitCode = (await demo(interrupt.signal)) ? 0 : 1;
} catch (error) {
	if (interrupt.signal.aborted) {
		process.exitCode = 130;
	} else {
		console.error(`\n${paint('red', 'The demo failed:')} ${error instanceof Error ? error.message : String(error)}`);
		process.exitCode = 1;
	}
}
