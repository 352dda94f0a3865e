/** What every release of every line tells about itself. */
import type { KubernetesSupport } from './component.ts';
import type { LabelRule } from './label-rule.ts';

/** A release that can be installed. Each line has a type of its own with everything else. */
export interface Release {
	/** Name of the line that installs it. */
	readonly line: string;
	/** The full version: `1.4.10`. */
	readonly version: string;
	readonly kubernetes: KubernetesSupport;
	/** CPU architectures of the published images. */
	readonly architectures: readonly string[];
	/** The labels by which people know its objects. Default: none. */
	readonly labels?: readonly LabelRule[];
	/** What of this release nobody could check, in a sentence for whoever installs it. Undefined when all of it was read. */
	readonly unchecked?: string;
	/** The oldest version of each kind of the Gateway API that it reads, by plural. Undefined when it knows none. */
	readonly gatewayApi?: Readonly<Record<string, string>>;
}

/** A minor that was supported once and can no longer be installed. */
export interface EndOfLine {
	readonly minor: string;
	/** What to do instead. */
	readonly remedy: string;
}
