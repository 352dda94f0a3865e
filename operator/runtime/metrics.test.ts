import test from 'ava';
import { FakeClock, settle } from './clock-fake.ts';
import { InvalidError, TransientError } from './errors.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { WorkQueue } from './queue/work-queue.ts';

function make(): Metrics {
	return createMetrics({ version: '1.2.3', processMetrics: false });
}

/** The lines of one metric, as Prometheus reads them. */
async function shown(metrics: Metrics, name: string): Promise<readonly string[]> {
	const text = await metrics.registry.metrics();
	return text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

test('passes are counted by result, and errors by their kind', async (t) => {
	const metrics = make();
	const { hooks, attach } = metrics.queue('meshinstallation');
	const clock = new FakeClock();
	const queue = new WorkQueue<string>({
		clock,
		hooks,
		random: () => 0.5,
		worker: async (key) => {
			if (key === 'transient') throw new TransientError('503');
			if (key === 'invalid') throw new InvalidError('Bad', 'value');
			if (key === 'defect') throw new TypeError('boom');
			return key === 'later' ? { requeueAfterMs: 60_000 } : undefined;
		},
	});
	attach(queue);
	queue.start();
	for (const key of ['fine', 'later', 'transient', 'invalid', 'defect']) queue.add(key);
	await settle();
	t.deepEqual(await shown(metrics, 'controller_runtime_reconcile_total'), [
		'controller_runtime_reconcile_total{controller="meshinstallation",result="success"} 1',
		'controller_runtime_reconcile_total{controller="meshinstallation",result="error"} 3',
		'controller_runtime_reconcile_total{controller="meshinstallation",result="requeue"} 0',
		'controller_runtime_reconcile_total{controller="meshinstallation",result="requeue_after"} 1',
	]);
	for (const [name, value] of [
		['controller_runtime_reconcile_errors_total', 3],
		['controller_runtime_terminal_reconcile_errors_total', 1],
		['controller_runtime_reconcile_panics_total', 1],
		['controller_runtime_reconcile_timeouts_total', 0],
		['controller_runtime_reconcile_time_seconds_count', 5],
		['controller_runtime_max_concurrent_reconciles', 4],
		['controller_runtime_active_workers', 0],
	] as const) {
		t.deepEqual(await shown(metrics, name), [`${name}{controller="meshinstallation"} ${value}`]);
	}
	for (const [name, value] of [
		['workqueue_adds_total', 8],
		['workqueue_retries_total', 2],
		['workqueue_queue_duration_seconds_count', 5],
		['workqueue_work_duration_seconds_count', 5],
	] as const) {
		t.deepEqual(await shown(metrics, name), [
			`${name}{name="meshinstallation",controller="meshinstallation"} ${value}`,
		]);
	}
	await queue.stop({ deadlineMs: 0 });
});

test('depth by priority and unfinished work are read from the queue itself', async (t) => {
	const metrics = make();
	const { hooks, attach } = metrics.queue('cluster');
	const clock = new FakeClock();
	const queue = new WorkQueue<string>({ clock, hooks, concurrency: 2, worker: () => new Promise<void>(() => {}) });
	attach(queue);
	t.throws(() => attach(queue), { message: /attached already/ });
	queue.start();
	queue.add('a');
	await clock.advance(1_000);
	queue.add('b');
	await clock.advance(2_000);
	queue.add('c', { priority: -100 });
	queue.add('d', { priority: -100 });
	const labels = 'name="cluster",controller="cluster"';
	t.deepEqual(await shown(metrics, 'workqueue_depth'), [
		`workqueue_depth{${labels},priority="0"} 0`,
		`workqueue_depth{${labels},priority="-100"} 2`,
	]);
	t.deepEqual(await shown(metrics, 'workqueue_unfinished_work_seconds'), [
		`workqueue_unfinished_work_seconds{${labels}} 5`,
	]);
	t.deepEqual(await shown(metrics, 'workqueue_longest_running_processor_seconds'), [
		`workqueue_longest_running_processor_seconds{${labels}} 3`,
	]);
	t.deepEqual(await shown(metrics, 'controller_runtime_active_workers'), [
		'controller_runtime_active_workers{controller="cluster"} 2',
	]);
});

test('requests, lease, applies, watches, events and installations have their series', async (t) => {
	const metrics = make();
	metrics.observeRequest({ code: '200', method: 'GET', host: '10.0.0.1:443' });
	metrics.setLeader('meshwright', true);
	metrics.countApply('Deployment', 'created');
	metrics.countWatchReconnect('Deployment', 'expired');
	metrics.countEvent('dropped');
	metrics.setInstallationReady('default', true);
	metrics.setInstallationReady('gone', false);
	metrics.setInstallationReady('gone', undefined);
	metrics.setCertificateAuthorityExpiry('default', new Date('2030-01-01T00:00:00Z'));
	metrics.setCertificateAuthorityExpiry('gone', new Date(0));
	metrics.setCertificateAuthorityExpiry('gone', undefined);
	const upgrade = { from: '1.3.8', to: '1.4.10', stage: 'Pilot', state: 'Progressing' };
	metrics.setUpgrade('default', upgrade);
	metrics.setUpgrade('default', { ...upgrade, stage: 'Mixer', state: 'Held' });
	metrics.setUpgrade('over', upgrade);
	metrics.setUpgrade('over', undefined);
	const text = await metrics.registry.metrics();
	t.deepEqual(
		text.split('\n').filter((line) => /^(rest|leader|meshwright)/.test(line)),
		[
			'rest_client_requests_total{code="200",method="GET",host="10.0.0.1:443"} 1',
			'leader_election_master_status{name="meshwright"} 1',
			'meshwright_apply_total{kind="Deployment",outcome="created"} 1',
			'meshwright_watch_reconnects_total{kind="Deployment",reason="expired"} 1',
			'meshwright_events_total{outcome="dropped"} 1',
			'meshwright_installation_ready{name="default"} 1',
			'meshwright_certificate_authority_expiry_timestamp_seconds{name="default"} 1893456000',
			'meshwright_upgrade_stage{installation="default",from="1.3.8",to="1.4.10",stage="Mixer",state="Held"} 1',
			'meshwright_build_info{version="1.2.3"} 1',
		],
	);
});

test('metrics of the process are there unless turned off', async (t) => {
	const text = await createMetrics({ version: '1' }).registry.metrics();
	for (const name of [
		'process_resident_memory_bytes',
		'nodejs_eventloop_lag_p99_seconds',
		'process_cpu_seconds_total',
	]) {
		t.true(text.includes(`\n${name} `), name);
	}
});
