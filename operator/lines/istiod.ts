/** The line of istiod, Istio 1.30 and newer: one process is Pilot, certificate authority and injector. */
import { injectionLabel, revisionLabel } from '../../api/v1/index.ts';
import { observeIstiodAuthority } from '../plan/istiod/certificate-authority.ts';
import { istiodFactsOf, seenByIstiod } from '../plan/istiod/facts.ts';
import { chargeBeforeWebhook, istiodGates } from '../plan/istiod/gates.ts';
import { istiodRevisions } from '../plan/istiod/revisions.ts';
import { defaultRevisionOfCluster } from '../plan/istiod/rivalry.ts';
import { istiodOwnWords, istiodStageOf, istiodUpgradeRules } from '../plan/istiod/upgrade.ts';
import {
	crossNetworkPort,
	defaultWorkloadTtl,
	eastWestGateway,
	type IstiodRelease,
	istiodCrds,
	istiodReleases,
	type ResolvedIstiodMesh,
	resolveIstiod,
} from '../releases/istiod/index.ts';
import { renderCrds } from '../render/index.ts';
import {
	checkIstiodDataPlane,
	defaultTag,
	type IstiodFacts,
	injectionWebhookName,
	istiodComponents,
	istiodMeshThere,
	istiodReaderRules,
	meshConfigHash,
	renderIstiodDataPlane,
	rootConfigMap,
	standIns,
	tagWebhookName,
} from '../render/istiod/index.ts';
import { objectKey } from '../runtime/object.ts';
import type { DataPlane, Line, MultiClusterSupport } from './line.ts';

const dataPlane: DataPlane<ResolvedIstiodMesh, IstiodFacts> = {
	services: { istiod: 'istiod' },
	meshIn: istiodMeshThere,
	check: checkIstiodDataPlane,
	render: (mesh, { addresses: { istiod = [] }, ...remote }) =>
		renderIstiodDataPlane(mesh, { ...remote, addresses: istiod }),
	charge: ({ location }) => ({ cluster: location.clusterId, proof: rootConfigMap }),
	gates: chargeBeforeWebhook,
	notes: ({ istiod = [] }) =>
		istiod.length === 0
			? [
					'istiod has no address there yet: none of its pods is ready, or the gateway that leads to it has no IP address of a load balancer',
				]
			: [],
	// istiod of this cluster signs for workloads there.
	caSecretName: () => undefined,
};

const multiCluster: MultiClusterSupport<ResolvedIstiodMesh> = {
	readsSecretsAgain: (release) => (release as IstiodRelease).followsRemoteSecrets,
	readers: { always: [], perhaps: ['istiod'] },
	gateway: { service: eastWestGateway, port: crossNetworkPort },
	knowsNetworks: () => true,
	hasNetworks: ({ gateways }) => gateways.some(({ network }) => network !== undefined),
	noWayIn: () => undefined,
	exposes: ({ exposesControlPlane }) => exposesControlPlane === true,
	takesAddress: () => true,
	readerRules: istiodReaderRules,
	dataPlane,
};

export const istiodLine: Line<ResolvedIstiodMesh, IstiodFacts, undefined> = {
	name: 'istiod',
	releases: istiodReleases,
	ended: [],
	exclusives: [defaultRevisionOfCluster],
	resolve: (release, installation, options) => resolveIstiod(release as IstiodRelease, installation, options),

	sees: seenByIstiod,
	configurationHash: meshConfigHash,
	certificate: () => undefined,
	remember: () => undefined,
	facts: (mesh, { sight, joined }) => istiodFactsOf(mesh, sight, joined),
	gates: (context) => istiodGates.flatMap((rule) => rule(context)),
	authority: observeIstiodAuthority,
	issues: ({ authority: { caSecretName: secretName, intermediates, workloadCertTTL = defaultWorkloadTtl } }) =>
		intermediates === undefined || secretName === undefined
			? undefined
			: { ...intermediates, secretName, workloadCertTTL },

	crds: ({ release }) => renderCrds(release, () => istiodCrds),
	components: istiodComponents,
	copies: () => [],
	standIns,
	servedCluster: () => undefined,

	objectKinds: () =>
		istiodCrds.map(({ group, version, kind, plural, scope }) => ({
			apiVersion: `${group}/${version}`,
			kind,
			plural,
			namespaced: scope === 'Namespaced',
		})),
	// The API server checks objects by their schema, and istiod by its webhook.
	checkObject: () => ({ kind: 'other' }),

	upgradeRules: istiodUpgradeRules,

	injection: (mesh) =>
		mesh.injection === undefined
			? undefined
			: {
					namespaces: mesh.injection.namespaces,
					label: { name: injectionLabel, value: 'enabled' },
					webhook: objectKey({
						apiVersion: 'admissionregistration.k8s.io/v1',
						kind: 'MutatingWebhookConfiguration',
						// Whoever has that label asks the default revision.
						name: mesh.defaultTo === undefined ? injectionWebhookName(mesh) : tagWebhookName(mesh, defaultTag),
					}),
				},
	injectedImages: ({ images }) => [images.proxy],
	byHand: {
		how: 'webhook',
		labels: ({ revision }) => (revision === undefined ? {} : { [revisionLabel]: revision }),
	},
	multiCluster,
	revisions: istiodRevisions,
	ownWords: istiodOwnWords,
	stageOf: istiodStageOf,
};
