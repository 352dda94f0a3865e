/**
 * Structured logs: one JSON object per line on standard output. Secrets never come out: neither by a key that looks like a
 * credential, nor in the data of a Secret, nor in the body or headers that an error carries.
 */
import { randomBytes } from 'node:crypto';
import { type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger, pino } from 'pino';
import { isRecord } from '../object-shape.ts';
import { escapeJson } from '../visible-text.ts';
import { redact } from './redact.ts';

export type { Logger } from 'pino';

/** The part of a logger that most code needs. */
export type LogSink = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LoggerOptions {
	/** Default `info`. */
	readonly level?: LogLevel;
	/** Default: standard output, written synchronously so that nothing is lost when the process ends. */
	readonly destination?: DestinationStream;
}

/**
 * Makes the root logger. The level is a word, the time in ISO form. Pass an error under the key `err`, or as the first
 * argument. It comes out with class, message, status, object and causes, and without what a response carried.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
	const destination = options.destination ?? pino.destination({ fd: 1, sync: true });
	// JSON leaves characters as they are that a terminal obeys, and `kubectl logs` ends in one.
	const readable: DestinationStream = { write: (line) => destination.write(escapeJson(line)) };
	const root = pino(
		{
			level: options.level ?? 'info',
			base: null,
			messageKey: 'message',
			errorKey: 'err',
			timestamp: pino.stdTimeFunctions.isoTime,
			formatters: { level: (label) => ({ level: label }) },
			// Errors are described before pino sees them.
			serializers: { err: (error: unknown) => error },
			hooks: {
				logMethod(args, method) {
					method.apply(this, safeArguments(args) as typeof args);
				},
			},
		},
		readable,
	);
	// pino calls no hook of the root with the fields of a child logger. All children inherit this function.
	const makeChild: (this: Logger, fields: Bindings, options?: ChildLoggerOptions) => Logger = root.child;
	return Object.assign(root, {
		child(this: Logger, fields: Bindings, childOptions?: ChildLoggerOptions) {
			return makeChild.call(this, redact(fields) as Bindings, childOptions);
		},
	});
}

/**
 * The arguments of a log call, without secrets: `(message, ...values)`, `(error, message?)` or `(fields, message?,
 * ...values)`.
 */
function safeArguments(args: readonly unknown[]): readonly unknown[] {
	const [first, ...rest] = args.map(redact);
	if (!(args[0] instanceof Error)) {
		// When the message is missing, pino takes that of the error, in full. So pass the safe one.
		const err = isRecord(first) ? first.err : undefined;
		return rest.length === 0 && isRecord(err) && 'message' in err ? [first, err.message] : [first, ...rest];
	}
	const message = isRecord(first) ? first.message : undefined;
	return [{ err: first }, ...(rest.length === 0 ? [message] : rest)];
}

/** A child logger for one pass over one key: every line of the pass has the same `pass` id. */
export function passLogger(logger: Logger, fields: Readonly<Record<string, unknown>>): Logger {
	return logger.child({ ...fields, pass: randomBytes(6).toString('hex') });
}
