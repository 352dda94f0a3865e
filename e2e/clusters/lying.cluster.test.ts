/**
 * Joined clusters that lie: about who they are, which addresses they have, how long their tokens last. None of them gets another
 * one out of the mesh, and none gets the credential that it was sent out of the operator.
 */
import test from 'ava';
import { kinds } from '../../operator/runtime/kinds.ts';
import { createLogger } from '../../operator/runtime/log/logger.ts';
import { formsOf, traceOf } from '../support/credential-forms.ts';
import { eventually } from '../support/eventually.ts';
import { applyInstallation, eventsAbout, readInstallation, untilInstalled } from '../support/installation.ts';
import {
	clusterStatus,
	entry,
	flatKubeconfig,
	giveKubeconfig,
	multiCluster,
	startJoiningOperator,
	startMeshClusters,
	untilCluster,
} from '../support/joined.ts';
import { addJoiner, type Joiner } from '../support/joiner.ts';
import { type LyingServer, startLyingServer } from '../support/lying-proxy.ts';
import type { MeshCluster } from '../support/mesh-cluster.ts';
import type { RunningOperator } from '../support/operator.ts';

let home: MeshCluster;
let other: MeshCluster;
let operator: RunningOperator;
let joiner: Joiner;
const servers = new Map<string, LyingServer>();
const lines: string[] = [];
const log = createLogger({ level: 'trace', destination: { write: (line) => void lines.push(line) } });

const namespace = 'istio-system';
const uids = { good: 'uid-of-good', evil: 'uid-of-evil', late: 'uid-of-late' } as const;
const { podCIDRs: _, ...unwritten } = entry('x', 1);
const claiming = (name: string) => ({
	...unwritten,
	...entry(name, 1),
	podCIDRs: undefined,
	serviceCIDRs: services(name),
});
/** All of them are one API server. So the addresses of Services are written, and those of pods claimed. */
const services = (name: string) => [`172.22.${Object.keys(uids).indexOf(name)}.0/24`];

const apply = (...entries: readonly object[]) =>
	applyInstallation(home.api, 'mesh', multiCluster(JSON.parse(JSON.stringify(entries)) as never));

let looks = 0;
/** Makes the operator check a cluster now: a kubeconfig with other bytes is another one. */
async function lookAgain(name: keyof typeof uids): Promise<void> {
	const { url, ca } = servers.get(name) as LyingServer;
	const kubeconfig = flatKubeconfig({ url, ca, token: joiner.token });
	await giveKubeconfig(home.api, name, `${kubeconfig}${'\n'.repeat(++looks)}`);
}

const lies = (name: keyof typeof uids) => (servers.get(name) as LyingServer).lies;

test.before(async () => {
	[home, other] = (await startMeshClusters({ name: 'home' }, { name: 'other', crd: false })) as [
		MeshCluster,
		MeshCluster,
	];
	joiner = await addJoiner(other);
	for (const [name, uid] of Object.entries(uids)) {
		servers.set(name, await startLyingServer(other.cluster, { uid, podCIDRs: [] }));
		await lookAgain(name as keyof typeof uids);
	}
	operator = await startJoiningOperator(home, { log });
});
test.after.always(async () => {
	await operator?.stop();
	for (const server of servers.values()) await server[Symbol.asyncDispose]();
	await Promise.all([home?.stop(), other?.stop()]);
});

test.serial('who joined first keeps its addresses from one that claims them to join', async (t) => {
	lies('good').podCIDRs = ['172.23.0.0/24'];
	await apply(claiming('good'));
	await untilInstalled(home.api, 'mesh');
	await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
	lies('evil').podCIDRs = ['172.23.0.0/25'];
	await apply(claiming('evil'), claiming('good'));
	const message = await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'AddressesOverlap');
	t.regex(message, /pods of cluster evil \(172\.23\.0\.0\/25\) share addresses with pods of cluster good/);
	lies('evil').podCIDRs = ['0.0.0.0/0', '::/0'];
	await lookAgain('evil');
	t.regex(
		await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'AddressesUnknown'),
		/more addresses than any cluster/,
	);
	lies('evil').podCIDRs = ['172.23.1.0/24'];
	await lookAgain('evil');
	await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'True');
	await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
});

test.serial(
	'one that has joined and then claims the addresses or the UID of another is not believed, also after a restart',
	async (t) => {
		lies('evil').podCIDRs = ['172.23.0.0/24'];
		await lookAgain('evil');
		await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'AddressesOverlap');
		t.deepEqual((await clusterStatus(home.api, 'mesh', 'evil'))?.podCIDRs, ['172.23.1.0/24']);
		await operator.stop();
		operator = await startJoiningOperator(home, { log });
		for (const name of ['evil', 'good'] as const) await lookAgain(name);
		await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'AddressesOverlap');
		await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
		t.deepEqual((await clusterStatus(home.api, 'mesh', 'evil'))?.podCIDRs, ['172.23.1.0/24']);
		lies('evil').uid = uids.good;
		lies('evil').podCIDRs = ['172.23.1.0/24'];
		for (const name of ['evil', 'good'] as const) await lookAgain(name);
		await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'OtherCluster');
		await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
		lies('evil').uid = uids.evil;
		await lookAgain('evil');
		await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'True');
	},
);

test.serial('what an entry says wins over what one claims that joined long before', async (t) => {
	lies('evil').podCIDRs = ['172.23.1.0/24', '172.24.0.0/16'];
	await lookAgain('evil');
	await eventually('it has more', async () => (await clusterStatus(home.api, 'mesh', 'evil'))?.podCIDRs?.length === 2);
	await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'True');
	await apply(claiming('evil'), claiming('good'), { ...claiming('late'), podCIDRs: ['172.24.7.0/24'] });
	await untilCluster(home.api, 'mesh', 'late', 'Ready', 'True');
	const message = await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'AddressesOverlap');
	t.regex(message, /share addresses with pods of cluster late \(172\.24\.7\.0\/24\)/);
});

test.serial('a token that ends within the hour is not published, with what was given and the remedy', async (t) => {
	lies('evil').podCIDRs = ['172.23.1.0/24'];
	await lookAgain('evil');
	await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'True');
	lies('evil').tokenEnds = () => new Date(Date.now() + 5 * 60_000);
	await home.api.delete({ ...kinds.Secret, namespace, name: 'istio-remote-secret-evil' });
	const message = await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False', 'TokenTooShort');
	t.regex(message, /lasts \dm\d+s; it has to last 1h or more.*--service-account-max-token-expiration/);
	await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
});

test.serial('whatever a server sends back when it refuses, in whatever form, nothing of it gets out', async (t) => {
	t.timeout(240_000);
	const forms = formsOf(joiner.token).map((form) => encodeURIComponent(form).slice(0, 6_000));
	for (const status of [401, 403, 422, 500]) {
		for (const text of forms.slice(status % 3).filter((_, i) => i % 3 === 0)) {
			lies('evil').refusal = { status, text };
			const before = lines.length;
			await lookAgain('evil');
			await eventually('it was refused', async () => lines.slice(before).some((line) => line.includes('"evil"')));
		}
		await untilCluster(home.api, 'mesh', 'evil', 'Ready', 'False');
	}
	const shown = {
		log: lines.join(''),
		status: JSON.stringify(await readInstallation(home.api, 'mesh')),
		events: JSON.stringify(await eventsAbout(home.api, 'mesh')),
		metrics: (await operator.ask('/metrics')).body,
	};
	for (const [where, text] of Object.entries(shown)) t.is(traceOf(joiner.token, text), undefined, where);
	await untilCluster(home.api, 'mesh', 'good', 'Ready', 'True');
});
