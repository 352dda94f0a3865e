/** Says what in a mesh of istiod has to wait for what. Each function is one gate's rule. The list at the end has them all. */

import { defaultRevision, revisionLabel } from '../../../api/v1/index.ts';
import { componentLabel } from '../../apply/identity.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import {
	type IstiodFacts,
	injectionWebhookName,
	injectionWebhookNames,
	mutualTlsComponent,
	rootConfigMap,
	servingSecret,
} from '../../render/istiod/index.ts';
import { isWebhook, kinds } from '../../runtime/kinds.ts';
import { objectKey } from '../../runtime/object.ts';
import type { Gate, GateContext } from '../gate.ts';
import { readable, type Sight } from '../sight.ts';
import { problemForIstiod } from './certificate-authority.ts';
import { istiodKey, revisionKey, validators } from './facts.ts';
import { nodeGates } from './node-gates.ts';

type Rule = (context: GateContext<ResolvedIstiodMesh, IstiodFacts>) => readonly Gate[];

/** What time opens is looked at again after at most this time. */
const longestRecheckMs = 60 * 60_000;

/**
 * API servers ask a webhook as soon as it exists, and refuse what it should have been asked about while nobody answers. The same
 * is so of one that asks another revision from now on. From 1.30.4 on istiod is ready only when its webhooks listen
 * (istio#61049), and no release before that can be installed.
 */
const istiodBeforeWebhooks: Rule = ({ mesh, objects, sight }) => {
	if (mesh.isServedFromElsewhere) return [];
	const waiting = objects.filter((object) => {
		if (!isWebhook(object)) return false;
		const revision = object.metadata.labels?.[revisionLabel] ?? defaultRevision;
		const isAsked = sight.child(objectKey(object))?.revision === revision;
		return !isAsked && (sight.child(revisionKey(mesh, revision))?.workload?.available ?? 0) === 0;
	});
	return waiting.length === 0
		? []
		: [
				{
					name: 'istiod-before-webhooks',
					effect: 'held',
					objects: waiting.map(objectKey),
					sentence: 'waiting for istiod to be ready, before API servers ask it about new pods and objects',
				},
			];
};

/** A webhook for objects is there before it asks about any: istiod writes its authority only into one that is there. */
const authorityBeforeObjects: Rule = ({ mesh, sight }) =>
	validators(mesh)
		.filter((webhook) => sight.child(objectKey(webhook))?.awaitsAuthority === true)
		.map((webhook) => ({
			name: 'authority-before-objects',
			effect: 'delayed',
			objects: [objectKey(webhook)],
			sentence: `waiting for istiod to write its authority into ${webhook.kind} ${webhook.name}, before API servers ask it about objects of Istio`,
		}));

/** A new pod of istiod that can't mount its authority, or can't sign with it, would replace one that works. */
const authorityBeforeIstiod: Rule = ({ mesh, facts, sight, nowMs }) => {
	const { caSecretName } = mesh.authority;
	if (caSecretName === undefined) return [];
	const where = `${mesh.namespace}/${caSecretName}`;
	const secret = readable(sight.secret(caSecretName));
	const held = { name: 'authority-before-istiod', effect: 'held', objects: [istiodKey(mesh)] } as const;
	if (secret === undefined || facts.caSecretHash === undefined) {
		return [{ ...held, sentence: `waiting for Secret ${where}, the certificate authority for istiod` }];
	}
	const { problem, untilMs } = problemForIstiod(secret, nowMs);
	return problem === undefined
		? []
		: [
				{
					...held,
					sentence: `waiting for a certificate authority that istiod can use in Secret ${where}: its ${problem.file} ${problem.reason}`,
					// One that begins later opens the gate by time alone.
					againInMs: Math.min(untilMs - nowMs, longestRecheckMs),
				},
			];
};

/**
 * A pod of a gateway is nothing without what istiod injects, and nobody makes it anew once it is there.
 * While istiod does not answer a webhook that exists, API servers refuse the pod.
 */
const webhookBeforeGateways: Rule = ({ mesh, sight }) => {
	const webhook = objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectionWebhookName(mesh) });
	const isThere = sight.child(webhook) !== undefined;
	const isServed = mesh.isServedFromElsewhere === true || (sight.child(istiodKey(mesh))?.workload?.available ?? 0) > 0;
	const answers = isThere && isServed;
	const waiting = mesh.gateways
		.map(({ name }) => objectKey({ ...kinds.Deployment, namespace: mesh.namespace, name }))
		// A refused pod is tried again ever more rarely, up to a quarter of an hour. One that stands has pods that go on.
		.filter((key) => !isThere || (!answers && sight.child(key) === undefined));
	return waiting.length === 0
		? []
		: [
				{
					name: 'webhook-before-gateways',
					effect: 'held',
					objects: waiting,
					sentence: 'waiting for the injection webhook, which puts the proxy into the pods of gateways',
				},
			];
};

/** Workloads get certificates before others demand them. */
const istiodBeforeMutualTls: Rule = ({ mesh, objects, sight }) => {
	if (mesh.mutualTls !== 'STRICT' || (sight.child(istiodKey(mesh))?.workload?.available ?? 0) > 0) return [];
	return [
		{
			name: 'istiod-before-mutual-tls',
			effect: 'held',
			objects: objects
				.filter(({ metadata }) => metadata.labels?.[componentLabel] === mutualTlsComponent)
				.map(objectKey),
			sentence: 'waiting for istiod to be ready, before mutual TLS is demanded',
		},
	];
};

/**
 * API servers of a joined cluster ask its webhooks as soon as they exist. istiod of this cluster can write its authority into
 * them only when it reads that cluster and is in charge there, which it shows by its root.
 */
export function chargeBeforeWebhook(
	mesh: ResolvedIstiodMesh,
	{ isInCharge, child }: { readonly isInCharge: boolean; readonly child: Sight['child'] },
): readonly Gate[] {
	if (mesh.injection === undefined || isInCharge) return [];
	const webhooks = injectionWebhookNames(mesh)
		.map((name) => objectKey({ ...kinds.MutatingWebhookConfiguration, name }))
		.filter((key) => child(key) === undefined);
	return webhooks.length === 0
		? []
		: [
				{
					name: 'charge-before-webhook',
					effect: 'held',
					objects: webhooks,
					sentence: `waiting for istiod to take charge of the cluster, before its API servers ask it about new pods: istiod shows it by ConfigMap ${rootConfigMap} in namespace ${mesh.namespace} there`,
				},
			];
}

/** Without a certificate istiod does not start where it signs none itself, and proxies could not ask it. */
const certificateBeforeIstiod: Rule = ({ mesh, sight }) =>
	mesh.isServedFromElsewhere ||
	mesh.authority.external === undefined ||
	readable(sight.secret(servingSecret)) !== undefined
		? []
		: [
				{
					name: 'certificate-before-istiod',
					effect: 'held',
					objects: [istiodKey(mesh)],
					sentence: `waiting for Secret ${mesh.namespace}/${servingSecret} with the certificate of istiod, which the authority at ${mesh.authority.external} keeps`,
				},
			];

/** The rules of all gates. When two hold one object, the later rule's sentence is told. */
export const istiodGates: readonly Rule[] = [
	istiodBeforeWebhooks,
	authorityBeforeObjects,
	authorityBeforeIstiod,
	certificateBeforeIstiod,
	webhookBeforeGateways,
	istiodBeforeMutualTls,
	...nodeGates,
];
