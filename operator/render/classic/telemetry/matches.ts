/** Expressions that say which requests and connections a rule is about. */
import { compareMinor, type Minor, type Traffic } from '../../../releases/classic/index.ts';

const http = 'context.protocol == "http" || context.protocol == "grpc"';
const tcp = 'context.protocol == "tcp"';

/** All requests, or all events of connections. */
export const everything: Readonly<Record<'http' | 'tcp', string>> = { http, tcp };

/**
 * What is measured: all traffic, without the kubelet's probes (from 1.1 on) and without Prometheus' scrapes (from 1.2 on).
 */
export function measured(minor: Minor, traffic: Traffic): string {
	switch (traffic) {
		case 'http': {
			const left = [
				...(compareMinor(minor, '1.1') >= 0 ? ['kube-probe*'] : []),
				...(compareMinor(minor, '1.2') >= 0 ? ['Prometheus*'] : []),
			];
			return left.length === 0
				? http
				: [`(${http})`, ...left.map((agent) => `(match((request.useragent | "-"), "${agent}") == false)`)].join(' && ');
		}
		case 'tcp':
			return tcp;
		case 'tcpOpened':
			return `${tcp} && ((connection.event | "na") == "open")`;
		case 'tcpClosed':
			return `${tcp} && ((connection.event | "na") == "close")`;
	}
}
