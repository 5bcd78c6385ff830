// `NODE_OPTIONS=--import=…/takeover-fault.mjs NFQLB_TAKEOVER_FAULT=yours:before:hang nfqlb lb …`: the program dies, or hangs, right before or right after it says a
// word of a takeover (packages/protocol/src/takeover/takeover-message.ts). Says so first, on stderr.

import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import process from 'node:process';

const [word, when, what] = process.env.NFQLB_TAKEOVER_FAULT.split(':');
const { writeSync } = fs;

/** What a message is called. */
function wordOf(text) {
  if (typeof text !== 'string' || !text.startsWith('{')) return undefined;
  const message = JSON.parse(text);
  if (message.word !== undefined) return message.word;
  if (message.takeover === undefined) return undefined;
  return message.descriptors === undefined ? 'request' : 'offer';
}

function strike() {
  writeSync(2, `fault: ${word} ${when} ${what}\n`);
  process.kill(process.pid, what === 'die' ? 'SIGKILL' : 'SIGSTOP');
}

/** Calls what sends a message, and strikes before or after that. */
function saying(text, send) {
  const isIt = wordOf(text) === word;
  if (isIt && when === 'before') strike();
  const result = send();
  if (isIt && when === 'after') strike();
  return result;
}

// The new program says its words by `writeSync`, the old one by the addon.
fs.writeSync = (...args) => saying(args[1], () => writeSync(...args));
syncBuiltinESMExports();
const { dlopen } = process;
process.dlopen = (module, ...args) => {
  dlopen.call(process, module, ...args);
  const { sendDescriptors } = module.exports;
  if (sendDescriptors === undefined) return;
  module.exports = Object.create(module.exports, {
    sendDescriptors: { value: (fd, text, descriptors) => saying(text, () => sendDescriptors(fd, text, descriptors)) },
  });
};
