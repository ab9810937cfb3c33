export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}
export function sum(counts: Counts[]): Counts;
export function failedPart(exitCode: number): Counts;
export function countVitest(file: string, exitCode: number): Counts;
export function countPlaywright(file: string, exitCode: number): Counts;
