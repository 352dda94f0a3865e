import test from 'ava';
import { chooseSource, isGoUsable, type Offers, setting } from './source.ts';

const all = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok', 'kubectl'];
const everything: Offers = {
	parts: 'all',
	kubeconfig: '/tmp/throw-away.kubeconfig',
	assets: { directory: '/assets', files: all },
	built: '/cache/v1',
	go: 'go version go1.26.8 linux/amd64',
};
const nothing: Offers = { parts: 'all', kubeconfig: undefined, assets: undefined, built: undefined, go: undefined };

test('offers are taken in order: kubeconfig, assets, what has been built, Go', (t) => {
	t.deepEqual(chooseSource(everything), { kind: 'kubeconfig', file: '/tmp/throw-away.kubeconfig' });
	t.deepEqual(chooseSource({ ...everything, kubeconfig: undefined }), { kind: 'binaries', directory: '/assets' });
	t.deepEqual(chooseSource({ ...everything, kubeconfig: undefined, assets: undefined }), {
		kind: 'binaries',
		directory: '/cache/v1',
	});
	t.deepEqual(chooseSource({ ...nothing, go: everything.go }), { kind: 'build' });
});

test('assets that hold only an API server serve for that and not for all parts', (t) => {
	const assets = { directory: '/assets', files: ['etcd', 'kube-apiserver', 'kubectl'] };
	const offers = { ...everything, kubeconfig: undefined, assets };
	t.deepEqual(chooseSource({ ...offers, parts: 'api-server' }), { kind: 'binaries', directory: '/assets' });
	t.deepEqual(chooseSource(offers), { kind: 'binaries', directory: '/cache/v1' });
});

test('with nothing at hand one message says everything that would help', (t) => {
	const { message = '' } = t.throws(() => chooseSource(nothing)) ?? {};
	for (const word of ['Go 1.26', 'KUBEBUILDER_ASSETS', 'MESHWRIGHT_TEST_KUBECONFIG', '127.0.0.1']) {
		t.true(message.includes(word), word);
	}
});

test('the message names what the assets lack and a Go that is too old', (t) => {
	const offers = {
		...nothing,
		assets: { directory: '/assets', files: ['etcd'] },
		go: 'go version go1.19.2 linux/amd64',
	};
	t.throws(() => chooseSource(offers), {
		message:
			/go1\.19\.2 .*older than go1\.21; KUBEBUILDER_ASSETS=\/assets lacks kube-apiserver, kube-controller-manager/,
	});
});

test('Go counts from 1.21, the first that fetches the toolchain a module asks for', (t) => {
	t.true(isGoUsable('go version go1.21.0 darwin/arm64'));
	t.true(isGoUsable('go version go2.0 linux/amd64'));
	t.false(isGoUsable('go version go1.20.14 linux/amd64'));
	t.false(isGoUsable('something else'));
});

test('an empty variable is an unset one', (t) => {
	t.is(setting({ A: ' ' }, 'A'), undefined);
	t.is(setting({}, 'A'), undefined);
	t.is(setting({ A: ' x ' }, 'A'), 'x');
});
