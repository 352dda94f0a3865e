/**
 * What a probe does in a cluster: it connects to each target and says how that went, one line each, in a form that nothing
 * else is mistaken for. A POSIX shell and curl are all that it needs. Targets come as arguments, never as part of the script.
 */

/** What is tried. */
export interface ProbeTarget {
	readonly kind: 'api' | 'pod';
	/** Name of the cluster that it is in. */
	readonly cluster: string;
	/** `https://host:port/version` of an API server, `http://10.1.2.3:15010/` of a pod. */
	readonly url: string;
}

/** The beginning of each line, with the version of the form. */
export const probeMark = 'meshwright-probe/1';

/** Seconds: for a connection, and for all of one target. */
export const connectSeconds = 3;
export const targetSeconds = 6;
/** Targets that are tried at once: each costs a process. */
const sideBySide = 8;

/**
 * `<mark> <index> <exit code of curl> <name looked up> <connected> <TLS ready>`, the last three in seconds, 0 where it did
 * not come so far; then `<mark> end <number of targets>`. Nothing is verified, since nothing is told: the request has no
 * credentials, and what is answered is thrown away.
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

/** Arguments of the script: index and URL of each. */
export function probeArguments(targets: readonly ProbeTarget[]): readonly string[] {
	return targets.flatMap(({ url }, index) => [String(index), url]);
}

/** So long does the script take at most, seconds. */
export function probeSeconds(targets: number): number {
	return Math.ceil(targets / sideBySide) * (targetSeconds + 1) + 5;
}
