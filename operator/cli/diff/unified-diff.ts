/**
 * Line diffs for people, in the form of `diff -u`. The package `diff` finds them, and this writes them as patch(1) reads
 * them.
 */
import { type StructuredPatchHunk, structuredPatch } from 'diff';

/** Header lines, then hunks with `context` unchanged lines around each change. Empty when the texts are equal. */
export function unifiedDiff(
	names: { readonly before: string; readonly after: string },
	before: string,
	after: string,
	context = 3,
): string[] {
	const { hunks } = structuredPatch(names.before, names.after, terminated(before), terminated(after), '', '', {
		context,
	});
	return hunks.length === 0 ? [] : [`--- ${names.before}`, `+++ ${names.after}`, ...hunks.flatMap(hunkLines)];
}

function hunkLines({ oldStart, oldLines, newStart, newLines, lines }: StructuredPatchHunk): string[] {
	return [`@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@`, ...lines];
}

/** One line is written by its number alone, none by the number of the line before (POSIX, diff -u). */
function range(start: number, count: number): string {
	if (count === 0) return `${start - 1},0`;
	return count === 1 ? String(start) : `${start},${count}`;
}

/** Ends the last line, so that no diff is about a missing line feed alone. */
function terminated(text: string): string {
	return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
