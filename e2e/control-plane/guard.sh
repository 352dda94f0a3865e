#!/bin/sh
# Runs one command that must not outlive the process that started it.
#
#   guard.sh COMMAND ARGUMENT...
#
# Standard input is the lifeline: a pipe whose other end only the parent holds. However the parent ends (return, crash,
# Ctrl-C, SIGKILL), the kernel closes that end, and then this script kills its whole process group, itself included. Start
# it as the leader of a group of its own. A line on the pipe names a signal that the command is to get: TERM, KILL ...
# Exit code: the command's.
exec 3<&0 </dev/null
"$@" 3<&- &
command=$!
(
	while read -r signal; do
		kill -s "$signal" "$command"
	done <&3
	kill -s KILL 0
) &
watcher=$!
exec 3<&-
wait "$command"
code=$?
kill -s KILL "$watcher" 2>/dev/null
exit "$code"
