/** The one list of lines. */
import { classicLine } from './classic.ts';
import { istiodLine } from './istiod.ts';
import { Lines } from './registry.ts';

export const lines = new Lines([classicLine, istiodLine]);
