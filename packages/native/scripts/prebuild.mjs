// Compiles the addon and lays it down as the prebuilt one for this platform: prebuilds/linux-x64-glibc.node. To be run on the oldest
// C library that is to be supported.
import { join } from 'node:path';
import { compile, platform, root } from './compile.mjs';
import { note } from './source-digest.mjs';

const prebuilt = join(root, 'prebuilds', `${platform}.node`);
compile(prebuilt);
note(prebuilt);
console.log(prebuilt);
