/** What a revision of istiod is asked by dry runs. Pure. */
import { defaultRevision, definedFields, podInjectionKey, revisionLabel } from '../../../api/v1/index.ts';
import type { Child } from '../../apply/child.ts';
import type { ResolvedIstiodMesh } from '../../releases/istiod/index.ts';
import { injectionWebhookName, istiodName } from '../../render/istiod/index.ts';
import { kinds } from '../../runtime/kinds.ts';
import { type KubeObject, objectKey } from '../../runtime/object.ts';
import type { RevisionQuestion } from '../revisions/question.ts';
import type { Sight } from '../sight.ts';

const name = 'meshwright-asks';

/** Such an object is always refused (istio 1.30 `pkg/config/constants/constants.go`, `AlwaysReject`). istiod asks itself so. */
const alwaysRefused = { 'internal.istio.io/webhook-always-reject': 'true' };

/**
 * Two Gateways that differ in that istiod has to refuse one: whoever else looks at them treats them alike. And a pod, unless nobody
 * asks the webhook of the revision at this time.
 */
export function istiodQuestions(
	mesh: ResolvedIstiodMesh,
	revision: string,
	child: Sight['child'],
): readonly RevisionQuestion[] {
	const place = {
		namespace: mesh.namespace,
		...definedFields({ revision: revision === defaultRevision ? undefined : revision }),
	};
	const webhook = child(objectKey({ ...kinds.MutatingWebhookConfiguration, name: injectionWebhookName(place) }));
	return [
		{ object: gatewayFor(place.namespace, revision), expects: 'taken' },
		{ object: gatewayFor(place.namespace, revision, alwaysRefused), expects: 'refused' },
		...(mesh.injection === undefined || !isAsked(webhook)
			? []
			: [
					{
						object: podFor(place.namespace, revision, istiodName(place)),
						expects: { injectedBy: revision, annotation: revisionLabel },
					},
				]),
	];
}

function isAsked(webhook: Child | undefined): boolean {
	return webhook !== undefined && webhook.isWithdrawn !== true;
}

/** It has no label of the operator: the webhook is asked about it as about an object of a user. */
function gatewayFor(
	namespace: string,
	revision: string,
	annotations: Readonly<Record<string, string>> = {},
): KubeObject {
	const { apiVersion, kind } = kinds.Gateway;
	return {
		apiVersion,
		kind,
		metadata: { name, namespace, labels: { [revisionLabel]: revision }, annotations },
		spec: {
			selector: { istio: name },
			servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['asked.invalid'] }],
		},
	};
}

/**
 * A pod that no policy of Kubernetes refuses, by the template of gateways: that of sidecars adds a container that may configure the
 * network, which many a namespace of a control plane forbids.
 */
function podFor(namespace: string, revision: string, serviceAccountName: string): KubeObject {
	const { apiVersion, kind } = kinds.Pod;
	return {
		apiVersion,
		kind,
		metadata: {
			name,
			namespace,
			labels: { [revisionLabel]: revision, [podInjectionKey]: 'true' },
			annotations: { 'inject.istio.io/templates': 'gateway' },
		},
		spec: {
			serviceAccountName,
			automountServiceAccountToken: false,
			securityContext: { runAsNonRoot: true, runAsUser: 1337, seccompProfile: { type: 'RuntimeDefault' } },
			containers: [
				{
					name: 'istio-proxy',
					image: 'auto',
					securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
				},
			],
		},
	};
}
