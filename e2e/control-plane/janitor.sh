#!/bin/sh
# Removes a directory when the process that owns it is gone.
#
#   janitor.sh DIRECTORY
#
# Standard input is the lifeline, as in guard.sh. A line on it says that the owner has removed the directory itself. When
# it closes without one, the processes that write into the directory are being killed at this moment: hence several rounds.
if read -r _; then
	exit 0
fi
for _ in 1 2 3 4 5; do
	rm -rf "$1"
	sleep 0.1
done
