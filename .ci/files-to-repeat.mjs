// Prints the files with failed tests of a Vitest JSON report, a line each, if there are few. A failure that comes from a
// busy machine does not come again when the file runs alone; more failures than these are no accident.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const MOST_FILES = 4;

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const failed = report.testResults.filter((file) => file.status === 'failed').map((file) => relative(process.cwd(), file.name));
if (failed.length <= MOST_FILES) process.stdout.write(failed.map((path) => `${path}\n`).join(''));
