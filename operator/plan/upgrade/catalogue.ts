/**
 * Every check before a change of version, by the name of what it finds. Code, docs and tests read this one table.
 */
import type { UpgradeFinding } from './finding.ts';

export interface CatalogueEntry {
	readonly severity: UpgradeFinding['severity'];
	/** Whether the owner can insist on it. Nothing helps where the new version can't be rendered at all. */
	readonly canInsist?: false;
	/** What it means, in a sentence. */
	readonly meaning: string;
	/** What to do, in a sentence. */
	readonly remedy: string;
}

export const upgradeCatalogue = {
	'version-unknown': {
		severity: 'blocker',
		canInsist: false,
		meaning: 'This operator does not know the version, pre-releases among them.',
		remedy: 'Choose one that it knows; meshwright upgrade plan lists them.',
	},
	'version-ended': {
		severity: 'blocker',
		canInsist: false,
		meaning: 'The version is at its end of life and is installed no more.',
		remedy: 'Choose a newer one.',
	},
	'major-change': {
		severity: 'blocker',
		meaning: 'The change leads to another major version.',
		remedy: 'Install that version beside this one, and move workloads.',
	},
	downgrade: {
		severity: 'blocker',
		meaning: 'The change leads to an older minor. Its control plane may refuse what newer proxies and objects say.',
		remedy: 'Stay, or delete the mesh and install the older version.',
	},
	'minor-skipped': {
		severity: 'blocker',
		meaning: 'The change skips a minor. Control plane and proxies were never tested that far apart.',
		remedy: 'Go one minor at a time; patches can be skipped.',
	},
	'newer-proxies': {
		severity: 'blocker',
		meaning:
			'The mesh goes back in the middle of a change, and pods have proxies of the newer version, or nobody knows whether they have. An older Pilot may send them what they refuse.',
		remedy:
			'Let the change go on, or restart these pods once the injector of the version before is back, or insist. Where nobody knows, give the right that the message names.',
	},
	'configuration-rejected': {
		severity: 'blocker',
		meaning:
			'The new Pilot runs, and counts that proxies reject what it sends, that it can not make it, or that it does not reach them. Until it does not, its stage is not over.',
		remedy:
			'Mend the object that they reject, which the log of Pilot names, and restart Pilot, since it counts from its start. What does not reach proxies stands against it only while it grows.',
	},
	'kubernetes-too-old': {
		severity: 'blocker',
		canInsist: false,
		meaning: 'The release needs a newer Kubernetes than this cluster has.',
		remedy: 'Upgrade Kubernetes first.',
	},
	'setting-refused': {
		severity: 'blocker',
		canInsist: false,
		meaning: 'A field of the MeshInstallation can not be used with the new version.',
		remedy: 'Change the field together with the version.',
	},
	'overlay-not-applicable': {
		severity: 'blocker',
		canInsist: false,
		meaning: 'An overlay changes an object or a place of it that the new version does not have.',
		remedy: 'Change the overlay together with the version.',
	},
	'kind-not-read': {
		severity: 'blocker',
		meaning: 'An object is of a kind that the present version reads and the new one does not.',
		remedy: 'Write it in a kind that the new version reads, then delete it.',
	},
	'object-refused': {
		severity: 'blocker',
		meaning: 'The validation of the new version refuses an object that passes with the present one.',
		remedy: 'Correct the object; meshwright validate --version tells what is wrong.',
	},
	'regex-not-re2': {
		severity: 'blocker',
		meaning: 'A VirtualService has a regular expression that RE2 does not know. Proxies of Istio 1.4 refuse the route.',
		remedy:
			'Write it without lookahead and back references, or set PILOT_ENABLE_UNSAFE_REGEX to "true" in spec.pilot.env.',
	},
	'http-on-443': {
		severity: 'blocker',
		meaning:
			'A Service or ServiceEntry says that HTTP is spoken at port 443. Istio 1.4 gives proxies no listener for it.',
		remedy: 'Name the port https or tls, or set PILOT_BLOCK_HTTP_ON_443 to "false" in spec.pilot.env.',
	},
	'crd-versions': {
		severity: 'blocker',
		meaning: 'A CustomResourceDefinition stores or serves other versions of a kind than the new version reads.',
		remedy: 'Rewrite what is stored and correct status.storedVersions, or let the operator own the definition.',
	},
	'root-ends-soon': {
		severity: 'blocker',
		meaning: 'The certificate authority of the mesh ends within 60 days, or can not be used.',
		remedy: 'Renew it first: a change of root and a change of version at once can not be told apart.',
	},
	'no-room': {
		severity: 'blocker',
		meaning:
			'No node has room for one more pod of a Deployment, so the new version would not start beside the old one.',
		remedy: 'Add a node, lower the requests, or insist where a cluster autoscaler adds nodes.',
	},
	'quota-exceeded': {
		severity: 'blocker',
		meaning: 'A ResourceQuota of the namespace leaves no room for one more pod of a Deployment.',
		remedy: 'Raise the quota for the time of the upgrade.',
	},
	'limit-range': {
		severity: 'blocker',
		meaning: 'A LimitRange of the namespace refuses the pods of a Deployment of the new version.',
		remedy: 'Change the LimitRange or the resources of the component.',
	},
	'proxies-behind': {
		severity: 'blocker',
		meaning: 'Proxies would be more than one minor behind their control plane.',
		remedy: 'Restart their workloads first, so that they get the proxy of the present version.',
	},
	'webhook-unanswered': {
		severity: 'blocker',
		meaning: 'A webhook of somebody else must be asked about what the upgrade writes, and nobody answers behind it.',
		remedy: 'Delete its configuration if nobody needs it any more, or let its Service answer.',
	},
	'cluster-unreachable': {
		severity: 'blocker',
		meaning: 'A joined cluster does not answer. Its data plane would stay at the present version.',
		remedy: 'Make it reachable, or let it leave the mesh.',
	},
	'cluster-left-behind': {
		severity: 'blocker',
		meaning: 'The new version can not run in a joined cluster.',
		remedy: 'Do what the message says there, or let the cluster leave the mesh.',
	},
	'kind-newly-read': {
		severity: 'warning',
		meaning: 'An object is of a kind that the present version does not read and the new one does. It takes effect.',
		remedy: 'See whether it says what you mean.',
	},
	'rbac-config': {
		severity: 'warning',
		meaning:
			'From Istio 1.1 on ClusterRbacConfig takes the place of RbacConfig, which is read only while there is none.',
		remedy: 'Write the same ClusterRbacConfig named default, then delete the RbacConfig.',
	},
	'outbound-traffic-opens': {
		severity: 'warning',
		meaning: 'From Istio 1.1 on proxies let traffic to unknown hosts out, unless told otherwise.',
		remedy: 'Set spec.mesh.outboundTraffic: REGISTRY_ONLY together with the version to keep it blocked.',
	},
	'ports-change': {
		severity: 'warning',
		meaning: 'A Service of the control plane has other ports in the new version.',
		remedy: 'Change what names the old ones: monitoring, NetworkPolicies, firewalls.',
	},
	'mesh-config-changes': {
		severity: 'warning',
		meaning: 'The mesh configuration says something else in the new version, with the same settings.',
		remedy: 'Set the fields that matter to you in spec.mesh.',
	},
	'protocols-detected': {
		severity: 'warning',
		meaning:
			'From Istio 1.3 on proxies find out the protocol of outbound connections to ports whose names do not tell.',
		remedy: 'Name the ports of Services by their protocol.',
	},
	'trust-domain-checked': {
		severity: 'warning',
		meaning: 'From Istio 1.3 on proxies under mutual TLS take peers of their own trust domain alone.',
		remedy:
			'Let all clusters have one trust domain, or set PILOT_SKIP_VALIDATE_TRUST_DOMAIN to "true" in spec.pilot.env.',
	},
	'rbac-policy-leftover': {
		severity: 'warning',
		meaning:
			'The definition authorizationpolicies.rbac.istio.io is left over. Istio 1.4 has another kind of the same plural.',
		remedy: 'Delete the definition once nobody needs its objects.',
	},
	'security-bulletin': {
		severity: 'warning',
		meaning: 'The version has a vulnerability that is published, and another patch does not.',
		remedy: 'Choose the patch that the message names, or a newer one.',
	},
	'known-bug': {
		severity: 'warning',
		meaning: 'The version has a bug that this mesh can meet, and another patch does not.',
		remedy: 'Choose the patch that the message names, or a newer one.',
	},
	'default-changes': {
		severity: 'warning',
		meaning: 'Istiod of the new version does by itself what that of the present one does not.',
		remedy: 'Set the variable that the message names in spec.pilot.env to keep what you have.',
	},
	'cluster-upgrades-alone': {
		severity: 'warning',
		meaning: 'A joined cluster has a control plane of its own, which this MeshInstallation does not upgrade.',
		remedy: 'Upgrade it by its own MeshInstallation, soon.',
	},
	'proxy-version-unknown': {
		severity: 'warning',
		meaning: 'The version of some proxies can not be told by their images.',
		remedy: 'See that they are at most one minor behind.',
	},
	'not-looked-at': {
		severity: 'warning',
		meaning: 'Something could not be looked at, so nobody knows whether it stands against the upgrade.',
		remedy: 'Give the right that the message names, or look yourself.',
	},
	'insistence-unknown': {
		severity: 'warning',
		meaning: 'The annotation meshwright.io/upgrade-despite names something on which nobody can insist.',
		remedy: 'Correct or remove the name.',
	},
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

export type UpgradeCheckName = keyof typeof upgradeCatalogue;

const entries: ReadonlyMap<string, CatalogueEntry> = new Map(Object.entries(upgradeCatalogue));

export function catalogueEntry(name: string): CatalogueEntry | undefined {
	return entries.get(name);
}

/** A finding with the severity of the table, and its remedy unless there is a better one. */
export function found(
	name: UpgradeCheckName,
	subject: string,
	message: string,
	remedy: string = upgradeCatalogue[name].remedy,
): UpgradeFinding {
	return { name, severity: upgradeCatalogue[name].severity, subject, message, remedy };
}
