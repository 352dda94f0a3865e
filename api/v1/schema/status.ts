/** `status`: what the operator tells. Nobody else writes it. */
import { z } from 'zod';
import { conditionTypes, unobservedGeneration, upgradeStates } from '../constants.ts';
import { integer, list, listMap, opaqueObject, optional, set } from './fields.ts';

const word = z.string().max(1024);
const sentence = z.string().max(32_768);
const time = z.string().max(64).meta({ format: 'date-time' });
const generation = integer(-1, Number.MAX_SAFE_INTEGER);
const count = integer(0, 2_147_483_647);

const condition = z
	.strictObject({
		type: z
			.string()
			.min(1)
			.max(316)
			.describe(`What the condition is about: ${conditionTypes.join(', ')}.`),
		status: z.enum(['True', 'False', 'Unknown']).describe('Whether it is so.'),
		observedGeneration: optional(generation).describe('The metadata.generation that this was said about.'),
		lastTransitionTime: time.describe('When status last changed.'),
		reason: z
			.string()
			.min(1)
			.max(1024)
			.regex(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/)
			.describe('Why, in one CamelCase word; the list of them is in docs/api.md.'),
		message: sentence.describe('Why, and what to do about it, for a person.'),
	})
	.meta({ title: 'Condition' });

const conditions = listMap(condition, 'type', 64);
const blocks = list(word, 256);

const versionCount = z
	.strictObject({
		version: word.describe('The version; unknown when the image does not say it.'),
		count: count.describe('How many proxies.'),
	})
	.meta({ title: 'ProxyVersion' });

const inventory = z
	.strictObject({
		objects: count.describe('How many objects there are.'),
		hash: word.describe('Changes when one of them changes.'),
		settings: optional(word).describe(
			'A hash of the settings, apart from the version, from which these objects were made.',
		),
		version: optional(word).describe('The version of Istio for which they were made.'),
		spec: optional(z.string().max(65_536)).describe(
			'These settings, as JSON, by which a later change of version finds back to them. Absent when they are too long.',
		),
		operator: optional(word).describe('The version of the operator that made them.'),
		bodies: optional(z.string().max(65_536)).describe(
			'A part of the hash of each object, by which a later version of the operator tells what it would make otherwise.',
		),
	})
	.meta({ title: 'Inventory' });

