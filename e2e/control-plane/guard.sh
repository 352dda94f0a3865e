#!/bin/sh
# Runs one command that must not outlive the process that started it.
#
#   guard.sh COMMAND ARGUMENT...
#
# Standard input is the lifeline: a pipe whose other end only the parent holds. However the parent ends (return, crash,
# Ctrl-C, SIGKILL), the kernel closes that end, and then this script kills its whole process group, itself included. Start
# it as the leader of a group of its own. File descriptor 3 receives the process id of the command, for signals to it
# alone. Exit code: the command's.
exec 4<&0 </dev/null
"$@" 3>&- 4<&- &
command=$!
echo "$command" >&3
exec 3>&-
(
	read -r _ <&4
	kill -s KILL 0
) &
watcher=$!
exec 4<&-
wait "$command"
code=$?
kill -s KILL "$watcher" 2>/dev/null
exit "$code"
