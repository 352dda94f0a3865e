/**
 * Istio's own Citadel in a joined cluster, as it is rendered for its data plane: it signs with the authority that the mesh
 * shares. Runs where `MESHWRIGHT_ISTIO` names a folder, as `real-binaries.api-server.test.ts` says.
 */
import { X509Certificate } from 'node:crypto';
import { parseAllDocuments, stringify } from 'yaml';
import { classicReleases } from '../../operator/releases/classic/index.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { authoritySecret, makeAuthority } from '../support/certificate-authority.ts';
import { meshwright } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { installation } from '../support/installation.ts';
import { entry, multiCluster } from '../support/joined.ts';
import { startMeshCluster, userOf } from '../support/mesh-cluster.ts';
import { forbiddenIn, requestsOf } from '../support/writes.ts';
import { complaintsIn, excerpt, startComponent } from './component-process.ts';
import { applyAll, processes } from './processes.ts';
import { testWithBinaries } from './test-with-binaries.ts';

const namespace = 'istio-real';
const users = 'shop';
const account = 'reviews';

type Secret = KubeObject & { readonly data: Readonly<Record<string, string>> };

for (const release of classicReleases) {
	const { version } = release;
	const title = `${version}: Citadel in a joined cluster signs with the authority of the mesh`;
	testWithBinaries(version, title, async (t) => {
		await using there = await startMeshCluster({ crd: false });
		const { api, cluster } = there;
		const objects = await renderedThere(version);
		await applyAll(api, objects);
		const authority = await makeAuthority({ organisation: 'Shared' });
		await api.create(authoritySecret(namespace, 'cacerts', authority));
		const [citadel] = processes(objects, release);
		if (citadel?.name !== 'citadel') return t.fail('there is no Citadel among what is rendered');

		await using component = await startComponent(citadel.binary, citadel.flags, there, citadel.deployment);
		await api.create({ ...kinds.Namespace, metadata: { name: users } });
		await api.create({ ...kinds.ServiceAccount, metadata: { namespace: users, name: account } });
		const reference = { ...kinds.Secret, namespace: users, name: `istio.${account}` };
		const { data } = await eventually('a certificate', () => api.get<Secret>(reference)).catch((cause: unknown) => {
			throw new Error(excerpt(component.lines), { cause });
		});
		const pemOf = (key: string) => Buffer.from(data[key] ?? '', 'base64').toString();
		t.is(pemOf('root-cert.pem').trim(), authority.certificate.trim());
		const certificate = new X509Certificate(pemOf('cert-chain.pem'));
		t.true(certificate.verify(new X509Certificate(authority.certificate).publicKey));
		t.regex(certificate.subjectAltName ?? '', /spiffe:\/\/cluster\.local\/ns\/shop\/sa\/reviews/);

		t.false(component.hasExited());
		t.deepEqual(complaintsIn(component.lines), [], excerpt(component.lines));
		const user = userOf({ namespace, name: citadel.deployment.spec.template.spec.serviceAccountName });
		const asked = await requestsOf(cluster, user);
		t.true(asked.length > 0);
		t.deepEqual(forbiddenIn(asked), []);
	});
}

/** What is kept in the joined cluster, as the command line shows it. */
async function renderedThere(version: string): Promise<readonly KubeObject[]> {
	const spec = {
		version,
		namespace,
		citadel: { enabled: true, caSecretName: 'cacerts' },
		...multiCluster([entry('eu', 1, { dataPlane: { controlPlaneAddresses: ['192.0.2.10'] } })]),
	};
	const mesh = stringify(installation('real', spec));
	const { exitCode, stdout, stderr } = await meshwright(['render', '-f', '-', '--cluster', 'eu'], mesh);
	if (exitCode !== 0) throw new Error(stderr);
	return parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject);
}
