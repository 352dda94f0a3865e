/** `npm run real-istio`: builds Istio's own programs of the istiod line, and unpacks Envoy, where they are not there. */
import { stdout } from 'node:process';
import { locateAll, realIstioVariable } from './locate.ts';

const log = (line: string) => void stdout.write(`${line}\n`);
for (const { pins, program, envoy } of await locateAll(log, { ...process.env, [realIstioVariable]: '1' })) {
	log(`Istio ${pins.line}: ${program('istioctl')}, ${envoy}`);
}
