/**
 * The script of a probe. It connects to each target and prints one line about the outcome, in a form that can't be confused
 * with anything else. It needs only a POSIX shell and curl. Targets are arguments, never part of the script.
 */

/** A target to connect to. */
export interface ProbeTarget {
	readonly kind: 'api' | 'pod';
	/** Name of the target's cluster. */
	readonly cluster: string;
	/** `https://host:port/version` of an API server, `http://10.1.2.3:15010/` of a pod. */
	readonly url: string;
}

/** The beginning of each line, with the version of the form. */
export const probeMark = 'meshwright-probe/1';

/** Deadlines of a connection, and of a target as a whole. */
const connectSeconds = 3;
export const targetSeconds = 6;
/** This many targets are tried at once. Each costs a process. */
const sideBySide = 8;

/**
 * Prints `<mark> <index> <exit code of curl> <name looked up> <connected> <TLS ready>` for each target. The last three are
 * seconds, 0 when it did not get that far. Then it prints `<mark> end <number of targets>`. It verifies no certificates,
 * because it tells nothing: the request has no credentials, and the answer is thrown away.
 */
export const probeScript = `probe() {
	times=$(curl -q -s -k -g -o /dev/null --noproxy '*' --connect-timeout ${connectSeconds} --max-time ${targetSeconds} \\
		-w '%{time_namelookup} %{time_connect} %{time_appconnect}' --url "$2" 2>/dev/null)
	code=$?
	printf '%s %s %s %s\\n' '${probeMark}' "$1" "$code" "$times"
}
count=0
while [ "$#" -ge 2 ]; do
	probe "$1" "$2" &
	shift 2
	count=$((count + 1))
	if [ $((count % ${sideBySide})) -eq 0 ]; then wait; fi
done
wait
printf '%s end %s\\n' '${probeMark}' "$count"
`;

/** The arguments of the script: index and URL of each target. */
export function probeArguments(targets: readonly ProbeTarget[]): readonly string[] {
	return targets.flatMap(({ url }, index) => [String(index), url]);
}

/** The longest time that the script takes. */
export function probeSeconds(targets: number): number {
	return Math.ceil(targets / sideBySide) * (targetSeconds + 1) + 5;
}
