import test from 'ava';
import { classicReleases } from '../releases/classic/index.ts';
import { kubernetesTooOld } from './compatibility.ts';

for (const release of classicReleases) {
	const { minimum } = release.kubernetes;
	test(`Istio ${release.version} runs on Kubernetes ${minimum} and later, and not before`, (t) => {
		const [major, minor] = minimum.split('.').map(Number);
		t.is(kubernetesTooOld(release, `v${minimum}.0`), undefined);
		t.is(kubernetesTooOld(release, `v${major}.${(minor ?? 0) + 1}.9-vendor.1+abc`), undefined);
		t.is(kubernetesTooOld(release, 'v2.0.0'), undefined);
		const before = `v${major}.${(minor ?? 0) - 1}.15`;
		const finding = kubernetesTooOld(release, before);
		t.true(finding?.includes(minimum), 'names what is needed');
		t.true(finding?.includes(before), 'names what there is');
	});
}

test('a server whose version can not be read is not called too old', (t) => {
	const [release] = classicReleases;
	if (release === undefined) return t.fail('there is no release');
	t.is(kubernetesTooOld(release, 'unknown'), undefined);
	t.is(kubernetesTooOld(release, ''), undefined);
	t.is(kubernetesTooOld(release, '1'), undefined);
	t.is(kubernetesTooOld(release, 'build 7'), undefined);
	t.is(kubernetesTooOld(release, 'v1.99999999999999999.0'), undefined);
});

test('a pre-release and a vendor build count as the version that they are of', (t) => {
	const [release] = classicReleases;
	if (release === undefined) return t.fail('there is no release');
	const { minimum } = release.kubernetes;
	for (const server of [`${minimum}+`, `v${minimum}.0-alpha.1`, `v${minimum}.0-gke.1`, `v${minimum}.0+k3s1`]) {
		t.is(kubernetesTooOld(release, server), undefined, server);
	}
	t.regex(kubernetesTooOld(release, 'v1.9.99-gke.1') ?? '', /and this cluster is v1\.9\.99-gke\.1$/);
	t.regex(kubernetesTooOld(release, 'v0.0.0-master+$Format:%H$') ?? '', /needs Kubernetes/);
});
