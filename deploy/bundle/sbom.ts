/**
 * Lists what is inside the bundle, as a CycloneDX document. npm writes it (`npm sbom`): it comes with Node, reads the lock file
 * that everything was installed by, and knows licence, package URL and hash of each package. What is installed and not bundled
 * is taken out.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BundledPackage } from './packages.ts';

interface Component {
	readonly 'bom-ref': string;
	readonly name: string;
	readonly version: string;
	readonly purl: string;
	readonly licenses?: readonly object[];
	readonly hashes?: readonly object[];
}

interface Sbom {
	readonly metadata: { readonly component: Component };
	readonly components: readonly Component[];
	readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** The document, without what differs between two builds of the same. Rejects when a bundled package is not in the lock file. */
export async function sbomOf(root: string, packages: readonly BundledPackage[]): Promise<string> {
	// Not --omit=dev: npm 11 then leaves out what development needs as well.
	const args = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
	const { stdout } = await promisify(execFile)('npm', args, { cwd: root, maxBuffer: 2 ** 26 });
	const { serialNumber: _, ...whole } = JSON.parse(stdout) as Sbom & { readonly serialNumber: string };
	const bundled = new Set(packages.map(({ name, version }) => `${name}@${version}`));
	const components = whole.components.filter(({ name, version }) => bundled.delete(`${name}@${version}`));
	if (bundled.size > 0) throw new Error(`not in package-lock.json: ${[...bundled].join(', ')}`);
	const { component, ...metadata } = whole.metadata;
	const kept = new Set([component, ...components].map((one) => one['bom-ref']));
	const sbom = {
		...whole,
		// npm calls the folder by the name that it has here.
		metadata: { ...metadata, timestamp: undefined, component: { ...component, name: 'meshwright' } },
		components,
		dependencies: whole.dependencies
			.filter(({ ref }) => kept.has(ref))
			.map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) })),
	};
	return `${JSON.stringify(sbom, null, 2)}\n`;
}
