#!/usr/bin/env node
// `pnpm sim` in a clone.
import { runProgram } from './checkout-program.mjs';

await runProgram('sim', 'sim');
