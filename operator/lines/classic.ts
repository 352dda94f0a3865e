/**
 * The classic line: Istio 1.0 to 1.4, where Pilot, Mixer, Citadel, the injector and the gateways are separate processes.
 */
import { injectionLabel } from '../../api/v1/index.ts';
import { observeCertificateAuthority } from '../plan/classic/certificate-authority.ts';
import { citadelOfAllNamespaces } from '../plan/classic/citadel-rivalry.ts';
import { factsOf, injectorCertificateOf, type RootMemory, rememberRoots, seenBy } from '../plan/classic/facts.ts';
import { classicGates, sharedAuthorityBeforeCitadel } from '../plan/classic/gates.ts';
import { classicOwnWords } from '../plan/classic/upgrade/own-words.ts';
import { classicUpgradeRules } from '../plan/classic/upgrade/rules.ts';
import { classicStageOf } from '../plan/classic/upgrade/stages.ts';
import {
	type ClassicRelease,
	checkObject,
	classicReleases,
	crdsOf,
	crossNetworkPort,
	noWayIn,
	type ResolvedClassicMesh,
	resolveClassic,
	takesGatewayAddress,
} from '../releases/classic/index.ts';
import {
	type ClassicAddresses,
	type ClassicFacts,
	checkDataPlane,
	classicComponents,
	classicCrds,
	dataPlaneMesh,
	injectorFiles,
	readerRules,
	renderDataPlane,
	renderServedCluster,
	standIns,
} from '../render/classic/index.ts';
import { injectorWebhook } from '../render/classic/injector-names.ts';
import { meshConfigHash } from '../render/classic/mesh-config.ts';
import { objectKey } from '../runtime/object.ts';
import { injectPod } from '../sidecar/index.ts';
import type { DataPlane, Line, MultiClusterSupport } from './line.ts';

const dataPlane: DataPlane<ResolvedClassicMesh, ClassicFacts> = {
	services: { pilot: 'istio-pilot', policy: 'istio-policy', telemetry: 'istio-telemetry' },
	meshIn: dataPlaneMesh,
	check: checkDataPlane,
	render(mesh, { addresses, ...remote }) {
		const { pilot = [], policy = [], telemetry = [] } = addresses as Partial<ClassicAddresses>;
		return renderDataPlane(mesh, { ...remote, addresses: { pilot, policy, telemetry } });
	},
	charge: () => undefined,
	gates: sharedAuthorityBeforeCitadel,
	notes: ({ pilot = [] }) =>
		pilot.length === 0 ? ['no pod of Pilot is ready yet, so istio-pilot has no address there'] : [],
	caSecretName: ({ citadel }) => citadel?.caSecretName,
};

const multiCluster: MultiClusterSupport<ResolvedClassicMesh> = {
	readsSecretsAgain: () => false,
	readers: { always: ['istio-pilot'], perhaps: ['istio-policy', 'istio-telemetry'] },
	gateway: { service: 'istio-ingressgateway', port: crossNetworkPort },
	knowsNetworks: ({ release }) => release.mesh.networks,
	hasNetworks: ({ networks = [] }) => networks.length > 0,
	noWayIn,
	takesAddress: takesGatewayAddress,
	readerRules,
	dataPlane,
};

export const classicLine: Line<ResolvedClassicMesh, ClassicFacts, RootMemory> = {
	name: 'classic',
	releases: classicReleases,
	ended: [],
	exclusives: [citadelOfAllNamespaces],
	resolve: (release, installation, options) => resolveClassic(release as ClassicRelease, installation, options),

	sees: seenBy,
	configurationHash: meshConfigHash,
	certificate: injectorCertificateOf,
	remember: rememberRoots,
	facts: factsOf,
	gates: (context) => classicGates.flatMap((rule) => rule(context)),
	authority: observeCertificateAuthority,

	crds: classicCrds,
	components: classicComponents,
	copies: injectorFiles,
	standIns,
	servedCluster: (mesh) => (mesh.pilotKubeconfig === undefined ? undefined : renderServedCluster(mesh)),

	objectKinds: (release) =>
		crdsOf(release as ClassicRelease).map(({ group, version, kind, plural, scope }) => ({
			apiVersion: `${group}/${version}`,
			kind,
			plural,
			namespaced: scope === 'Namespaced',
		})),
	checkObject: (release, object) => checkObject(release as ClassicRelease, object),

	upgradeRules: classicUpgradeRules,

	injection: (mesh) =>
		mesh.injector === undefined
			? undefined
			: {
					namespaces: mesh.injector.namespaces,
					label: { name: injectionLabel, value: 'enabled' },
					webhook: objectKey({
						apiVersion: 'admissionregistration.k8s.io/v1',
						kind: 'MutatingWebhookConfiguration',
						name: injectorWebhook(mesh),
					}),
				},
	injectedImages: ({ images }) => [images.proxy, images.proxyInit],
	byHand: { how: 'definition', injectPod },
	multiCluster,
	ownWords: classicOwnWords,
	stageOf: classicStageOf,
};
