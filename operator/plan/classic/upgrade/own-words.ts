/** What Pilot and the injector are asked themselves before their stages are over. */
import { type PilotCounter, pilotCounters, type ResolvedClassicMesh } from '../../../releases/classic/index.ts';
import { injectorDnsNames, injectorName, injectorWebhook } from '../../../render/classic/injector-names.ts';
import { objectKey } from '../../../runtime/object.ts';
import {
	type Counter,
	type CountersWord,
	type OwnWord,
	rejected,
	reviewOfPod,
	type WebhookWord,
} from '../../upgrade/own-word.ts';

export function classicOwnWords(mesh: ResolvedClassicMesh): readonly OwnWord[] {
	const { minor, pilot: release } = mesh.release;
	const pilot: CountersWord = {
		stage: 'Pilot',
		kind: 'counters',
		deployment: 'istio-pilot',
		port: release.monitoringPort,
		path: '/metrics',
		counters: pilotCounters[minor].map(({ metric, types, tells }) => ({ metric, types, ...judgements[tells] })),
	};
	return mesh.injector === undefined ? [pilot] : [pilot, injectorWord(mesh)];
}

/** A proxy that was slow for a while has been told since. */
const judgements: Readonly<Record<PilotCounter['tells'], Pick<Counter, 'counts' | 'onlyWhileGrowing'>>> = {
	rejected,
	unmade: { counts: 'has counted since its start what it can not make for proxies', onlyWhileGrowing: false },
	undelivered: { counts: 'counts what does not reach proxies', onlyWhileGrowing: true },
};

function injectorWord(mesh: ResolvedClassicMesh): WebhookWord {
	const [serverName = ''] = injectorDnsNames(mesh);
	return {
		stage: 'Injector',
		kind: 'webhook',
		deployment: injectorName,
		port: mesh.release.injector.ports.find(({ container }) => container === 'https-inject')?.port ?? 0,
		path: '/inject',
		configuration: objectKey({
			apiVersion: 'admissionregistration.k8s.io/v1',
			kind: 'MutatingWebhookConfiguration',
			name: injectorWebhook(mesh),
		}),
		serverName,
		review: reviewOfPod(mesh.namespace, 'v1beta1', 'annotations'),
	};
}
