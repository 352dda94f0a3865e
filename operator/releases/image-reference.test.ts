import test from 'ava';
import { comesFrom } from './image-reference.ts';

const digest = `sha256:${'0'.repeat(64)}`;

const inside: readonly (readonly [image: string, registry: string])[] = [
	['docker.io/istio/pilot:1.4.10', 'docker.io/istio'],
	['docker.io/istio/pilot:1.4.10', 'docker.io'],
	['istio/pilot:1.4.10', 'docker.io/istio'],
	['index.docker.io/istio/pilot', 'docker.io/istio'],
	['docker.io/istio/pilot', 'istio'],
	['pilot', 'docker.io/library'],
	['registry.example.com:5000/a/b/pilot:1', 'registry.example.com:5000/a'],
	['localhost/pilot', 'localhost'],
	[`docker.io/istio/pilot@${digest}`, 'docker.io/istio'],
	[`docker.io/istio/pilot:1.4.10@${digest}`, 'docker.io/istio'],
];

const outside: readonly (readonly [image: string, registry: string])[] = [
	['docker.io/istio-evil/pilot', 'docker.io/istio'],
	['docker.io/istio', 'docker.io/istio'],
	['docker.io/istio/../evil/pilot', 'docker.io/istio'],
	['docker.io/istio/./pilot', 'docker.io/istio'],
	['docker.io/istio//pilot', 'docker.io/istio'],
	['docker.io/Istio/pilot', 'docker.io/istio'],
	['DOCKER.IO/istio/pilot', 'docker.io/istio'],
	['docker.io.evil.example/istio/pilot', 'docker.io/istio'],
	['docker.io:443/istio/pilot', 'docker.io/istio'],
	['docker.io@evil.example/istio/pilot', 'docker.io/istio'],
	['evil.example/docker.io/istio/pilot', 'docker.io/istio'],
	['https://docker.io/istio/pilot', 'docker.io/istio'],
	['registry.example.com/a/pilot', 'registry.example.com:5000/a'],
	['registry.example.com:5000/a/pilot', 'registry.example.com/a'],
	['localhost/istio/pilot', 'istio'],
	['docker.io/istio/pilot:1/../../../evil/x', 'docker.io/istio'],
	[' docker.io/istio/pilot', 'docker.io/istio'],
	['docker.io/istio/pilot', 'docker.io/istio/pilot/x'],
	['pilot', 'docker.io/istio'],
	['', 'docker.io'],
];

test('an image comes from the registries whose whole segments it begins with', (t) => {
	for (const [image, registry] of inside) t.true(comesFrom(image, ['other.example', registry]), `${image} ${registry}`);
});

test('nothing that only looks like a registry passes for it', (t) => {
	for (const [image, registry] of outside) t.false(comesFrom(image, [registry]), `${image} ${registry}`);
	t.false(comesFrom('docker.io/istio/pilot', []));
});
