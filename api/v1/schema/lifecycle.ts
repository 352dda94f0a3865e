/** How an installation changes and ends: upgrade, overlays, deletion. */
import { z } from 'zod';
import { upgradeStages } from '../constants.ts';
import {
	countOrPercent,
	duration,
	line,
	list,
	listMap,
	objectName,
	opaqueObject,
	optional,
	releaseVersion,
	set,
	text,
} from './fields.ts';
import { withRules } from './rules.ts';

const stage = z.enum(upgradeStages);

const approval = z
	.strictObject({
		version: optional(releaseVersion).describe('The version to which the approved stage leads.'),
		stage: optional(stage).describe('The last stage that is approved. Those before it are approved with it.'),
		operator: optional(line(64)).describe(
			'The version of the operator whose own changes are approved, see holdOperatorChanges.',
		),
	})
	.meta({ title: 'UpgradeApproval' });

const tag = z
	.strictObject({
		name: text(
			63,
			/^[a-z]([-a-z0-9]*[a-z0-9])?$/,
			'a name of small letters, digits and -, which begins with a letter',
		).describe('Name of the tag, for example prod. default is for namespaces and pods that name no revision.'),
		revision: optional(
			text(63, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'the name of a revision, such as 1-31-4 or default'),
		).describe('The revision that it stands for. When not set it follows spec.version.'),
	})
	.meta({ title: 'RevisionTag' });

const window = z
	.strictObject({
		schedule: line(128).describe('When the window opens: five fields of cron, for example "0 2 * * 6".'),
		duration: duration('1m', '168h').describe('How long it stays open.'),
		timeZone: optional(line(64)).describe(
			'Name of the time zone of schedule, for example Europe/Berlin. UTC when not set.',
		),
	})
	.meta({ title: 'MaintenanceWindow' });

export const upgrade = z
	.strictObject({
		strategy: optional(z.enum(['InPlace', 'Canary'])).describe(
			'InPlace: the control plane is replaced pod by pod. Canary: a second revision runs beside the first until all proxies have moved.',
		),
		progressDeadline: optional(duration('1m', '24h')).describe(
			'A stage that makes no progress for this long has failed. 10m when not set.',
		),
		onFailure: optional(z.enum(['Hold', 'Rollback'])).describe(
			'After a failed stage: stay as it is (Hold), or return to the version before (Rollback). Hold when not set.',
		),
		pauseBefore: optional(set(stage, 10)).describe(
			'The upgrade stops before each of these stages until it is approved: an approval in Git, for example.',
		),
		approved: optional(approval).describe('What may go on although pauseBefore or holdOperatorChanges stops it.'),
		windows: optional(list(window, 16)).describe(
			'Times at which gateways and workloads may be restarted for an upgrade. At any time when not set.',
		),
		tags: optional(listMap(tag, 'name', 16)).describe(
			'Releases of istiod: names for revisions, which namespaces and pods give in the label istio.io/rev. They move from one revision to the next when you say so.',
		),
		inactiveRevisionGracePeriod: optional(duration('0s', '720h')).describe(
			'Canary: how long the old revision stays after the last proxy has left it. 30m when not set.',
		),
		restartWorkloads: optional(
			z
				.strictObject({
					enabled: optional(z.boolean()).describe(
						'true: workloads with proxies of another version are restarted. false when not set.',
					),
					maxUnavailable: optional(countOrPercent).describe(
						'How many workloads are restarted at the same time. 1 when not set.',
					),
				})
				.meta({ title: 'RestartWorkloads' }),
		).describe('Whether the operator restarts workloads, so that they get the new proxy.'),
		holdOperatorChanges: optional(z.boolean()).describe(
			'true: what a new version of the operator would change in a mesh waits until approved.operator names that version. false when not set.',
		),
	})
	.meta({ title: 'Upgrade' });

const pointer = text(
	1024,
	/^[/][^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u,
	'a JSON pointer, such as /spec/replicas, without control and format characters',
);

const patchOperation = withRules(
	z.strictObject({
		op: z.enum(['add', 'remove', 'replace', 'move', 'copy', 'test']).describe('What to do (RFC 6902).'),
		path: pointer.describe('JSON pointer to the field, for example /spec/template/spec/dnsConfig.'),
		from: optional(pointer).describe('Where move and copy take the value from.'),
		value: optional(z.unknown().meta({ 'x-kubernetes-preserve-unknown-fields': true })).describe(
			'The value for add, replace and test, which must have one. null counts as absent: use remove.',
		),
	}),
	{
		rule: "(self.op in ['move', 'copy']) == has(self.from)",
		message: 'from must be set for move and copy, and for no others',
		remedy: 'Add or remove from.',
		at: 'from',
		holds: ({ op, from }) => (op === 'move' || op === 'copy') === (from !== undefined),
	},
).meta({ title: 'PatchOperation' });

export const overlay = withRules(
	z.strictObject({
		target: z
			.strictObject({
				kind: text(63, /^[A-Za-z][A-Za-z0-9]*$/, 'a kind, such as Deployment').describe(
					'Kind of the object. Not Secret, nor CustomResourceDefinition.',
				),
				name: objectName.describe('Name of the object.'),
			})
			.meta({ title: 'OverlayTarget' })
			.describe('The rendered object to change.'),
		patch: optional(list(patchOperation, 64).min(1)).describe(
			'JSON patch (RFC 6902). Its operations see the object as it would be written, without anything empty.',
		),
		mergePatch: optional(opaqueObject).describe('JSON merge patch (RFC 7386): null removes a field.'),
	}),
	{
		rule: 'has(self.patch) != has(self.mergePatch)',
		message: 'exactly one of patch and mergePatch must be set',
		remedy: 'Keep one of the two fields.',
		holds: ({ patch, mergePatch }) => (patch === undefined) !== (mergePatch === undefined),
	},
).meta({ title: 'Overlay' });

export const deletion = z
	.strictObject({
		policy: optional(z.enum(['Delete', 'Retain'])).describe(
			'What becomes of the control plane when this object is deleted: deleted with it, or kept as it is (Retain). CRDs, the namespace and your own Istio objects always stay. Delete when not set.',
		),
		force: optional(z.boolean()).describe(
			'true: everything is deleted at once instead of in order, and nothing is waited for. false when not set.',
		),
		blockWhileInUse: optional(z.boolean()).describe(
			'true: deletion waits until no pod has a proxy of this mesh any more. false when not set: it warns with their number.',
		),
		timeout: optional(duration('1s', '24h')).describe(
			'Deletion ends after this time; what could not be deleted is named in an Event and left behind. 10m when not set.',
		),
	})
	.meta({ title: 'Deletion' });
