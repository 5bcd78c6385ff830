#!/usr/bin/env node
// `pnpm nfqlb` in a clone.
import { runProgram } from './checkout-program.mjs';

await runProgram('cli', 'nfqlb');
