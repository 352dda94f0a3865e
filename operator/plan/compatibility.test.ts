import test from 'ava';
import { releases } from '../releases/index.ts';
import { kubernetesTooOld } from './compatibility.ts';

for (const release of releases) {
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
	const [release] = releases;
	if (release === undefined) return t.fail('there is no release');
	t.is(kubernetesTooOld(release, 'unknown'), undefined);
	t.is(kubernetesTooOld(release, ''), undefined);
});
