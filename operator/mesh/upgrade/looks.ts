/**
 * Runs the checks before a change of version in the background, so that no pass waits for them: one look for each mesh that
 * asks, again from time to time while it does. A pass gets what the last look found.
 */
import { setImmediate as immediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Lines } from '../../lines/index.ts';
import type { UpgradeFinding } from '../../plan/upgrade/finding.ts';
import type { ApiServer } from '../../runtime/client/api-server.ts';
import type { StoredInstallation } from '../installation.ts';
import type { UpgradeChecks, UpgradeSubject } from './checks.ts';
import type { KnownProxies } from './gather.ts';
import type { KnownNamespaces } from './gather-webhooks.ts';
import { askUpgrade } from './question.ts';

export interface UpgradeLooksOptions {
	readonly api: Pick<ApiServer, 'get' | 'list' | 'listPage' | 'pages'>;
	readonly lines: Lines;
	/** The proxies of a mesh, as the operator's index has them. */
	readonly proxiesOf?: ((object: StoredInstallation) => KnownProxies) | undefined;
	/** The namespaces, as the operator's caches have them. */
	readonly namespaces?: KnownNamespaces | undefined;
	/** Wall clock, milliseconds since 1970. */
	readonly wallClock: () => number;
	/** A look found something else than the one before. */
	readonly onChange: (mesh: string) => void;
	readonly onError: (error: unknown) => void;
	/** Time between two looks. Default: half a minute. */
	readonly everyMs?: number;
}

/** What was not seen by then is told as not looked at. */
const lookMs = 60_000;
/** After a look that failed. */
const retryMs = 5_000;

interface Look {
	object: StoredInstallation;
	readonly subject: UpgradeSubject;
	readonly ended: AbortController;
	found: readonly UpgradeFinding[] | undefined;
	timer: NodeJS.Timeout | undefined;
}

export class UpgradeLooks implements UpgradeChecks {
	readonly #options: UpgradeLooksOptions;
	readonly #looks = new Map<string, Look>();
	#isStopped = false;

	constructor(options: UpgradeLooksOptions) {
		this.#options = options;
	}

	/** What the last look found. Begins to look at the first call, and anew for another change. */
	of(object: StoredInstallation, subject: UpgradeSubject): readonly UpgradeFinding[] | 'looking' {
		const { name } = object.metadata;
		if (this.#isStopped) return 'looking';
		const known = this.#looks.get(name);
		if (known !== undefined && isSame(known.subject, subject)) {
			known.object = object;
			return known.found ?? 'looking';
		}
		this.forget(name);
		const look: Look = { object, subject, ended: new AbortController(), found: undefined, timer: undefined };
		this.#looks.set(name, look);
		void this.#lookNow(name, look);
		return 'looking';
	}

	/** No change of version of this mesh is about to begin. */
	forget(mesh: string): void {
		const look = this.#looks.get(mesh);
		clearTimeout(look?.timer);
		look?.ended.abort();
		this.#looks.delete(mesh);
	}

	stop(): void {
		this.#isStopped = true;
		for (const mesh of [...this.#looks.keys()]) this.forget(mesh);
	}

	async #lookNow(mesh: string, look: Look): Promise<void> {
		const { api, lines, wallClock, onChange, onError, everyMs = 30_000 } = this.#options;
		const { ended, object, subject } = look;
		let againMs = everyMs;
		// Whoever asks goes on first: the checks render both versions.
		await immediate();
		if (ended.signal.aborted) return;
		try {
			const { from, to, former, next } = subject;
			const { findings } = await askUpgrade(
				{
					from: { version: from, mesh: former?.mesh },
					to: { version: to, problems: [], mesh: next.mesh },
					status: object.status,
				},
				{
					lines,
					api,
					proxies: this.#options.proxiesOf?.(object),
					namespaces: this.#options.namespaces,
					now: new Date(wallClock()),
					signal: AbortSignal.any([ended.signal, AbortSignal.timeout(lookMs)]),
				},
			);
			if (ended.signal.aborted) return;
			const isNews = !isDeepStrictEqual(findings, look.found);
			look.found = findings;
			if (isNews) onChange(mesh);
		} catch (error) {
			if (ended.signal.aborted) return;
			// What was found before stands until a look ends.
			onError(error);
			againMs = Math.min(everyMs, retryMs);
		}
		look.timer = setTimeout(() => void this.#lookNow(mesh, look), againMs);
		look.timer.unref();
	}
}

/** Resolving makes a new mesh only when the spec changes. */
function isSame(a: UpgradeSubject, b: UpgradeSubject): boolean {
	return a.from === b.from && a.to === b.to && a.next.mesh === b.next.mesh && a.former?.mesh === b.former?.mesh;
}
