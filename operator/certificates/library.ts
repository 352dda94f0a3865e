/** What all certificates that the operator makes have in common, and the library that makes them. */
import { randomBytes } from 'node:crypto';

/** A certificate is valid from this much earlier on, because the clocks of nodes differ. */
export const clockSkewMs = 5 * 60_000;

/**
 * Loads the library when it is needed: few processes ever issue a certificate. The library's injector wants
 * `reflect-metadata` first.
 */
export async function loadLibrary(): Promise<typeof import('@peculiar/x509')> {
	await import('reflect-metadata');
	return import('@peculiar/x509');
}

/** Rounds down to seconds, as certificates store times. */
export function wholeSeconds(ms: number): Date {
	return new Date(Math.floor(ms / 1000) * 1000);
}

/** 127 random bits: positive, as RFC 5280 demands. */
export function serialNumber(): string {
	const bytes = randomBytes(16);
	bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
	return bytes.toString('hex');
}

/** The text with exactly one line feed at its end. */
export function pemText(pem: string): string {
	return `${pem.trim()}\n`;
}
