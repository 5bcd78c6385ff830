// Compiles program/fast-path.bpf.c and writes the object, in base64, to src/program/object.ts: `pnpm --filter @nfqlb/fast-path run build:program`. A
// test compares what is there with a new compilation.
import { writeFileSync } from 'node:fs';
import { compileProgram, MODULE, moduleOf } from './compile-program.mjs';

writeFileSync(MODULE, moduleOf(compileProgram()));
