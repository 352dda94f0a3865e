/** Every cluster lists all the others, and has an operator of its own: as many Secrets as there are pairs, and peace. */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { RequestError } from '../../operator/runtime/errors.ts';
import { kinds } from '../../operator/runtime/kinds.ts';
import type { KubeObject } from '../../operator/runtime/object.ts';
import { diffOfStored } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import {
	changesSince,
	idOf,
	introduce,
	type Member,
	markAll,
	meshNamespace,
	primaryEntry,
	readerOf,
	untilTold,
} from '../support/full-mesh.ts';
import { applyInstallation, readInstallation } from '../support/installation.ts';
import { remoteSecrets, startJoiningOperator, startMeshClusters, untilCluster } from '../support/joined.ts';
import type { RunningOperator } from '../support/operator.ts';

for (const { count, called, ownName, peaceMs } of [
	// Longer than the time between two probes.
	{ count: 5, peaceMs: 30_000, called: 'by the names under which others list them', ownName: (name: string) => name },
	{ count: 3, peaceMs: 10_000, called: 'by names of their own', ownName: (name: string) => `this-is-${name}` },
]) {
	const names = Array.from({ length: count }, (_, index) => `full${count}-${index + 1}`);
	let members: readonly Member[] = [];
	const operators: RunningOperator[] = [];
	const title = (what: string) => `${count} clusters that call themselves ${called}: ${what}`;

	test.serial(title('each is told of all the others'), async (t) => {
		t.timeout(5 * 60_000);
		const clusters = await startMeshClusters(...names.map((name) => ({ name })));
		members = clusters.map((cluster, index) => ({ ...cluster, name: names[index] ?? '', number: index + 1 }));
		for (const member of members) {
			const others = members.filter((other) => other !== member);
			await introduce(member, others);
			await applyInstallation(member.api, 'mesh', {
				multiCluster: {
					clusterName: ownName(member.name),
					podCIDRs: [`172.20.${member.number}.0/24`],
					clusters: others.map(primaryEntry),
				},
			});
		}
		operators.push(...(await Promise.all(members.map((member) => startJoiningOperator(member)))));
		for (const { api, name } of members)
			for (const other of names) if (other !== name) await untilCluster(api, 'mesh', other, 'Ready', 'True');
		await t.notThrowsAsync(
			untilTold(new Map(members.map((member) => [member, names.filter((name) => name !== member.name)]))),
		);
	});

	test.serial(title('every token reads what Pilot reads and nothing else, and nobody fights'), async (t) => {
		t.timeout(5 * 60_000);
		let marks = await markAll(members);
		await eventually('nobody has anything to do', async () => {
			const before = marks;
			await sleep(2_000);
			const changes = await Promise.all(members.map((member, index) => changesSince(member, before[index] ?? 0)));
			marks = await markAll(members);
			return changes.every(({ length }) => length === 0);
		});
		const peace = sleep(peaceMs);

		const pairs: string[] = [];
		for (const member of members) {
			for (const secret of await remoteSecrets(member.api, meshNamespace)) {
				const [cluster = ''] = Object.keys(secret.data ?? {});
				const read = members.find(({ name }) => name === cluster);
				if (read === undefined) throw new Error(`${member.name} is told of ${cluster}`);
				await using reader = readerOf(secret);
				for (const kind of [kinds.Service, kinds.Endpoints, kinds.Pod, kinds.Node]) await reader.list(kind);
				const forbidden = { instanceOf: RequestError, message: /403|forbidden/i };
				for (const kind of [kinds.Secret, kinds.ConfigMap, kinds.ClusterRole, kinds.ServiceAccount])
					await t.throwsAsync(reader.list(kind), forbidden);
				for (const object of attempts) await t.throwsAsync(reader.create(object), forbidden, object.kind);
				await t.throwsAsync(
					reader.delete({ apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'kubernetes' }),
					forbidden,
				);
				t.is(secret.metadata.annotations?.['cluster.meshwright.io/id'], await idOf(read.api));
				pairs.push(`${member.name} reads ${cluster}`);
			}
		}
		t.is(new Set(pairs).size, count * (count - 1));
		t.is(pairs.length, count * (count - 1));

		await peace;
		const changes = await Promise.all(members.map((member, index) => changesSince(member, marks[index] ?? 0)));
		t.deepEqual(
			changes.flat().filter((change) => !change.includes(':istio-reader-')),
			[],
		);
	});

	test.serial(title('an operator that starts again writes nothing anywhere'), async (t) => {
		const [first] = members;
		if (first === undefined) return t.fail('there are no clusters');
		const marks = await markAll(members);
		const told = await toldOf(first);
		await operators[0]?.stop();
		operators[0] = await startJoiningOperator(first);
		await eventually('it has looked at all of them', async () => {
			const { body } = (await operators[0]?.ask('/metrics')) ?? { body: '' };
			const reached = body.split('\n').filter((line) => /^meshwright_cluster_reachable.* 1$/.test(line));
			return reached.length === count - 1;
		});
		await sleep(3_000);
		const changes = await Promise.all(members.map((member, index) => changesSince(member, marks[index] ?? 0)));
		t.deepEqual(await toldOf(first), told);
		t.deepEqual(
			changes.flat().filter((change) => !change.includes(' meshinstallations/status ')),
			[],
		);
		const { stdout, stderr } = await diffOfStored(first, 'mesh');
		t.is(
			stdout,
			'Nothing would change.\n',
			`the accounts by which primaries read this cluster are part of the mesh: ${stderr}`,
		);
	});

	test.serial(title('ended'), async (t) => {
		for (const operator of operators.splice(0)) await operator.stop();
		await Promise.all(members.map((member) => member.stop()));
		t.pass();
	});
	test.after.always(`${count} clusters end`, async () => {
		for (const operator of operators) await operator.stop();
		await Promise.all(members.map((member) => member.stop()));
	});
}

/** What the status says, without the counts of what was in each cluster, which may have changed. */
async function toldOf({ api }: Member): Promise<unknown> {
	const { status } = await readInstallation(api, 'mesh');
	const clusters = status?.clusters?.map(({ services: _, endpoints: __, ...rest }) => rest);
	return { ...status, clusters };
}

const attempts: readonly KubeObject[] = [
	{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: meshNamespace, name: 'x' } },
	{ apiVersion: 'v1', kind: 'Endpoints', metadata: { namespace: 'default', name: 'x' } },
	{ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: meshNamespace, name: 'x' } },
];
