/** The one list of lines. */
import { classicLine } from './classic.ts';
import { Lines } from './registry.ts';

export const lines = new Lines([classicLine]);
