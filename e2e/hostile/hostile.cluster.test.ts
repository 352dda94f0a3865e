/**
 * A joined cluster whose API server misbehaves, in each of the ways that are known here, before the operator as it is
 * shipped: the process lives, what it takes is bounded, the mesh at home is repaired, and the cluster is suspended, or
 * nobody notices. The operator holds its lease all the while. Once the server behaves again, all is well. `npm run bench -- --only hostile` measures the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { defaultTimings, type LeaseSpec } from '../../operator/runtime/election/decision.ts';
import { eventually } from '../support/eventually.ts';
import { type Mode, type ModeName, modes } from './modes.ts';
import { openScene, type Scene } from './scene.ts';

/** Far above what the operator takes, and far below the limit of its container with what a kernel adds. */
const mostMB = 230;
/** What ends by no offence goes on this long. */
const harmlessMs = 3_000;

/** Longer than a lease lasts that nobody renews. */
const floodMs = 16_000;

let scene: Scene;
let lease: LeaseSpec;
test.before(async () => {
	scene = await openScene({ fsync: false });
	lease = await scene.lease();
});
test.after.always(async () => {
	await scene?.[Symbol.asyncDispose]();
});

/** Waits until the status tells of the offence. */
async function untilSuspended(offence: RegExp): Promise<string> {
	let seen: string | undefined;
	return eventually(`the cluster is suspended: ${offence}`, () => {
		const { reason, message = '' } = scene.condition('Reachable') ?? {};
		seen = `${reason}: ${message}`;
		return reason === 'ClusterMisbehaves' && offence.test(message) && message;
	}).catch((error: Error) => {
		throw new Error(`${error.message}; it says ${seen}`);
	});
}

/** What stays of a lease while the same replica holds it. */
function heldBefore() {
	const { holderIdentity, leaseTransitions, acquireTime } = lease;
	return { holderIdentity, leaseTransitions, acquireTime };
}

for (const [name, mode] of Object.entries(modes) as readonly [ModeName, Mode][]) {
	test.serial(`${name}: ${mode.what}`, async (t) => {
		try {
			const { rssMB } = await scene.watched(async () => {
				await scene.become(name);
				// The operator connects at once, and asks everything anew.
				await scene.touch();
				const repaired = scene.repairs({ count: 3 });
				// Awaited below, unless something else fails before.
				repaired.catch(() => undefined);
				await eventually('it is asked something', async () => (await scene.answered()) > 0);
				if (mode.offence === undefined) await sleep(harmlessMs);
				else {
					const message = await untilSuspended(mode.offence);
					t.regex(message, /; nothing is asked of it until \d{4}-[-\dT:]+Z, or until its kubeconfig changes$/);
					t.is(scene.condition('Ready')?.reason, 'ClusterMisbehaves');
				}
				await repaired;
			});
			t.true(rssMB < mostMB, `${rssMB} MB`);
			t.false(scene.operator.hasExited());
			t.like(await scene.lease(), heldBefore());
		} finally {
			await scene.become('good');
			await scene.touch();
			await scene.untilWell();
		}
	});
}

test.serial(
	'the lease is renewed by its holder while a cluster floods it with events for longer than it lasts',
	async (t) => {
		const renewals = new Set<string>();
		let isOver = false;
		// Each kubeconfig that is written anew ends the suspension, and the flood begins again.
		const flood = (async () => {
			while (!isOver) {
				await scene.touch();
				await sleep(500);
				await untilSuspended(modes['events without end'].offence);
			}
		})();
		await scene.become('events without end');
		const startedAt = performance.now();
		while (performance.now() - startedAt < floodMs) {
			const { renewTime = '' } = await scene.lease();
			renewals.add(renewTime);
			await sleep(200);
		}
		isOver = true;
		await flood;
		const held = await scene.lease();
		t.like(held, heldBefore());
		t.true(renewals.size > 2, `renewed at ${[...renewals].join()}`);
		t.true(Date.parse(held.renewTime ?? '') > Date.now() - defaultTimings.renewDeadlineMs);
		t.false(scene.operator.hasExited());
		await scene.become('good');
		await scene.touch();
		await scene.untilWell();
	},
);
