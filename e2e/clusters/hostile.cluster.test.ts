/** Kubeconfigs that would do harm, end to end: each is refused by name of its field, and nothing of its content gets out. */
import test from 'ava';
import { createLogger } from '../../operator/runtime/log/logger.ts';
import { type KubeconfigParts, kubeconfigText, marker } from '../support/cluster-kubeconfig.ts';
import { eventually } from '../support/eventually.ts';
import { applyInstallation, eventsAbout, readInstallation, untilInstalled } from '../support/installation.ts';
import {
	administratorOf,
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
} from '../support/joined.ts';
import { type MeshCluster, operatorUser } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';
import { writesOf } from '../support/writes.ts';

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;
const lines: string[] = [];

const server = (value: string): KubeconfigParts => ({ cluster: { server: value } });
const bombs = [
	`a: &a [${marker}, ${marker}]`,
	...'bcdefghij'.split('').map((name, index) => `${name}: &${name} [*${'abcdefghi'[index]}, *${'abcdefghi'[index]}]`),
];

const hostile: Readonly<Record<string, readonly [content: string, reason: string, message: RegExp]>> = {
	exec: [kubeconfigText({ user: { exec: { command: marker } } }), 'KubeconfigUnsafe', /users\[0\]\.user\.exec/],
	'auth-provider': [
		kubeconfigText({ user: { 'auth-provider': { name: marker } } }),
		'KubeconfigUnsafe',
		/users\[0\]\.user\.auth-provider/,
	],
	'token-file': [kubeconfigText({ user: { tokenFile: `/${marker}` } }), 'KubeconfigUnsafe', /user\.tokenFile/],
	'ca-file': [
		kubeconfigText({ cluster: { 'certificate-authority': `/${marker}` } }),
		'KubeconfigUnsafe',
		/cluster\.certificate-authority/,
	],
	insecure: [
		kubeconfigText({ cluster: { 'insecure-skip-tls-verify': true } }),
		'KubeconfigUnsafe',
		/insecure-skip-tls-verify/,
	],
	proxy: [kubeconfigText({ cluster: { 'proxy-url': `http://${marker}:3128` } }), 'KubeconfigUnsafe', /proxy-url/],
	impersonating: [kubeconfigText({ user: { as: marker } }), 'KubeconfigUnsafe', /user\.as/],
	http: [kubeconfigText(server(`http://${marker}`)), 'KubeconfigUnsafe', /cluster\.server/],
	metadata: [kubeconfigText(server('https://169.254.169.254')), 'KubeconfigUnsafe', /metadata/],
	url: [kubeconfigText(server(`https://u:${marker}@api.example`)), 'KubeconfigInvalid', /credentials/],
	contextless: [kubeconfigText({ top: { 'current-context': undefined } }), 'KubeconfigInvalid', /current-context/],
	token: [kubeconfigText({ user: { token: `${marker}\r\nx: y` } }), 'KubeconfigInvalid', /user\.token/],
	authority: [
		kubeconfigText({ cluster: { 'certificate-authority-data': `${marker}!` } }),
		'KubeconfigInvalid',
		/certificate-authority-data/,
	],
	bomb: [bombs.join('\n'), 'KubeconfigInvalid', /./],
	large: [`# ${marker}\n${'#'.repeat(1024 * 1024 - 200)}\n`, 'KubeconfigInvalid', /./],
	torn: [`${kubeconfigText().slice(0, -30)}`, 'KubeconfigInvalid', /./],
	utf16: [`\uFEFF${marker}: \u0000\u0001`, 'KubeconfigInvalid', /./],
	// It parses, and its host has the marker as its name: nobody answers there, which may be told, with the host alone.
	unknown: [kubeconfigText(server('https://zz.invalid:6443')), 'Unreachable', /zz\.invalid/],
};

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	const log = createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } });
	operator = await startJoiningOperator(home, { log });
	for (const [name, [content]] of Object.entries(hostile)) await giveKubeconfig(home.api, name, content);
	await giveKubeconfig(home.api, 'good', flatKubeconfig(administratorOf(other.cluster)));
	await applyInstallation(
		home.api,
		'mesh',
		multiCluster([...Object.keys(hostile), 'good'].map((name, index) => entry(name, index + 1))),
	);
	await untilInstalled(home.api, 'mesh');
});
test.after.always(async () => {
	await operator?.stop();
	await Promise.all([home?.stop(), other?.stop()]);
});

for (const [name, [, reason, message]] of Object.entries(hostile)) {
	test.serial(`${name}: refused as ${reason}, with the field`, async (t) => {
		t.regex(await untilCluster(home.api, 'mesh', name, 'Reachable', 'False', reason), message);
		await untilCluster(home.api, 'mesh', name, 'Ready', 'False', reason);
		t.is((await clusterStatus(home.api, 'mesh', name))?.secret, undefined);
	});
}

test.serial(
	'nothing of their content is in a log, an Event, the status or a metric, and the good one has joined',
	async (t) => {
		await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
		await eventually('the Events are there', async () => {
			const events = await eventsAbout(home.api, 'mesh');
			return events.some(({ reason }) => reason === 'KubeconfigUnsafe');
		});
		const metrics = await operator.ask('/metrics');
		const shown = {
			log: lines.join(''),
			status: JSON.stringify(await readInstallation(home.api, 'mesh')),
			events: JSON.stringify(await eventsAbout(home.api, 'mesh')),
			metrics: metrics.body,
		};
		t.true(lines.length > 20 && metrics.body.includes('meshwright_cluster_joined'));
		const words = [marker, Buffer.from(marker).toString('base64').replaceAll('=', ''), other.cluster.adminToken];
		for (const [where, text] of Object.entries(shown))
			for (const word of words) t.false(text.includes(word), `${word} in ${where}`);
	},
);

test.serial('no Secret was written for any of them', async (t) => {
	const written = (await writesOf(home.cluster, operatorUser)).map(({ objectRef }) => objectRef?.name);
	t.deepEqual(
		Object.keys(hostile).filter((name) => written.includes(`istio-remote-secret-${name}`)),
		[],
	);
});

test.serial(
	'a hostile kubeconfig in the place of a good one leaves the published Secret, and is mended by a good one',
	async (t) => {
		const before = await clusterStatus(home.api, 'mesh', 'good');
		await giveKubeconfig(home.api, 'good', kubeconfigText({ user: { exec: { command: marker } } }));
		await untilCluster(home.api, 'mesh', 'good', 'Ready', 'False', 'KubeconfigUnsafe');
		t.is((await clusterStatus(home.api, 'mesh', 'good'))?.secret, before?.secret);
		await untilCluster(home.api, 'mesh', 'good', 'Joined', 'True');
		await giveKubeconfig(home.api, 'good', flatKubeconfig(administratorOf(other.cluster)));
		await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
		t.is((await clusterStatus(home.api, 'mesh', 'good'))?.credentialsExpire, before?.credentialsExpire);
		t.false(lines.join('').includes(marker));
	},
);
