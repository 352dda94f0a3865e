/** How the image runs the operator (`deploy/Dockerfile`), and how much memory a process has. */
import { execFileSync } from 'node:child_process';

/** The flags with which the image starts Node. */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=2'];
/** The image's settings for glibc: freed memory goes back to the system instead of being kept in pieces. */
export const imageMalloc = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '49152' };

/** Resident memory of a process, megabytes (10⁶ bytes). `ps` tells KiB on Linux and macOS alike. */
export function rssMB(pid: number): number {
	return (Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024) / 1e6;
}
