// Compiles the prebuilt addon for this platform: prebuilds/linux-x64-glibc.node. Run it on the oldest C library that should be supported.
import { join } from 'node:path';
import { compile, platform, root } from './compile.mjs';
import { note } from './source-digest.mjs';

const prebuilt = join(root, 'prebuilds', `${platform}.node`);
compile(prebuilt);
note(prebuilt);
console.log(prebuilt);
