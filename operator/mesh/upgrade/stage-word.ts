/** What a stage's own pods say becomes what the stage waits for, what its owner insists on, and what is remarked about it. */
import { Buffer } from 'node:buffer';
import { type UpgradeStage, upgradeDespiteAnnotation } from '../../../api/v1/index.ts';
import type { Trouble } from '../../plan/upgrade/advance.ts';
import { found } from '../../plan/upgrade/catalogue.ts';
import { stageIndex, type UpgradeRecord } from '../../plan/upgrade/course.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import { readInsistence } from '../../plan/upgrade/insist.ts';
import type { OwnWord } from '../../plan/upgrade/own-word.ts';
import type { KubeObject } from '../../runtime/object.ts';
import { objectKey } from '../../runtime/object.ts';
import type { StoredInstallation } from '../installation.ts';
import type { PodsSeen } from '../pods.ts';
import type { OwnWords, Word } from './own-words.ts';
import type { Walk } from './walk.ts';

export interface WordInput {
	readonly object: Pick<StoredInstallation, 'metadata'>;
	readonly walk: Pick<Walk, 'course'>;
	readonly view: { readonly objects: readonly KubeObject[] };
	readonly pods: PodsSeen | undefined;
	/** What pods are asked themselves, and who asks them. */
	readonly words: readonly OwnWord[];
	readonly ownWords: Pick<OwnWords, 'of'>;
}

export interface StageWord {
	readonly stage: UpgradeStage;
	readonly deployment: string;
	readonly heard: Word;
	/** What its pods say against the stage, when that is a blocker on which an owner may insist. */
	readonly blocker: UpgradeFinding | undefined;
	/** Whether the owner does. */
	readonly isInsisted: boolean;
}

/** What the pods of the stage that it is at say themselves. A stage that waits to be followed by the next one is over. */
export function wordOf(input: WordInput, stage: UpgradeStage): StageWord | undefined {
	const { walk, object, words, ownWords, pods, view } = input;
	const { record, direction } = walk.course;
	const word = words.find((one) => one.stage === stage);
	if (word === undefined || direction === 'back' || isOver(record)) return undefined;
	const seen = (pods?.podsOf(word.deployment) ?? []).filter((pod) => !pod.isOver && pod.endsAt === undefined);
	const heard = ownWords.of(object.metadata.name, {
		stageKey: JSON.stringify([stage, record.to, record.startedAt, record.settings]),
		word,
		pods: seen,
		ca: word.kind === 'webhook' ? authoritiesOf(view.objects, word.configuration) : undefined,
	});
	const blocker =
		word.kind === 'counters' && heard.kind === 'against'
			? found('configuration-rejected', `Deployment ${word.deployment}:`, heard.sentence)
			: undefined;
	const insisted = readInsistence(object.metadata.annotations?.[upgradeDespiteAnnotation]);
	const isInsisted = blocker !== undefined && insisted.includes(blocker.name);
	return { stage, deployment: word.deployment, heard, blocker, isInsisted };
}

/** What the stage waits for because of its word. */
export function waitingForWord({ heard, deployment, isInsisted }: StageWord): string | undefined {
	if (isInsisted) return undefined;
	if (heard.kind === 'asking') return `Deployment ${deployment}: its pods are asked themselves`;
	return heard.kind === 'against' ? heard.sentence : undefined;
}

/** What its word has against the stage, unless the owner insists. */
export function rejected(word: StageWord | undefined): Trouble | undefined {
	return word?.blocker === undefined || word.isInsisted || word.heard.kind !== 'against'
		? undefined
		: { reason: 'ConfigurationRejected', message: word.heard.sentence };
}

/** What could not be heard of a stage. It stays told when the stage is over. */
export function remarkOf(
	{ walk: { course }, words }: WordInput,
	stage: UpgradeStage,
	word: StageWord | undefined,
): string | undefined {
	if (course.direction === 'back' || !words.some((one) => one.stage === stage)) return undefined;
	if (stage === word?.stage)
		return word.heard.kind === 'unheard'
			? `it goes by the readiness of its pods, whose own word could not be heard: ${word.heard.sentence}`
			: undefined;
	const isPast = stageIndex(stage) < course.at || (stageIndex(stage) === course.at && isOver(course.record));
	return isPast ? course.record.plan?.find((one) => one.stage === stage)?.message : undefined;
}

function isOver({ state }: UpgradeRecord): boolean {
	return state === 'WaitingForApproval' || state === 'WaitingForWindow';
}

/** The authorities by which API servers check a webhook, PEM. */
function authoritiesOf(objects: readonly KubeObject[], configuration: string): string | undefined {
	const found = objects.find((object) => objectKey(object) === configuration) as
		| { readonly webhooks?: readonly { readonly clientConfig?: { readonly caBundle?: string } }[] }
		| undefined;
	const bundle = found?.webhooks?.[0]?.clientConfig?.caBundle;
	return bundle === undefined ? undefined : Buffer.from(bundle, 'base64').toString();
}