export const status = z
	.strictObject({
		observedGeneration: optional(generation).describe(
			'The metadata.generation that this status is about; -1 until the operator has looked.',
		),
		version: optional(word).describe('The version that runs, which during an upgrade is not yet the one asked for.'),
		phase: optional(word).describe('One word for a person, derived from the conditions. Programs read the conditions.'),
		conditions: optional(conditions).describe(
			'The state of the installation. Ready, Reconciling and Stalled are those of kstatus; Valid, Compatible, Installed, UpToDate, CertificateAuthorityValid, ClustersJoined, WebhooksAnswer, ObjectsValid and ProxiesSupported say which part is why.',
		),
		components: optional(
			listMap(
				z
					.strictObject({
						name: z.string().min(1).max(253).describe('Name of the component, for example pilot.'),
						ready: optional(count).describe('Pods that are ready.'),
						desired: optional(count).describe('Pods that there should be.'),
						version: optional(word).describe('Version that runs.'),
						image: optional(word).describe('Image that runs.'),
						reason: optional(word).describe('Why the component is not ready, in one CamelCase word.'),
						message: optional(sentence).describe(
							'Why the component is not ready, or what it still waits for, for a person.',
						),
						addresses: optional(list(word, 64)).describe(
							'Where others reach it: addresses and names of its load balancer.',
						),
					})
					.meta({ title: 'ComponentStatus' }),
				'name',
				64,
			),
		).describe('The parts of the control plane.'),
		ready: optional(word).describe('Ready and desired pods of all components: 5/5.'),
		certificateAuthority: optional(
			z
				.strictObject({
					source: z
						.enum(['SelfSigned', 'Provided', 'Issued'])
						.describe(
							'Made by Citadel itself (SelfSigned), given by spec.citadel.caSecretName (Provided), or made by the operator from the root of spec.citadel.intermediates (Issued).',
						),
					secretName: word.describe('Secret in the namespace of the mesh that holds it.'),
					subject: optional(word).describe('Name in the certificate of the chain that ends first.'),
					notAfter: optional(time).describe('When that certificate ends; those of workloads are worth nothing then.'),
					timeLeft: optional(word).describe('How long until then, roughly: 9 years, 40 days.'),
					rotation: optional(
						z
							.strictObject({
								stage: z
									.enum(['Learning', 'Retiring'])
									.describe(
										'Learning: the former root signs, and workloads learn of the new one. Retiring: the new one signs, and the former one stays in trust until nothing of it is left.',
									),
								roots: optional(count).describe('How many roots are in trust.'),
								nextAt: optional(time).describe('When the next stage begins. Absent while it waits for clusters.'),
								waitsFor: optional(list(word, 8)).describe('Clusters that have not made this stage yet.'),
							})
							.meta({ title: 'RootRotation' }),
					).describe('The change from one root of spec.citadel.intermediates to another one, while it goes on.'),
				})
				.meta({ title: 'CertificateAuthorityStatus' }),
		).describe('Who signs the certificates of workloads. Only with Citadel.'),
		gatewayApi: optional(
			z
				.strictObject({
					classes: count.describe('GatewayClasses of istiod.'),
					accepted: count.describe('Those that it has accepted.'),
					gateways: count.describe('Gateways of these classes.'),
					programmed: count.describe('Those that have a proxy.'),
					troubles: optional(list(word, 5)).describe('Some of the others: kind, name and reason.'),
				})
				.meta({ title: 'GatewayApiStatus' }),
		).describe(
			'What has become of the Gateways of the Gateway API for which istiod makes proxies, looked at every two minutes. Absent where that API is not there, may not be read, or nobody has looked yet.',
		),
		upgrade: optional(
			z
				.strictObject({
					from: word.describe('The version before.'),
					to: word.describe('The version that it leads to.'),
					state: z
						.enum(upgradeStates)
						.describe(
							'Blocked: checks found what forbids it. Progressing: a stage is being rolled out. WaitingForApproval and WaitingForWindow: it stops before a stage, as asked. Held: a stage failed. RollingBack and RolledBack: it goes back, or is back, at the version before.',
						),
					stage: optional(word).describe(
						'The stage that it is at: the last one of the new version, on the way back the first one of the version before. Absent before the first stage.',
					),
					since: optional(time).describe('Since when it is at this stage.'),
					progress: optional(
						z
							.strictObject({
								at: time.describe('When the stage got on last, at least roughly.'),
								of: word.describe('A hash of the numbers of pods that there were then.'),
							})
							.meta({ title: 'UpgradeProgress' }),
					).describe('From when on spec.upgrade.progressDeadline counts, whichever operator looks. Absent at first.'),
					revision: optional(word).describe(
						'The revision as which the new version comes, beside the one before. Absent where that one itself is changed.',
					),
					reached: optional(word).describe(
						'How far the walk before this one had come, when the spec was changed in the middle or it goes back.',
					),
					settings: optional(word).describe('A hash of the settings, apart from the version, that are rolled out.'),
					dataPlanes: optional(set(word, 512)).describe(
						'Joined clusters whose data planes have the new version, or are getting it. They come one after the other.',
					),
					startedAt: optional(time).describe('When the upgrade began.'),
					waitingFor: optional(sentence).describe('What the stage waits for, for a person.'),
					plan: optional(
						listMap(
							z
								.strictObject({
									stage: word.describe('Name of the stage.'),
									state: z.enum(['Done', 'Current', 'Next']).describe('Whether it is over, goes on, or is to come.'),
									message: optional(sentence).describe('What a person may want to know about it.'),
								})
								.meta({ title: 'StageStatus' }),
							'stage',
							16,
						),
					).describe('The stages, in the order in which they are walked.'),
					findings: optional(
						list(
							z
								.strictObject({
									name: word.describe('Its name, as the annotation meshwright.io/upgrade-despite takes it.'),
									severity: z
										.enum(['Blocker', 'Warning', 'Insisted'])
										.describe('Insisted: a blocker that the annotation overrides.'),
									message: sentence.describe('The object or field, what is wrong, and what to do.'),
								})
								.meta({ title: 'UpgradeFinding' }),
							64,
						),
					).describe('What the checks before the first write found.'),
					previous: optional(opaqueObject).describe(
						'The spec to go back to, as it was when the version before was installed whole. Absent when nobody has recorded it; then the version goes back alone.',
					),
					failure: optional(sentence).describe('Why it went back to the version before.'),
					tried: optional(word).describe(
						'A hash of the version and the settings with which a stage failed. Others are tried anew.',
					),
				})
				.meta({ title: 'UpgradeStatus' }),
		).describe('The change of version that goes on, or could not be finished.'),
		revisions: optional(
			listMap(
				z
					.strictObject({
						name: z.string().min(1).max(63).describe('Its name; default for the one without a name.'),
						version: word.describe('The version that it runs.'),
						state: z
							.enum(['Active', 'Coming', 'Standing', 'Going'])
							.describe(
								'Active: the spec is about it. Coming: a change of version leads to it. Standing: it stands beside until nobody uses it. Going: it is being removed.',
							),
						inUse: optional(z.enum(['True', 'False', 'Unknown'])).describe(
							'Whether namespaces, proxies or tags use it. Absent while nobody has looked.',
						),
						namespaces: optional(count).describe('Namespaces in this cluster whose pods ask for it.'),
						proxies: optional(count).describe('Proxies that it made. Numbers from 100 on are rounded to two digits.'),
						unusedSince: optional(time).describe('Since when nobody uses it.'),
						removedAfter: optional(time).describe('When it goes, if nobody uses it again until then.'),
						message: optional(sentence).describe('What a person may want to know about it.'),
						spec: optional(z.string().max(65_536)).describe(
							'The settings from which it is kept, as JSON. Absent when nobody has recorded them: then it is left as it stands.',
						),
					})
					.meta({ title: 'RevisionStatus' }),
				'name',
				16,
			),
		).describe('The control planes beside each other, of releases of istiod. Absent when there is one without a name.'),
		operatorUpgrade: optional(
			z
				.strictObject({
					from: word.describe('The version of the operator that made what stood.'),
					to: word.describe('The version that renders it otherwise.'),
					objects: count.describe('How many objects differ.'),
					state: z
						.enum(['Held', 'Applying', 'Applied'])
						.describe('Held: they stay as they are until they are approved, see spec.upgrade.holdOperatorChanges.'),
					message: sentence.describe('Which objects they are, and what becomes of them.'),
				})
				.meta({ title: 'OperatorUpgrade' }),
		).describe(
			'What another version of the operator changes in this mesh by itself, or has changed last. Absent when it was never any.',
		),
		proxies: optional(
			z
				.strictObject({
					total: count.describe('All of them.'),
					byVersion: list(versionCount, 32).describe('By their version.'),
					namespaces: listMap(
						z
							.strictObject({
								name: z.string().min(1).max(63).describe('Name of the namespace.'),
								versions: list(versionCount, 32).describe('Its proxies by their version.'),
							})
							.meta({ title: 'ProxyNamespace' }),
						'name',
						32,
					).describe('The namespaces with the most proxies.'),
					otherNamespaces: optional(
						z
							.strictObject({
								count: count.describe('How many namespaces these are.'),
								versions: list(versionCount, 32).describe('Their proxies by their version.'),
							})
							.meta({ title: 'OtherNamespaces' }),
					).describe('All other namespaces together.'),
					restarts: optional(
						z
							.strictObject({
								waiting: count.describe(
									'Workloads whose pods have another proxy and that are not being restarted now.',
								),
								current: list(word, 64).describe('Workloads that are being restarted: Deployment shop/web.'),
								message: optional(sentence).describe(
									'What restarts wait for, and which workloads are left as they are.',
								),
							})
							.meta({ title: 'RestartsStatus' }),
					).describe('Restarts of workloads with another proxy, see spec.upgrade.restartWorkloads.'),
				})
				.meta({ title: 'ProxiesStatus' }),
		).describe(
			"The proxies of users' pods in this cluster that ask this mesh. Numbers from 100 on are rounded to two digits. Pods that have ended or are about to do not count.",
		),
		joinedClusters: optional(word).describe('Joined and listed clusters: 2/3.'),
		clusters: optional(
			// One owner writes all of it: managed fields of each entry would take as much room as the entry.
			list(
				z
					.strictObject({
						name: z.string().min(1).max(63).describe('Name of the cluster, as in spec.multiCluster.clusters.'),
						role: optional(word).describe('Remote or Primary.'),
						id: optional(word).describe('UID of its namespace kube-system, which tells clusters apart.'),
						reachable: optional(z.boolean()).describe(
							'Whether its API server answers; absent while that is not known.',
						),
						lastSuccess: optional(time).describe('When its API server last answered; only while it does not.'),
						serverVersion: optional(word).describe('Version of its Kubernetes.'),
						latency: optional(word).describe(
							'How long its API server takes to answer, roughly: under 10ms, 50ms, 250ms, 1s or 5s.',
						),
						credentialsExpire: optional(time).describe('When the token by which Pilot reads the cluster ends.'),
						authorityExpires: optional(time).describe(
							'When the authority ends that the operator has issued to the cluster, Secret cacerts there.',
						),
						secret: optional(word).describe('namespace/name of the Secret that tells Pilot about the cluster.'),
						network: optional(word).describe('Its network.'),
						podCIDRs: optional(blocks).describe('Address blocks of its pods.'),
						serviceCIDRs: optional(blocks).describe('Address blocks of its Services.'),
						gateways: optional(list(word, 64)).describe(
							'Addresses of the gateway through which its network is entered.',
						),
						services: optional(count).describe('About how many Services it has, to two digits.'),
						endpoints: optional(count).describe('About how many Endpoints it has, to two digits.'),
						proxies: optional(
							z
								.strictObject({
									total: optional(count).describe('All of them. Absent while nobody knows.'),
									byVersion: optional(list(versionCount, 32)).describe('By their version.'),
									message: optional(sentence).describe('Why nobody knows, and what to do, for a person.'),
								})
								.meta({ title: 'ClusterProxies' }),
						).describe(
							"The proxies of users' pods there that ask this mesh, counted as in status.proxies, every five minutes or so. Absent before the first time.",
						),
						inventory: optional(inventory).describe('What the operator keeps in the cluster.'),
						conditions: optional(conditions).describe('The state of the cluster in the mesh.'),
					})
					.meta({ title: 'ClusterStatus' }),
				1_000,
			),
		).describe(
			'The clusters that join this one. With more than 256 of them, what is as it should be is told in brief.',
		),
		leftBehind: optional(
			listMap(
				z
					.strictObject({
						cluster: z.string().min(1).max(63).describe('Name that the cluster had in spec.multiCluster.clusters.'),
						since: time.describe('When it was given up.'),
						reason: word.describe('Why its objects could not be deleted.'),
						objects: optional(list(word, 64)).describe('What is left in it: kind and name.'),
					})
					.meta({ title: 'LeftBehind' }),
				'cluster',
				256,
			),
		).describe('Clusters that left and could not be cleaned. An entry goes when a cluster of that name joins again.'),
		inventory: optional(inventory).describe('What the operator keeps.'),
	})
	.meta({ title: 'MeshInstallationStatus', default: { observedGeneration: unobservedGeneration } });
