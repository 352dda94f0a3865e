/** Runs the demo of a change of version as a user does. It waits most of the time, so it has a file of its own. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import test from 'ava';

test('--upgrade shows stages, one that is held by a missing image while the old pods serve on, and how it goes on', async (t) => {
	t.timeout(600_000);
	const script = join(import.meta.dirname, 'demo.ts');
	const env = { ...process.env, KUBECONFIG: '/dev/null' };
	const output = await new Promise<string>((settle, reject) => {
		execFile(process.execPath, [script, '--upgrade', '--once'], { env, timeout: 580_000 }, (error, stdout, stderr) => {
			if (error === null) settle(stdout);
			else reject(new Error(`${error.message}\n${stdout}${stderr}`));
		});
	});
	t.regex(output, /✘ held: stage Pilot made no progress for 1m: .* its image is not pulled/);
	t.regex(output, /The pods of 1\.3\.8 serve on: pilot:1\.3\.8 ●● {3}pilot:1\.4\.10 ○ {3}proxyv2:1\.3\.8 ●●/);
	const [, mended = ''] = output.split('The upgrade is taken up');
	t.regex(mended, /✔ Pilot/);
	t.regex(mended, /✔ mesh default runs 1\.4\.10/);
});
