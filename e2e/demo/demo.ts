/**
 * `npm run demo`: one MeshInstallation becomes a running mesh, before your eyes. A Kubernetes control plane with simulated
 * nodes is started on this machine, the operator runs against it with its own rights, and an installation of Pilot alone
 * (`deploy/examples/minimal.yaml`) is applied, which then grows to a whole mesh (`deploy/examples/default.yaml`). The cluster
 * stays until Ctrl-C, and nothing stays after it.
 *
 *     npm run demo                  # look around until Ctrl-C
 *     npm run demo -- --once        # end at once; exit code 0 when the mesh became ready
 *     npm run demo -- -f mesh.yaml  # another installation
 *     npm run demo -- --clusters 3  # three clusters join each other, and one of them dies and comes back
 */
import { demoOfManyClusters } from './many-clusters.ts';
import { demoOfOneCluster } from './one-cluster.ts';
import { readOptions } from './options.ts';
import { paint } from './steps.ts';

function demo(signal: AbortSignal): Promise<boolean> {
	const options = readOptions();
	return options.clusters === 1 ? demoOfOneCluster(options, signal) : demoOfManyClusters(options, signal);
}

const interrupt = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
	process.on(name, () => {
		if (interrupt.signal.aborted) {
			process.exit(130); // Asked twice: the guards end what is left.
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
